// Who may ask for what: pages of other sites, logins that are guessed, reading that needs a login, read-only mode.
import assert from "node:assert/strict";
import { NORMAL } from "../../firmware/battery/snapshot";
import { newestSlot } from "../../firmware/config/slots.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { settleLogin } from "../../firmware/settings/login.cold";
import { sealStored } from "../../firmware/settings/seal.cold";
import { answer } from "../../firmware/api/routes.cold";
import { bakeText } from "../../tools/bake/text";
import { bench, type Bench, putAll } from "../settings/bench";

const TOKEN = "X-Setup-Token: letmein",
  PAGE = "X-Requested-With: page",
  PATCH = '{"log":{"level":"info"}}';

interface Answer {
  status: number;
  head: string;
  code: string;
  where: string;
}

/** What a request gets: method and path, lines of its head, its body. */
function ask(one: Bench, request: string, lines: string[], body = ""): Answer {
  const [method, path] = request.split(" ") as [string, string],
    pieces = answer(one.app, method, path, [`${request} HTTP/1.1`, ...lines].join("\r\n"), body, "");
  let text = pieces(0);
  for (; text === null && one.turn(); text = pieces(0));
  text ??= pieces(0)!;
  while (one.turn());
  const end = text.indexOf("\r\n\r\n"),
    { err } = (text.includes(" 200 ") ? {} : JSON.parse(text.slice(end))) as { err?: { code: string; where: string } };
  return { status: +text.split(" ")[1]!, head: text.slice(0, end + 2), code: err?.code ?? "", where: err?.where ?? "" };
}

const read = (one: Bench, ...lines: string[]): Answer => ask(one, "GET /api/mqtt", lines);
const change = (one: Bench, ...lines: string[]): Answer => ask(one, "PUT /api/config", lines, PATCH);
const basic = (pass: string): string => `Authorization: Basic ${Buffer.from(`admin:${pass}`).toString("base64")}`;

/** A device with these settings of HTTP. */
function device(http: Record<string, unknown> = {}): Bench {
  const one = bench(NORMAL);
  if (Object.keys(http).length) assert.equal(putAll(one, JSON.stringify({ http })).code, "");
  return one;
}

describe("pages of other sites", () => {
  before(() => setImageText(bakeText()));

  const hosts: [string, number][] = [
    ...[
      "192.0.2.7",
      "192.0.2.7:8080",
      "gateway",
      "localhost:8080",
      "ESP32-00C40A24.local",
      "gateway.lan",
      "a.home.arpa",
    ],
    "[fe80::1]:80",
  ].map((host) => [host, 200]);
  for (const host of [
    "evil.example",
    "evil.example:80",
    "1.2.3.4.evil.example",
    "local.example",
    "notlocal",
    "x.notlocal",
  ])
    hosts.push([host, host === "notlocal" ? 200 : 421]);
  for (const [host, status] of hosts)
    it(`${status} by the name ${host}, which a foreign page can ${status === 200 ? "not " : ""}make ours`, () => {
      assert.deepEqual(
        [read(device(), "Host: " + host).status, change(device(), "Host: " + host, TOKEN).status],
        [status, status],
      );
    });

  it("tools say no Origin, our page its own, another page another one", () => {
    const host = "Host: 192.0.2.7:8080";
    for (const origin of ["", "Origin: http://192.0.2.7:8080", "origin: HTTPS://192.0.2.7:8080"])
      assert.equal(change(device(), host, origin || "Accept: */*", TOKEN).status, 200, origin);
    for (const origin of [
      "null",
      "http://192.0.2.7",
      "http://evil.example",
      "http://192.0.2.7:8080.evil.example",
      "x",
    ]) {
      const foreign = change(device(), host, "Origin: " + origin, TOKEN);
      assert.deepEqual([foreign.status, foreign.where], [403, "Origin"], origin);
      assert.doesNotMatch(foreign.head, /Access-Control/);
      assert.equal(read(device(), host, "Origin: " + origin).status, 403, origin);
    }
  });

  it("a form of another site, as browsers that leave out Origin tell of it", () => {
    const host = "Host: gateway";
    for (const [site, status] of [
      ["cross-site", 403],
      ["same-site", 403],
      ["same-origin", 200],
      ["none", 200],
    ] as const) {
      assert.equal(change(device(), host, "Sec-Fetch-Site: " + site, TOKEN).status, status, site);
      assert.equal(read(device(), host, "Sec-Fetch-Site: " + site).status, 200, "a link to us");
    }
  });

  it("a page sends X-Requested-With to change something, which another site's cannot without a look ahead", () => {
    const one = device({ pass: "right" });
    for (const line of ["Origin: http://gateway", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"]) {
      const login = [line, "Host: gateway", basic("right")],
        { status, where } = change(one, ...login);
      assert.deepEqual([status, where], [403, "X-Requested-With"], line);
      assert.equal(change(one, ...login, PAGE).status, 200, line);
      assert.equal(read(one, ...login).status, 200, "reading changes nothing");
    }
    assert.equal(change(one, "Host: gateway", basic("right")).status, 200, "a tool");
  });

  it("http.cors lets pages of other origins in, after a look ahead too, and a proxy of that name", () => {
    const one = device({ cors: "http://panel.example:3000, https://home.example" }),
      host = "Host: gateway";
    for (const origin of ["http://panel.example:3000", "https://home.example"]) {
      const got = change(one, host, "Origin: " + origin, TOKEN);
      assert.equal(got.status, 200);
      assert.match(got.head, new RegExp(`\r\nAccess-Control-Allow-Origin: ${origin}\r\nVary: Origin\r\n`));
      const ahead = ask(one, "OPTIONS /api/config", [host, "Origin: " + origin, "Access-Control-Request-Method: PUT"]);
      assert.equal(ahead.status, 200);
      assert.match(ahead.head, /\r\nAccess-Control-Allow-Methods: GET, PUT, POST\r\n/);
      assert.match(ahead.head, /\r\nAccess-Control-Allow-Headers: .*X-Setup-Token/);
      const refused = change(one, host, "Origin: " + origin, PAGE);
      assert.equal(refused.status, 401, "and needs the login all the same");
      assert.match(refused.head, /Access-Control-Allow-Origin/, "which its script can read");
    }
    for (const origin of ["http://panel.example", "http://home.example", "http://evil.example"])
      for (const request of ["OPTIONS /api/config", "GET /api/mqtt"]) {
        const { status, head } = ask(one, request, [host, "Origin: " + origin]);
        assert.equal(status, 403, origin);
        assert.doesNotMatch(head, /Access-Control/);
      }
    assert.equal(read(one, "Host: home.example").status, 200);
    assert.equal(read(one, "Host: other.example").status, 421);
    assert.equal(ask(one, "OPTIONS /api/config", [host]).status, 405, "of no page");
  });
});

describe("logins", () => {
  before(() => setImageText(bakeText()));

  it("a refusal opens the browser's own window for tools and links, not for our page, which has a form", () => {
    const one = device({ pass: "right" });
    for (const lines of [[], [basic("wrong")]]) {
      assert.match(change(one, ...lines).head, /\r\nWWW-Authenticate: Basic /);
      const page = change(one, "X-Requested-With: page", ...lines);
      assert.equal(page.status, 401);
      assert.match(page.head, /\r\nWWW-Authenticate: Login /);
      assert.doesNotMatch(page.head, /Basic/);
    }
  });

  it("the set-up token and the device's own password log in until the owner sets one, and again when that is gone", () => {
    const one = device(),
      own = (): string => /password: (\S+)$/.exec(one.said.at(-1)!)![1]!;
    settleLogin(one.app);
    const first = own();
    assert.match(first, /^([0-9a-z]{4}-){2}[0-9a-z]{4}$/);
    assert.deepEqual(one.said.slice(-2), ["setup token: letmein", `login: admin, password: ${first}`]);
    settleLogin(one.app);
    assert.equal(own(), first, "the same at each start");
    for (const line of [TOKEN, basic(first)]) assert.equal(change(one, line).status, 200);
    for (const line of [TOKEN + "x", "X-Setup-Token:", basic(""), basic(first.slice(1)), basic("letmein")])
      assert.equal(change(one, line).status, 401, line);
    assert.equal(change(one, basic(first).replace("Basic", "Bearer")).status, 401);
    assert.equal(ask(one, "PUT /api/config", [basic(first)], '{"http":{"pass":"right"}}').status, 200);
    assert.equal(one.said.at(-1), "login: admin, password: the one that was set");
    for (const line of [TOKEN, basic(first)]) assert.equal(change(one, line).status, 401, line);
    assert.equal(ask(one, "PUT /api/config", [basic("right")], '{"http":{"pass":null}}').status, 200);
    assert.notEqual(own(), first, "another one");
    for (const line of [TOKEN, basic(own())]) assert.equal(change(one, line).status, 200, line);
    assert.equal(change(one, basic(first)).status, 401);
  });

  it("the device's own password never waits: nobody guesses it", () => {
    const one = device();
    settleLogin(one.app);
    for (let i = 0; i < 50; i++) assert.equal(change(one, basic("guess " + i)).status, 401);
    assert.equal(change(one, basic(/password: (\S+)$/.exec(one.said.at(-1)!)![1]!)).status, 200);
  });

  it("before the radio is on nothing is made, and nobody gets in", () => {
    const one = device(),
      { random } = one.app.natives;
    one.app.token = one.app.mark = "";
    one.app.natives.random = () => NaN;
    settleLogin(one.app);
    assert.deepEqual([one.said, one.app.token, one.app.mark], [[], "", ""]);
    for (const line of ["X-Setup-Token:", "X-Setup-Token: ", basic(""), "Accept: */*"])
      assert.equal(change(one, line).status, 401, line);
    one.app.natives.random = random;
    settleLogin(one.app);
    assert.match(one.app.token, /^[0-9a-f]{16}$/);
    assert.equal(change(one, "X-Setup-Token: " + one.app.token).status, 200);
  });

  it("half a file of the own password is none: a new one is made", () => {
    const one = device();
    settleLogin(one.app);
    const whole = one.app.store.read("login")!;
    for (let length = 0; length < whole.length; length++) {
      one.app.store.write("login", whole.slice(0, length) + "\xff".repeat(whole.length - length));
      settleLogin(one.app);
      const login = basic(/password: (\S+)$/.exec(one.said.at(-1)!)![1]!);
      assert.equal(change(one, login).status, 200, `${length} bytes of it`);
      assert.notEqual(one.app.store.read("login"), whole);
    }
  });

  it("a password is kept as a salted hash, another one each time; one that was not is hashed at the next start", () => {
    const one = device({ user: "me", pass: "a: word" }),
      kept = (): string => {
        const { document } = newestSlot(one.app.store, one.app.natives.crc32);
        return (JSON.parse(document) as { http: { pass: string } }).http.pass;
      },
      login = `Authorization: Basic ${Buffer.from("me:a: word").toString("base64")}`,
      first = kept();
    assert.equal(change(one, login).status, 200);
    assert.match(first, /^\$500\$[0-9a-f]{16}\$[\w+/]{22}==$/);
    putAll(one, '{"http":{"pass":"a: word"}}');
    assert.notEqual(kept(), first);
    sealStored(one.app);
    while (one.turn());
    const before = newestSlot(one.app.store, one.app.natives.crc32);
    for (const pass of ["plain", 'quote" and \\', "$500$x$y", "$0$$" + "x".repeat(24)]) {
      const text = JSON.stringify({ http: { user: "me", pass } }),
        hex = (value: number): string => (0x100000000 + value).toString(16).slice(1);
      const crc = one.app.natives.crc32(text);
      one.app.store.write(before.name, "TBC1" + hex(before.seq + 2) + hex(crc) + text);
      const plain = `Authorization: Basic ${Buffer.from("me:" + pass).toString("base64")}`;
      assert.equal(change(one, plain).status, 200, "as it is");
      one.app.store.write(before.name, "TBC1" + hex(before.seq + 9) + hex(crc) + text);
      sealStored(one.app);
      while (one.turn());
      assert.match(kept(), /^\$500\$/);
      assert.equal(change(one, plain).status, 200, pass);
      assert.equal(change(one, login).status, 401);
      before.seq += 10;
    }
  });

  it("five wrong passwords make the others wait, but not who was logged in", () => {
    const one = device({ pass: "right" });
    let now = 92000;
    one.app.natives.now = () => now;
    const first = change(one, basic("right")),
      cookie = /\r\nSet-Cookie: (gateway=[0-9a-f]+); Path=\/; HttpOnly; SameSite=Strict\r\n/.exec(first.head)![1]!;
    assert.equal(first.status, 200);
    assert.equal(cookie, "gateway=" + one.app.mark, "a word of its own, which tells nothing of the token");
    for (let i = 0; i < 5; i++) assert.equal(change(one, basic("guess " + i)).status, 401);
    for (const pass of ["guess", "right"]) {
      const { status, head } = change(one, basic(pass));
      assert.deepEqual([status, /\r\nRetry-After: /.test(head)], [429, true], "it is not even looked at");
    }
    const again = change(one, basic("right"), "Cookie: a=b; " + cookie);
    assert.deepEqual([again.status, /Set-Cookie/.test(again.head)], [200, false]);
    assert.equal(change(one, "Cookie: " + cookie).status, 401, "which logs nobody in");
    assert.equal(change(one, basic("right"), `Cookie: ${cookie}0`).status, 429);
    assert.equal(change(one, TOKEN).status, 401, "the owner has set a password");
    assert.equal(read(one).status, 200);
    let looked = 0;
    for (let i = 0; i < 6000; i++, now += 10) if (change(one, basic("guess")).status === 401) looked++;
    assert.ok(looked >= 10 && looked <= 13, `${looked} guesses in a minute`);
    now += 5000;
    assert.equal(change(one, basic("right")).status, 200, "in its turn");
    assert.equal(change(one, basic("guess")).status, 401);
    now += 600001;
    for (let i = 0; i < 5; i++) assert.equal(change(one, basic("guess")).status, 401, "forgotten");
  });

  it("http.read_auth: reading needs the login too, from the change on", () => {
    const one = device({ pass: "right" });
    assert.equal(read(one).status, 200);
    putAll(one, '{"http":{"read_auth":true}}');
    for (const path of ["/api/mqtt", "/api/config", "/api/log"]) {
      assert.equal(ask(one, "GET " + path, []).status, 401, path);
      assert.equal(ask(one, "GET " + path, [basic("right")]).status, 200, path);
    }
    assert.equal(read(one, basic("right")).status, 200);
    assert.match(read(one).head, /WWW-Authenticate: Basic/);
    putAll(one, '{"http":{"read_auth":false}}');
    assert.equal(read(one).status, 200);
  });

  it("http.read_only: no change but the one that ends it", () => {
    const one = device({ read_only: true });
    assert.equal(read(one).status, 200);
    for (const [request, body] of [
      ["PUT /api/config", PATCH],
      ["PUT /api/config", '{"http":{"read_only":false},"log":{"level":"info"}}'],
      ["PUT /api/mqtt", '{"http":{"read_only":false}}'],
      ["PUT /api/config/import", "{}"],
      ["PUT /api/registers", '{"over_heat_cutoff":55}'],
    ] as const) {
      const { status, code } = ask(one, request, [TOKEN], body);
      assert.deepEqual([status, code], [403, "ReadOnly"], request);
    }
    assert.equal(ask(one, "POST /api/restart", [TOKEN]).status, 403);
    assert.equal(ask(one, "PUT /api/config", [], '{"http":{"read_only":false}}').status, 401);
    assert.equal(ask(one, "PUT /api/config", [TOKEN], '{"http":{"read_only":false}}\n').status, 200);
    assert.equal(change(one, TOKEN).status, 200);
  });
});
