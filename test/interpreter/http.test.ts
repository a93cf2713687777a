// The HTTP server in a real Espruino for Linux, asked byte by byte: what RFC 9110 and 9112 want of a small server.
import assert from "node:assert/strict";
import net from "node:net";
import { buildImage } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { until } from "../../tools/rig/wait";
import { routes } from "../../firmware/tables/routes";
import { answerOf, assertDescribed } from "../fixtures/openapi";

/** JsVars that the image has: with fewer at the peak it would run out of memory. */
const ROOM = 3900;

describe("HTTP in an Espruino for Linux", () => {
  let system: System;
  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    const { code: image } = await buildImage({ board: "host" });
    system = await startSystem({
      image,
      broker: "none",
      room: ROOM,
      settings: { mqtt: { enabled: false, user: "déjà" }, bms: { allow_write: true } },
    });
    await until(
      "the first answer",
      60000,
      async () => (await talk("GET /api/mqtt HTTP/1.1\r\nHost: a\r\n\r\n").catch(() => "")) !== "",
    );
  });
  after(() => system?.stop());

  /** What comes until the device closes, as bytes; `body` is sent when the device says that it may come. */
  function talk(head: string, body = ""): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      const wire = net.connect(system.httpPort, "127.0.0.1", () => {
        wire.write(Buffer.from(head, "latin1"));
      });
      wire.on("data", (bytes) => {
        if (text === "" && body) wire.write(Buffer.from(body, "latin1"));
        text += bytes.toString("latin1");
      });
      wire.on("error", reject);
      wire.on("close", () => resolve(text));
    });
  }
  const memoryFlags = async (): Promise<string[]> =>
    (await system.errorFlags()).filter((flag) => flag.startsWith("MEMORY"));
  const put = (headers: string, body = "{}"): string =>
    `PUT /api/mqtt?dry=1 HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

  it("takes the password and the token of the console until the owner sets a password, which is kept as a hash", async () => {
    const said = system.console.lines.join("\n"),
      own = /^login: admin, password: ([0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4})$/m.exec(said)![1]!,
      token = /^setup token: ([0-9a-f]{16})$/m.exec(said)![1]!;
    const basic = (pass: string): string =>
        `Authorization: Basic ${Buffer.from("admin:" + pass).toString("base64")}\r\n`,
      set = async (line: string, pass: string): Promise<string> => {
        const body = Buffer.from(`{"http":{"pass":${JSON.stringify(pass)}}}`).toString("latin1"),
          head = `PUT /api/config HTTP/1.1\r\nHost: a\r\n${line}Content-Length: ${body.length}\r\n\r\n`;
        return (await talk(head + body)).split("\r\n")[0]!;
      };
    const raw = (text: string): string => `Authorization: Basic ${text}\r\n`;
    for (const line of [
      "",
      basic(""),
      basic(own + "0"),
      basic("!"),
      "X-Setup-Token: \r\n",
      raw("="),
      raw("=="),
      raw("= ="),
    ])
      assert.equal(await set(line, "mine"), "HTTP/1.1 401 Unauthorized", line);
    assert.equal(await set(`X-Setup-Token: ${token}\r\n`, ""), "HTTP/1.1 200 OK");
    assert.equal(await set(basic(own), "café"), "HTTP/1.1 200 OK");
    for (const line of [basic(own), `X-Setup-Token: ${token}\r\n`, basic("cafe")])
      assert.equal(await set(line, "mine"), "HTTP/1.1 401 Unauthorized", line);
    const flash = 'require("Storage").read("cfg.a")+require("Storage").read("cfg.b")';
    system.tell(
      `print("kept "+JSON.stringify((${flash}).match(/"pass":"([^"]*)"/)[1])+" "+require("Storage").read("login"))`,
    );
    const kept = await until("what is kept", 10000, async () =>
      system.console.lines.map((line) => /^kept (.*)/.exec(line)?.[1]).find((line) => line !== undefined),
    );
    assert.match(kept, /^"\$500\$[0-9a-f]{16}\$[\w+/]{22}==" undefined$/);
    assert.equal(await set(basic("café"), "café"), "HTTP/1.1 200 OK");
    assert.deepEqual(await memoryFlags(), []);
    assert.deepEqual(system.errors(), []);
  });

  it("skips an empty line, takes an absolute target; the end of the connection ends an answer in pieces", async () => {
    const answer = await talk("\r\nGET http://gateway/api/mqtt HTTP/1.1\r\nHost: gateway\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    const [head, body] = answer.split("\r\n\r\n") as [string, string];
    assert.doesNotMatch(head, /Content-Length/);
    assert.equal((JSON.parse(Buffer.from(body, "latin1").toString()) as { user: string }).user, "déjà");
  });

  it("tells a silent client that makes room so, in a whole answer, and answers the new one", async () => {
    const silent = Array.from({ length: 4 }, () => talk(""));
    await until("four clients", 10000, async () => {
      const { text } = await system.http("/api/mqtt").catch(() => ({ text: "" }));
      return text !== "";
    });
    const told = await Promise.race(silent);
    assert.match(told, /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\nRetry-After: 1\r\n[^]*"code":"Busy"[^]*}\r\n$/);
    await Promise.all(silent);
  });

  it("answers HEAD with a head", async () => {
    for (const path of ["/api/status", "/api/config", "/nothing"]) {
      const answer = await talk(`HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.match(answer, path === "/nothing" ? /^HTTP\/1\.1 404 [^]*\r\n\r\n$/ : /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
    }
  });

  it("says what may be, how to log in, and that the body may come", async () => {
    assert.match(
      await talk("DELETE /api/config HTTP/1.1\r\nHost: a\r\n\r\n"),
      /\r\nAllow: HEAD, GET, PUT\r\n[^]*MethodNotAllowed/,
    );
    assert.match(await talk(put("")), /^HTTP\/1\.1 401 [^]*\r\nWWW-Authenticate: Basic /);
    const login = `authorization: basic ${Buffer.from("admin:café").toString("base64")}\r\n`;
    assert.match(await talk(put(login)), /^HTTP\/1\.1 200 /);
    const request = put(login + "Expect: 100-continue\r\n"),
      end = request.indexOf("\r\n\r\n") + 4;
    assert.match(
      await talk(request.slice(0, end), request.slice(end)),
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*"dry":true/,
    );
    assert.deepEqual(system.errors(), []);
  });

  it("takes a body in chunks, however it is cut", async () => {
    const login = `Authorization: Basic ${Buffer.from("admin:café").toString("base64")}\r\n`,
      head = `PUT /api/mqtt?dry=1 HTTP/1.1\r\nHost: a\r\n${login}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n`,
      body = '2;a=b\r\n{"\r\n00D\r\nuser":"them"}\r\n0\r\nX-Sum: 1\r\n\r\n';
    for (let cut = 0; cut < body.length; cut += 7)
      assert.match(
        await talk(head + body.slice(0, cut), body.slice(cut)),
        /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*"changed":\["mqtt.user"\]/,
        `cut at ${cut}`,
      );
    assert.match(await talk(head + "5\r\n{}\r\n0\r\n\r\n12345678"), /HTTP\/1\.1 400 /);
    assert.deepEqual(system.errors(), []);
  });

  it("refuses texts that MQTT forbids and hosts that are none, by field and reason; takes the longest; cuts blanks off", async () => {
    const login = `authorization: basic ${Buffer.from("admin:café").toString("base64")}\r\n`,
      change = async (patch: string): Promise<string> => talk(put(login, patch));
    for (const [patch, field, reason] of [
      ['{"user":"a\\u0000"}', "user", "control"],
      ['{"user":"a\\ud800"}', "user", "UTF-8"],
      ['{"client_id":"a\xff"}', "client_id", "UTF-8"],
      ['{"battery_json":"$SYS"}', "battery_json", "begin with"],
      ['{"host":"broker:1883"}', "host", "port"],
      ['{"host":"::1"}', "host", "IPv6"],
      ['{"host":"192.0.2.256"}', "host", "IPv4"],
      ['{"uri":"mqtt://[::1]"}', "uri", "IPv6"],
    ])
      assert.match(await change(patch!), new RegExp(`^HTTP/1.1 400 [^]*"where":"mqtt.${field}","reason":".*${reason}`));
    const label = "a".repeat(63),
      longest = [label, label, label, "b".repeat(61)].join(".");
    for (const [document, answer] of [
      [{ mqtt: { host: longest, user: "t".repeat(256) }, wifi: { pass: "0123456789abcDEF".repeat(4) } }, /^[^ ]+ 200 /],
      [{ mqtt: { host: longest + "b" } }, /^[^ ]+ 400 [^]*"where":"mqtt.host"/],
      [{ mqtt: { user: "t".repeat(257) } }, /^[^ ]+ 400 [^]*"where":"mqtt.user"/],
      [{ wifi: { pass: "g".repeat(64) } }, /^[^ ]+ 400 [^]*"where":"wifi.pass","reason":"[^"]*hexadecimal/],
    ] as const)
      assert.match(await talk(put(login, JSON.stringify(document)).replace("/mqtt", "/config")), answer);
    for (const patch of ['{"user":"d\\u00e9j\\u00e0 ","pass":"\\u0000\xff"}', `{"host":" ${"a".repeat(63)}.b\\n"}`])
      assert.match(await change(patch), /^HTTP\/1\.1 200 /, patch);
  });

  it("has the cells in the status", async () => {
    const cells = async (): Promise<number[]> => {
      const answer = await talk("GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n"),
        status = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as { live_data: { cells_mv: number[] } };
      return status.live_data.cells_mv;
    };
    await until("the cells", 60000, async () => {
      const all = await cells();
      return all.length === 16 && all.every((mv) => mv > 2500 && mv < 3700);
    });
  });

  it("answers each route that is read as its description says, and forgets it", async () => {
    const read = async (): Promise<void> => {
      for (const { route } of routes) {
        const [method, path] = route.split(" ") as [string, string];
        if (method === "GET") assertDescribed(route, answerOf(await talk(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)));
      }
    };
    await read();
    const first = (await system.memory()).steady;
    await read();
    const { steady } = await system.memory();
    assert.ok(steady <= first + 25, `${first} JsVars before, ${steady} after`);
    assert.deepEqual(await memoryFlags(), []);
    assert.deepEqual(system.errors(), []);
  });

  it("does a command, and changes a setting of the TinyBMS", async () => {
    const login = `Authorization: Basic ${Buffer.from("admin:café").toString("base64")}\r\n`,
      send = async (line: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> => {
        const text = JSON.stringify(body),
          answer = answerOf(
            await talk(`${line} HTTP/1.1\r\nHost: a\r\n${login}Content-Length: ${text.length}\r\n\r\n${text}`),
          );
        return { status: answer.status, body: JSON.parse(answer.body) as Record<string, unknown> };
      };
    assert.deepEqual(await send("POST /api/command", { cmd: "system.ping", id: 1 }), {
      status: 200,
      body: { ok: true, cmd: "system.ping", id: 1, reply: { pong: true } },
    });
    const { status, body } = await send("PUT /api/registers?confirm=1", { charge_restart_level: 79 });
    assert.deepEqual(
      [status, body["done"], body["written"]],
      [200, { charge_restart_level: 79 }, true],
      JSON.stringify(body),
    );
    const file = answerOf(await talk("GET /api/config/export HTTP/1.1\r\nHost: a\r\n\r\n")).body;
    assert.deepEqual((await send("PUT /api/config/import?dry=1", JSON.parse(file) as object)).status, 200);
    assert.deepEqual(await memoryFlags(), []);
    assert.deepEqual(system.errors(), []);
  });
});
