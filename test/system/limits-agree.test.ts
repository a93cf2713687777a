// One limit, one number: CVL, CCL and DCL walk through every last digit, finer than CAN says, and no output ever tells
// another value than 0x351 on the bus. And of a battery of which nothing is known no output says a
// number.
import assert from "node:assert/strict";
import { memoryStore } from "../../tools/host/storage";
import { imageText, type Status } from "./rig";
import { startUnit, type Said, type Unit } from "./unit";
import { jsonOf, type Exchange } from "./virtual-network";

type Json = Record<string, unknown>;
const KEYS = ["cvl", "ccl", "dcl"] as const;

/** The three limits in a message, by the end of its topic; the mirror and the JSON tell what rt/gx told last. */
const gx = (path: string): Record<string, (json: Json) => Partial<Said>> => ({
  [`${path}/MaxChargeVoltage`]: (json) => ({ cvl: json.value as number }),
  [`${path}/MaxChargeCurrent`]: (json) => ({ ccl: json.value as number }),
  [`${path}/MaxDischargeCurrent`]: (json) => ({ dcl: json.value as number }),
});
const readers: Record<string, (json: Json) => Partial<Said>> = {
  "/rt/state": (json) => json as Partial<Said>,
  "/rt/limits": (json) => json as Partial<Said>,
  "/rt/reg/charge_voltage_limit": (json) => ({ cvl: json.value as number }),
  "/rt/reg/charge_current_limit": (json) => ({ ccl: json.value as number }),
  "/rt/reg/discharge_current_limit": (json) => ({ dcl: json.value as number }),
  ...gx("/rt/gx/Info"),
  ...gx("/battery/512/Info"),
  "json/battery": (json) => {
    const info = json.Info as Record<string, number>;
    return { cvl: info.MaxChargeVoltage, ccl: info.MaxChargeCurrent, dcl: info.MaxDischargeCurrent };
  },
};
/**
 * A message is made at most so long after its limits were on the bus, or before; what a round of rt/gx feeds may wait
 * for it. ms
 */
const NEAR_MS = 2200,
  ROUND_MS = 14000;
const roundOf = (name: string): number => (/^\/battery|^json/.test(name) ? ROUND_MS : NEAR_MS);

/** All outputs of the unit beside CAN, judged each second. */
function watch(unit: Unit): { look(): void; wrong: string[]; digits: Record<string, Set<number>[]> } {
  const seen = new Map<string, number>(),
    digits: Record<string, Set<number>[]> = {},
    wrong: string[] = [];
  let answer: Exchange | null = null;
  function judge(name: string, at: number, told: Partial<Said>): void {
    const window = unit.said.filter((one) => one.at > at - roundOf(name) && one.at < at + NEAR_MS);
    if (!window.length || unit.rig.clock.now() < at + NEAR_MS) return;
    digits[name] ??= KEYS.map(() => new Set());
    KEYS.forEach((key, i) => {
      const value = told[key];
      if (value === undefined || value === null) return;
      digits[name][i].add(Math.round(value * 10) % 10);
      if (!window.some((one) => one[key] === value))
        wrong.push(`${(at / 1000).toFixed(1)} s ${name}: ${key} ${value}, on the bus ${JSON.stringify(window.at(-1))}`);
    });
  }
  const waiting: [name: string, at: number, told: Partial<Said>][] = [];
  return {
    wrong,
    digits,
    look: () => {
      const now = unit.rig.clock.now(),
        status = answer && jsonOf<Status>(answer);
      if (status) waiting.push(["HTTP", now - 500, status.limits as unknown as Partial<Said>]);
      answer = unit.rig.get("/api/status");
      for (const [topic, { at, payload }] of unit.rig.broker.newest) {
        const name = Object.keys(readers).find((end) => topic.endsWith(end));
        if (!name || !payload || seen.get(topic) === at) continue;
        seen.set(topic, at);
        waiting.push([name, at, readers[name](JSON.parse(payload) as Json)]);
      }
      while (waiting.length && waiting[0][1] + NEAR_MS < now) judge(...waiting.shift()!);
    },
  };
}

describe("system: limits on every way out", function () {
  this.timeout(600000);

  it("are the same to the last digit, on the way up and by every tenth of a degree", async () => {
    const unit = startUnit({
      image: await imageText(),
      settings: { mqtt: { enabled: true, victron: true, battery_json: "json/battery" } },
    });
    unit.pass(30);
    unit.rig.simulator.faults.set("silence", { for_ms: 20000 });
    unit.pass(90);
    const watched = watch(unit);
    for (let tenths = 700; tenths <= 805; tenths++) {
      unit.read({ words: { internal_temp: tenths / 10 } });
      for (let second = 0; second < 6; second++) {
        unit.pass(1);
        watched.look();
      }
    }
    assert.deepEqual(watched.wrong.slice(0, 10), [], `${watched.wrong.length} in all`);
    for (const [name, all] of Object.entries(watched.digits)) {
      for (const [i, of] of all.entries())
        if (of.size)
          assert.ok(of.size === 10 || !/HTTP|state|limits$/.test(name), `${name} ${KEYS[i]}: ${[...of].join(" ")}`);
    }
    assert.deepEqual(Object.keys(watched.digits).sort(), [...Object.keys(readers), "HTTP"].sort());
  });

  it("a battery that never answered has no number in rt/state, nor chg and bal", async () => {
    const unit = startUnit({ image: await imageText(), store: memoryStore(), settings: { mqtt: { enabled: true } } });
    unit.rig.simulator.faults.set("silence");
    unit.pass(30);
    check(unit, ["boot", "lost"]);
  });

  it("nor has one that fell silent, in lost and in silent; degraded tells what it was", async () => {
    const unit = startUnit({ image: await imageText(), settings: { mqtt: { enabled: true } } });
    unit.pass(40);
    unit.rig.simulator.faults.set("silence");
    unit.pass(10);
    const degraded = stateOf(unit);
    assert.deepEqual([degraded.ph, degraded.chg, degraded.bal], ["degraded", 0, 0]);
    unit.pass(12);
    check(unit, ["lost"]);
    unit.pass(60);
    check(unit, ["silent"]);
  });

  const stateOf = (unit: Unit): Json =>
    JSON.parse([...unit.rig.broker.newest].find(([topic]) => topic.endsWith("/rt/state"))![1].payload) as Json;
  function check(unit: Unit, phases: string[]): void {
    const state = stateOf(unit);
    assert.ok(phases.includes(state.ph as string), JSON.stringify(state));
    for (const key of ["soc", "v", "i", "p", "cmin", "cmax", "cd", "t1", "t2", "chg", "bal", "est", "ttg"])
      assert.equal(state[key], null, `${key} ${JSON.stringify(state)}`);
  }
});
