// The routes that change something: what stands behind the question mark counts, and what is not understood is refused.
import assert from "node:assert/strict";
import { NORMAL } from "../../firmware/battery/snapshot";
import { setImageText } from "../../firmware/kernel/text.cold";
import { answer } from "../../firmware/api/routes.cold";
import { bakeText } from "../../tools/bake/text";
import { bench, type Bench } from "../settings/bench";

const HEADER = "\r\nX-Setup-Token: letmein";
const CHANGE = '{"log":{"level":"info"}}';

interface Answer {
  status: number;
  body: { ok: boolean; dry?: boolean; warnings?: string[]; err?: { code: string; where: string; reason: string } };
}

/** An answer's status and body. */
function ask(one: Bench, method: string, path: string, query: string, body = CHANGE): Answer {
  const pieces = answer(one.app, method, path, HEADER, body, query);
  while (pieces(0) === null && one.turn());
  const text = pieces(0)!;
  while (one.turn());
  return { status: +text.split(" ")[1]!, body: JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) as Answer["body"] };
}

describe("queries of changes", () => {
  before(() => setImageText(bakeText()));

  for (const query of ["dry=1", "dry=true", "dry=yes", "confirm=no&dry=true", "dry=true&confirm=yes"])
    it(`?${query} writes nothing`, () => {
      const one = bench(NORMAL),
        { status, body } = ask(one, "PUT", "/api/config", query);
      assert.deepEqual([status, body.ok, body.dry, one.stored()], [200, true, true, {}]);
      assert.equal(ask(one, "PUT", "/api/mqtt", query, '{"verbose":true}').body.dry, true);
      assert.deepEqual(one.stored(), {});
    });

  for (const query of ["", "dry=0", "dry=false", "dry=no", "confirm=1"])
    it(`?${query} writes`, () => {
      const one = bench(NORMAL),
        { status, body } = ask(one, "PUT", "/api/config", query);
      assert.deepEqual([status, body.dry, one.stored()], [200, undefined, { log: { level: "info" } }]);
    });

  const bad = [
    "dry",
    "dry=",
    "dry=2",
    "dry=TRUE",
    "dry=on",
    "dry=true ",
    "dry=%31",
    "dry=1?dry=0",
    "dry=1=1",
    "Dry=1",
    "dryrun=1",
    "dry=1&dry=0",
    "dry=1&dry=1",
    "&dry=1",
    "dry=1&",
    "=1",
    "x=1&dry=1",
    "dry;1",
    "constructor=1",
  ];
  for (const query of bad)
    it(`?${query} is refused with 400, and nothing is written`, () => {
      const one = bench(NORMAL);
      const routes = [
        ["PUT", "/api/config"],
        ["PUT", "/api/mqtt"],
        ["PUT", "/api/tls/ca"],
        ["POST", "/api/mqtt/test"],
        ["DELETE", "/api/config"],
      ];
      for (const [method, path] of routes) {
        const { status, body } = ask(one, method, path, query);
        assert.deepEqual([status, body.ok, body.err!.code], [400, false, "BadRequest"], `${method} ${path}`);
        assert.ok(body.err!.where && body.err!.reason);
      }
      assert.deepEqual([one.stored(), one.app.commands.test], [{}, undefined]);
    });

  it("routes that know no flags refuse dry too: they would do it for real", () => {
    const one = bench(NORMAL);
    for (const [method, path] of [
      ["PUT", "/api/tls/ca"],
      ["POST", "/api/mqtt/test"],
    ])
      assert.equal(ask(one, method, path, "dry=1").status, 400, path);
  });

  it("GET ignores what dashboards add", () => {
    const one = bench(NORMAL);
    for (const query of ["_=1732899000", "dry=maybe", "&&", "dry"])
      assert.match(answer(one.app, "GET", "/api/mqtt", "", "", query)(0)!, /^HTTP\/1\.1 200/);
  });

  it("a grave change is 409 with the rule, `dry` shows the same, and confirm by query or body does it", () => {
    const patch = '{"battery":{"chemistry":"nmc"}}';
    for (const query of ["", "dry=1", "confirm=0", "dry=yes&confirm=no"]) {
      const one = bench(NORMAL),
        { status, body } = ask(one, "PUT", "/api/config", query, patch);
      assert.deepEqual(
        [status, body.err!.code, body.err!.where],
        [409, "InterlockBlocked", "battery.chemistry"],
        query,
      );
      assert.match(body.err!.reason, /rule Chemistry .+ nothing is sent on CAN/);
      assert.ok(Array.isArray(body.warnings));
      assert.deepEqual(one.stored(), {});
    }
    for (const [query, body] of [
      ["dry=1&confirm=1", patch],
      ["dry=1", patch.slice(0, -1) + ',"confirm":true}'],
    ]) {
      const { status, body: told } = ask(bench(NORMAL), "PUT", "/api/config", query, body);
      assert.deepEqual([status, told.dry], [200, true], body);
      assert.match(told.warnings![0], /rule Chemistry/);
    }
  });
});

describe("who may change something", () => {
  before(() => setImageText(bakeText()));
  const PASS = "caf\xc3\xa9 au lait";
  const change = (authorization: string, pass = PASS): string => {
    const one = bench(NORMAL),
      header = authorization && `\r\nAuthorization: ${authorization}`;
    ask(one, "PUT", "/api/config", "", JSON.stringify({ http: { pass } }));
    const pieces = answer(one.app, "PUT", "/api/config", header, CHANGE, "");
    while (pieces(0) === null && one.turn());
    return pieces(0)!;
  };
  const credentials = Buffer.from(`admin:${PASS}`, "latin1").toString("base64");

  it("who logs in, the scheme in any case", () => {
    for (const scheme of ["Basic", "basic", "BASIC"])
      assert.match(change(`${scheme} ${credentials}`), /^HTTP\/1\.1 200/, scheme);
    assert.match(change(`basic   ${credentials}`), /^HTTP\/1\.1 200/);
  });

  it("a refusal says how", () => {
    for (const authorization of ["", "Basic x", `Bearer ${credentials}`, credentials, "Basic"]) {
      const text = change(authorization);
      assert.match(text, /^HTTP\/1\.1 401 /, authorization);
      assert.match(text, /\r\nWWW-Authenticate: Basic realm="tinybms-gateway"\r\n/);
    }
  });
});

describe("requests that no row takes", () => {
  it("405 has a code of its own and says in Allow what may be", () => {
    for (const [method, path, allow] of [
      ["POST", "/api/status", "HEAD, GET"],
      ["DELETE", "/api/config", "HEAD, GET, PUT"],
      ["GET", "/api/mqtt/test", "POST"],
    ]) {
      const text = answer(bench(NORMAL).app, method!, path!, HEADER, "", "")(0)!;
      assert.match(text, new RegExp(`^HTTP/1.1 405 [^]*\\r\\nAllow: ${allow}\\r\\n[^]*"code":"MethodNotAllowed"`));
    }
  });

  const there = "GET /api/openapi.json tells what there is";
  const table: [method: string, path: string, status: number, reason: string][] = [
    ["GET", "/", 404, there],
    ["GET", "/api/status/", 404, there],
    ["PUT", "/api/tls", 404, there],
    ["POST", "/api/status", 405, "use GET"],
    ["POST", "/api/config", 405, "use GET or PUT"],
    ["DELETE", "/api/mqtt", 405, "use GET or PUT"],
    ["GET", "/api/mqtt/test", 405, "use POST"],
    ["GET", "/api/tls/ca", 405, "use PUT"],
    ["GET", "/api/tls/other", 405, "use PUT"],
    ["PUT", "/api/tls/other", 404, "there are /api/tls/ca, cert and key"],
    ["PUT", "/api/tls/", 404, "there are /api/tls/ca, cert and key"],
    ["put", "/api/config", 405, "use GET or PUT"],
    ["GET", "/api/config\t1", 404, there],
    ["GET", "/x\nGET /api/config", 404, there],
    ["GET", "/api", 404, there],
    ["GET", "/api/tls", 404, there],
    ["GET", "/api/config/export/", 404, there],
  ];
  for (const [method, path, status, reason] of table)
    it(`${method} ${path} is ${status}: ${reason}`, () => {
      const reply = ask(bench(NORMAL), method, path, "");
      assert.deepEqual([reply.status, reply.body.err!.reason], [status, reason]);
      assert.equal(reply.body.err!.where, status === 405 ? method : path);
    });
});
