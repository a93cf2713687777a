// The description of the API: valid by a public validator, and what a running device answers is what it says.
import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { handlerOf } from "../../firmware/api/routes.cold";
import type { RouteName } from "../../firmware/api/text.baked";
import { routes, type Route } from "../../firmware/tables/routes";
import { type Answer, answerOf, assertDescribed, document, shape } from "../fixtures/openapi";
import { imageText } from "../system/rig";
import { startVirtual, type VirtualRig } from "../system/virtual";

type Json = Record<string, unknown>;
function ask(rig: VirtualRig, method: string, path: string, body = ""): Answer {
  const token = /setup token: (\S+)/.exec(rig.console.join("\n"))![1]!,
    head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nX-Setup-Token: ${token}\r\nContent-Length: ${body.length}\r\n\r\n`;
  const asked = rig.connect(head + body);
  for (let i = 0; i < 40 && !asked.text; i++) rig.clock.run(500);
  rig.clock.run(3000);
  return answerOf(asked.text);
}

describe("the description of the HTTP API", () => {
  let rig: VirtualRig;
  before(async () => {
    rig = startVirtual({ image: await imageText(), seed: 11, settings: { bms: { allow_write: true } } });
    rig.clock.run(20000);
  });

  it("is valid OpenAPI 3.1 by a public validator", async () => {
    const result = await new Validator().validate(structuredClone(document) as Json);
    assert.deepEqual([result.valid, result.errors ?? []], [true, []]);
  });

  it("is what GET /api/openapi.json gives", () => {
    const { status, body } = ask(rig, "GET", "/api/openapi.json");
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), document);
  });

  it("has a path for every handler, and says who may", () => {
    for (const { route, isOwners, below } of routes as readonly Route[]) {
      const { part, run } = handlerOf(route as RouteName);
      assert.ok(!part !== !run, route);
      const [method, path] = route.split(" ") as [string, string];
      const { security } = document.paths[below ? path + "{name}" : path]![method.toLowerCase()]!;
      assert.equal(Boolean(security), Boolean(isOwners), route);
      assert.equal(Boolean(isOwners), method !== "GET", route);
    }
  });

  it("says the shape of each answer to GET", () => {
    for (const { route } of routes.filter(({ route }) => route.startsWith("GET "))) {
      const answer = ask(rig, "GET", route.split(" ")[1]!);
      assert.equal(answer.status, 200, route);
      assertDescribed(route, answer);
    }
  });

  it("says it too while nothing is known", async () => {
    const dumb = startVirtual({ image: await imageText(), seed: 3 });
    dumb.simulator.faults.set("silence");
    for (const ms of [1000, 30000]) {
      dumb.clock.run(ms);
      for (const { route } of routes.filter(({ route }) => route.startsWith("GET ")))
        assertDescribed(route, ask(dumb, "GET", route.split(" ")[1]!));
    }
  });

  it("says the shape of answers to changes, and of refusals", () => {
    const cases: [route: string, query: string, body: string, status: number][] = [
      ["PUT /api/config", "?dry=1", '{"log":{"level":"info"}}', 200],
      ["PUT /api/config", "?dry=1", '{"log":{"level":"loud"}}', 400],
      ["PUT /api/config", "?dry=2", "{}", 400],
      ["PUT /api/mqtt", "?dry=1", '{"verbose":true}', 200],
      ["PUT /api/registers", "?dry=1", '{"charge_restart_level":81}', 200],
      ["PUT /api/registers", "", '{"charge_restart_level":81}', 409],
      ["PUT /api/registers", "?confirm=1", '{"charge_restart_level":"many"}', 400],
      ["POST /api/command", "", '{"cmd":"system.ping","id":7}', 200],
      ["POST /api/command", "", '{"cmd":"alarms.list","id":"a"}', 200],
      ["POST /api/command", "", '{"cmd":"none"}', 400],
      ["POST /api/command", "", "{", 400],
    ];
    for (const [route, query, body, status] of cases) {
      const [method, path] = route.split(" ") as [string, string],
        answer = ask(rig, method, path + query, body);
      assert.equal(answer.status, status, `${route}${query} ${body}: ${answer.body}`);
      assertDescribed(route, answer);
    }
  });

  it("notices an answer that is another", () => {
    const { body } = ask(rig, "GET", "/api/cells"),
      cells = JSON.parse(body) as Json;
    assert.ok(shape("Cells")(cells));
    for (const other of [{ ...cells, more: 1 }, { ...cells, phase: "well" }, { ...cells, seq: "1" }, { phase: "lost" }])
      assert.ok(!shape("Cells")(other), JSON.stringify(other));
  });
});
