// What can be changed while `npm start` runs: by keys and by the control route.
import assert from "node:assert/strict";
import { type ControlDoor, openControlDoor } from "../../tools/host/control";
import { keysOf } from "../../tools/host/keys";
import { type Stage, stageOf } from "../../tools/host/stage";
import { FAULTS } from "../../tools/simulator/faults";
import { scenarios } from "../../tools/simulator/scenarios";
import { createSimulator, type Simulator } from "../../tools/simulator/simulator";

describe("the stage of npm start", () => {
  let batteries: Simulator[], stage: Stage;
  beforeEach(() => {
    const still = { now: () => 0, schedule: () => () => undefined, auto: false };
    batteries = [1, 2].map((seed) => createSimulator({ ...still, seed }));
    stage = stageOf(batteries);
  });
  afterEach(() => batteries.forEach((battery) => battery.close()));

  it("plays another scenario from its begin, with its battery, and its trouble ends with it", () => {
    const lost = Object.entries(scenarios).find(([, { trouble }]) => trouble?.(60).line)![0];
    stage.scenario(lost);
    batteries.forEach((battery) => [60, 1].forEach((seconds) => battery.step(seconds)));
    assert.notDeepEqual(stage.now().faults, [], lost);
    stage.scenario("cold-morning");
    for (const { battery, time_s, faults } of batteries) {
      assert.deepEqual([time_s(), faults.active(), battery.soc_pct], [0, [], 45]);
      assert.equal(battery.thermal.pack_C, -6);
      const [mean] = [battery.cells.reduce((sum, { voltage_V: volts }) => sum + volts, 0) / battery.cells.length];
      assert.ok(mean > 3.2 && mean < 3.35, `${mean} V`);
    }
    batteries.forEach((battery) => battery.step(1));
    assert.deepEqual(stage.now(), { scenario: "cold-morning", speed: 1, faults: [] });
  });

  it("refuses what there is not, and changes nothing then", () => {
    const before = stage.now();
    assert.throws(() => stage.scenario("none"), /no scenario "none"; there are default, idle/);
    assert.throws(() => stage.speed(0), /above 0, at most 10000/);
    assert.throws(() => stage.fault("fire"), /no fault is called/);
    assert.throws(() => stage.clear("fire"), /no fault "fire"/);
    assert.deepEqual(stage.now(), before);
  });

  it("has keys: scenario, fault, speed, end", () => {
    const key = keysOf(stage),
      [first, second] = Object.keys(FAULTS);
    assert.match(key("s")!, /^scenario idle: /);
    assert.match(key("S")!, /^scenario default: /);
    assert.match(key(" ")!, new RegExp(`^fault ${first} is on: `));
    assert.deepEqual(
      batteries.map(({ faults }) => faults.active()),
      [[first], [first]],
    );
    assert.match(key("f")!, new RegExp(`^fault ${second} is off: `));
    assert.match(key("F")!, new RegExp(`^fault ${first} is on: `));
    key(" ");
    assert.deepEqual(stage.now().faults, []);
    assert.deepEqual([key("+"), key("+"), key("-")], ["speed 2", "speed 4", "speed 2"]);
    assert.deepEqual([key("x"), key("constructor"), key("q"), key("\x03")], ["", "", null, null]);
  });

  describe("over HTTP", () => {
    let door: ControlDoor;
    beforeEach(async () => {
      door = await openControlDoor(stage, 0);
    });
    afterEach(() => door.close());
    const post = async (body: string, headers = {}): Promise<{ status: number; answer: Record<string, unknown> }> => {
      const answer = await fetch(door.url, { method: "POST", body, headers });
      return { status: answer.status, answer: (await answer.json()) as Record<string, unknown> };
    };

    it("says what plays, and changes all batteries", async () => {
      assert.deepEqual(await (await fetch(door.url)).json(), { scenario: "default", speed: 1, faults: [] });
      const { status, answer } = await post(
        JSON.stringify({ scenario: "charge", speed: 20, fault: ["noise=0.5", "silence@5+1"] }),
      );
      assert.deepEqual([status, answer], [200, { scenario: "charge", speed: 20, faults: ["noise"] }]);
      for (const battery of batteries) assert.deepEqual(battery.playing(), { scenario: "charge", speed: 20 });
      assert.deepEqual((await post('{"clear":"noise"}')).answer.faults, []);
      assert.deepEqual((await post('{"clear":true}')).status, 200);
    });

    it("tells what is wrong, and lets no page of a browser ask", async () => {
      const wrong: [body: string, reason: RegExp][] = [
        ["{", /not JSON/],
        ["[]", /JSON object/],
        ['{"colour":1}', /colour: is not known; there are scenario, speed, clear, fault/],
        ['{"scenario":5}', /scenario: must be a text/],
        ['{"speed":"fast"}', /speed must be above 0/],
        ['{"fault":"fire"}', /no fault is called/],
        [`{"fault":"${"x".repeat(5000)}"}`, /more than 4096 bytes/],
      ];
      for (const [body, reason] of wrong) {
        const { status, answer } = await post(body);
        assert.equal(status, 400, body.slice(0, 20));
        assert.match(String(answer.error), reason);
      }
      assert.equal((await post("{}", { Origin: "http://example.org" })).status, 403);
      const put = await fetch(door.url, { method: "PUT" });
      assert.deepEqual([put.status, put.headers.get("allow")], [405, "GET, POST"]);
    });
  });
});
