// The simulated battery: nothing comes from nowhere, registers agree with each other, protections and charging follow
// its settings.

import assert from "node:assert/strict";
import fc from "fast-check";
import { cellSoc, openCircuitVoltage } from "../../tools/simulator/cells";
import { EVENT } from "../../tools/simulator/events";
import { createBattery, packVoltage, stepBattery } from "../../tools/simulator/model";
import type { Battery, BatteryOptions, Demand } from "../../tools/simulator/model";
import { seededRandom } from "../../tools/simulator/random";
import { scenarioOf, scenarios } from "../../tools/simulator/scenarios";
import { createSimulator } from "../../tools/simulator/simulator";
import type { Simulator } from "../../tools/simulator/simulator";
import { getBits, getValue, rowOf } from "../../tools/simulator/words";

function batteryOf(options: Partial<BatteryOptions> = {}): Battery {
  return createBattery({ cells: 16, soc_pct: 50, temperature_C: 22, random: seededRandom(1), ...options });
}

function demandOf(current_A: number, options: Partial<Demand> = {}): () => Demand {
  return () => ({ current_A, charger: current_A > 0, ambient_C: 22, ...options });
}

const run = (battery: Battery, seconds: number, demand: () => Demand): void => stepBattery(battery, seconds, demand);
const ids = (battery: Battery): number[] => battery.events.slots.map(({ id }) => id);
const status = (battery: Battery): string | undefined => rowOf("online_status").enum?.[battery.words[50]];
const writes = (battery: Battery, address: number, raw: number): boolean => battery.write([[address, raw]]);

/** Energy in Wh that a cell gives from one state of charge to another: the area below its open-circuit voltage. */
function storedBetween(capacity_Ah: number, from_pct: number, to_pct: number): number {
  const steps = 2000;
  const part = (to_pct - from_pct) / steps;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += openCircuitVoltage(from_pct + (i + 0.5) * part);
  return (sum * part * capacity_Ah) / 100;
}

describe("simulated battery: invariants", () => {
  const part = fc.record({
    current_A: fc.integer({ min: -260, max: 260 }),
    seconds: fc.integer({ min: 1, max: 900 }),
    charger: fc.boolean(),
    ambient_C: fc.integer({ min: -45, max: 70 }),
  });
  const plans = fc.array(part, { maxLength: 12 });
  const starts = fc.record({
    cells: fc.integer({ min: 4, max: 16 }),
    soc_pct: fc.integer({ min: 0, max: 100 }),
    seed: fc.integer(),
  });

  it("balances charge and energy, keeps SoC in 0..100 and the pack the sum of its cells", () => {
    fc.assert(
      fc.property(starts, plans, ({ cells, soc_pct, seed }, plan) => {
        const battery = batteryOf({ cells, soc_pct, random: seededRandom(seed) });
        const before = battery.cells.map((cell) => ({ ...cell }));
        for (const { seconds, ...demand } of plan) {
          run(battery, seconds, () => demand);
          const soc = getValue(battery.words, "state_of_charge") ?? NaN;
          assert.ok(soc >= 0 && soc <= 100);
          const tenths = Array.from(battery.words.slice(0, 16));
          assert.ok(
            Math.abs(
              (getValue(battery.words, "pack_voltage") ?? NaN) - tenths.reduce((sum, cell) => sum + cell, 0) / 10000,
            ) < 1e-5,
          );
          assert.ok(Math.abs(packVoltage(battery) - (getValue(battery.words, "pack_voltage") ?? NaN)) < 0.001 * cells);
          assert.equal(tenths.filter((cell) => cell > 0).length, cells);
          assert.equal(getValue(battery.words, "max_cell_voltage"), Math.round(Math.max(...tenths) / 10));
        }
        const { in_Ah, out_Ah, in_Wh, out_Wh, bled_Ah, bled_Wh, heat_Wh } = battery.totals;
        const moved_Ah = battery.cells.reduce((sum, cell, i) => sum + cell.charge_Ah - before[i].charge_Ah, 0);
        assert.ok(Math.abs(moved_Ah - (cells * (in_Ah - out_Ah) - bled_Ah)) < 1e-6);
        const stored_Wh = battery.cells.reduce(
          (sum, cell, i) => sum + storedBetween(cell.capacity_Ah, cellSoc(before[i]), cellSoc(cell)),
          0,
        );
        assert.ok(Math.abs(stored_Wh - (in_Wh - out_Wh - bled_Wh - heat_Wh)) < 0.01 + 1e-4 * (in_Wh + out_Wh));
      }),
      { numRuns: 60 },
    );
  });
  it("gives the same for the same seed, and another battery for another", () => {
    const volts = (seed: number): number[] => {
      const battery = batteryOf({ random: seededRandom(seed) });
      run(battery, 60, demandOf(40));
      return battery.cells.map(({ voltage_V }) => voltage_V);
    };
    assert.deepEqual(volts(5), volts(5));
    assert.notDeepEqual(volts(5), volts(6));
  });
  it("has an open-circuit voltage that rises everywhere, with a flat middle and knees", () => {
    for (let soc = -1; soc < 101; soc += 0.1) assert.ok(openCircuitVoltage(soc + 0.1) > openCircuitVoltage(soc));
    assert.ok(openCircuitVoltage(80) - openCircuitVoltage(30) < 0.06);
    assert.ok(openCircuitVoltage(100) - openCircuitVoltage(98) > 0.15);
    assert.ok(openCircuitVoltage(10) - openCircuitVoltage(2) > 0.25);
  });
  it("refuses fewer than 4 and more than 16 cells; fills the registers of the wired ones", () => {
    for (const cells of [3, 17, 4.5]) assert.throws(() => batteryOf({ cells }), RangeError);
    const wired = (options: Partial<BatteryOptions>): string =>
      Array.from(batteryOf(options).words.slice(0, 16), (cell) => Number(cell > 0)).join("");
    assert.equal(wired({ cells: 14 }), "0011111111111111");
    assert.equal(wired({ cells: 4, cellOrder: "low" }), "1111000000000000");
  });
  it("drops in voltage under load, warms up, and feels its sensors missing", () => {
    const battery = batteryOf({ sensors: [true, false] });
    const rest = packVoltage(battery);
    run(battery, 1800, demandOf(-150));
    assert.ok(packVoltage(battery) < rest - 1.5);
    assert.ok(battery.thermal.pack_C > 23 && battery.thermal.internal_C > battery.thermal.pack_C);
    assert.equal(getValue(battery.words, "external_temp_2"), null);
    assert.equal(battery.words[43], 0x8000);
    assert.equal(getValue(battery.words, "pack_current"), -150);
    assert.equal(getValue(battery.words, "max_discharge_current_seen"), 150);
  });
});

describe("simulated battery: protections", () => {
  it("cuts the load off at register 301, both at 316, and comes back through a charger only", () => {
    const battery = batteryOf({ soc_pct: 6 });
    run(battery, 3600, demandOf(-90));
    assert.ok(ids(battery).includes(EVENT.fullyDischarged));
    assert.equal(status(battery), "idle", "a warning is no fault");
    assert.deepEqual(battery.switches, { charge: true, load: false });
    battery.cells[3].charge_Ah = 0.01 * battery.cells[3].capacity_Ah;
    run(battery, 5, demandOf(-90));
    assert.equal(status(battery), "fault");
    assert.deepEqual(battery.switches, { charge: false, load: false });
    run(battery, 600, demandOf(0));
    assert.equal(status(battery), "fault");
    run(battery, 3600, demandOf(50));
    assert.deepEqual(
      [EVENT.underVoltageGone, EVENT.fullyDischargedGone].filter((id) => !ids(battery).includes(id)),
      [],
    );
    assert.equal(getValue(battery.words, "under_voltage_count"), 1);
    assert.deepEqual(battery.switches, { charge: true, load: true });
  });
  it("opens the charge switch at register 315 and lets the load go on", () => {
    const battery = batteryOf({ soc_pct: 90, offsets_pct: [10.4] });
    run(battery, 2, demandOf(20));
    assert.equal(status(battery), "fault");
    run(battery, 2, demandOf(-20));
    assert.ok(battery.current_A < -15);
    run(battery, 900, demandOf(-20));
    const pair: number[] = [EVENT.overVoltage, EVENT.overVoltageGone];
    assert.deepEqual(
      ids(battery).filter((id) => pair.includes(id)),
      pair,
    );
  });
  it("trips on discharge current after the time-out of 330, at once above 305, and recovers after 332", () => {
    const battery = batteryOf();
    run(battery, 3, demandOf(-210));
    assert.ok(!ids(battery).includes(EVENT.dischargeOverCurrent));
    run(battery, 3, demandOf(-210));
    assert.ok(ids(battery).includes(EVENT.dischargeOverCurrent));
    run(battery, 10, demandOf(-20));
    assert.ok(ids(battery).includes(EVENT.dischargeOverCurrentGone));
    run(battery, 2, demandOf(-400));
    assert.equal(ids(battery).filter((id) => id === EVENT.dischargeOverCurrent).length, 2);
    assert.equal(getValue(battery.words, "discharge_over_current_count"), 2);
  });
  it("does not recover from over-current when 332 is 0", () => {
    const battery = batteryOf();
    assert.ok(writes(battery, 332, 0));
    run(battery, 5, demandOf(180));
    run(battery, 600, demandOf(-20));
    assert.equal(status(battery), "fault");
    assert.ok(!ids(battery).includes(EVENT.chargeOverCurrentGone));
  });
  it("tells regeneration over-current from charge over-current by the charger", () => {
    const battery = batteryOf();
    run(battery, 1, demandOf(100, { charger: false }));
    assert.equal(status(battery), "regeneration");
    run(battery, 3, demandOf(200, { charger: false }));
    assert.ok(ids(battery).includes(EVENT.regenerationOverCurrent) && !ids(battery).includes(EVENT.chargeOverCurrent));
  });
  it("stops charging at register 320, everything at register 319 and at -40 degC, and recovers", () => {
    const battery = batteryOf({ temperature_C: 20 });
    const at = (pack_C: number, current_A: number): void => {
      Object.assign(battery.thermal, { pack_C, internal_C: pack_C });
      run(battery, 1, demandOf(current_A, { ambient_C: pack_C }));
    };
    at(0, 30);
    at(0, 30);
    assert.deepEqual([battery.current_A, battery.switches.load, status(battery)], [0, true, "idle"]);
    at(61, -30);
    assert.deepEqual([battery.switches.load, status(battery)], [false, "fault"]);
    at(20, -30);
    at(-41, -30);
    assert.equal(status(battery), "fault");
    at(20, -30);
    const temperature = [
      EVENT.lowTemperatureCharging,
      EVENT.overTemperature,
      EVENT.lowTemperatureChargingGone,
      EVENT.overTemperatureGone,
      EVENT.lowTemperatureCharging,
      EVENT.lowTemperature,
      EVENT.lowTemperatureChargingGone,
      EVENT.lowTemperatureGone,
    ];
    assert.deepEqual(
      ids(battery)
        .filter((id) => (temperature as number[]).includes(id))
        .sort(),
      [...temperature].sort(),
    );
  });
  it("opens everything in single-port mode when charging stops", () => {
    const battery = batteryOf({ temperature_C: 0 });
    assert.ok(writes(battery, 340, 1));
    assert.equal(battery.restarts, 1);
    run(battery, 5, demandOf(20, { ambient_C: 0 }));
    assert.deepEqual(battery.switches, { charge: false, load: false });
    assert.ok(ids(battery).includes(EVENT.singlePort));
  });
});

describe("simulated battery: charging, balancing, commands", () => {
  it("charges to full by the rule of status 0x92, then again at register 321", () => {
    const battery = batteryOf({ soc_pct: 99 });
    run(battery, 4 * 3600, demandOf(100));
    assert.equal(status(battery), "fully_charged");
    assert.ok((getValue(battery.words, "min_cell_voltage") ?? 0) >= 3550);
    assert.equal(battery.soc_pct, 100);
    assert.deepEqual([getValue(battery.words, "full_charge_count"), getValue(battery.words, "charging_count")], [1, 1]);
    battery.soc_pct = 85.5;
    run(battery, 5, demandOf(0, { charger: true }));
    assert.ok(battery.chargeDone);
    battery.soc_pct = 85;
    for (const cell of battery.cells) cell.charge_Ah *= 0.85;
    run(battery, 5, demandOf(20));
    assert.ok(!battery.chargeDone);
    assert.equal(ids(battery).filter((id) => id === EVENT.chargingStarted).length, 2);
  });
  it("charges again after a charger reconnect, and not without one when bit 2 of 329 is off", () => {
    const battery = batteryOf({ soc_pct: 99 });
    assert.ok(writes(battery, 329, 0));
    run(battery, 4 * 3600, demandOf(100));
    battery.soc_pct = 50;
    run(battery, 5, demandOf(100));
    assert.ok(battery.chargeDone);
    run(battery, 1, demandOf(-5));
    assert.equal(status(battery), "discharging");
    run(battery, 0.1, demandOf(10));
    assert.ok(!battery.chargeDone);
  });
  it("waits with an open charge switch when one cell is ahead, and bleeds only cells above 303 that stick out by 308", () => {
    const battery = batteryOf({ soc_pct: 94, cells: 8, offsets_pct: [0, 0, 5.5] });
    run(battery, 1200, demandOf(60));
    assert.ok(battery.waitsForBalance);
    assert.deepEqual([battery.current_A, battery.switches.charge, status(battery)], [0, false, "charging"]);
    assert.equal(battery.words[52], 1 << (8 + 2), "cell 3 of 8 is register 10");
    const before = battery.cells.map(({ charge_Ah }) => charge_Ah);
    run(battery, 3600, demandOf(60));
    battery.cells.forEach((cell, i) => assert.ok(Math.abs(before[i] - cell.charge_Ah - (i === 2 ? 0.2 : 0)) < 1e-9));
    run(battery, 1, demandOf(-5));
    assert.deepEqual([battery.words[52], battery.words[51] !== 0], [0, true], "needed, but not done while discharging");
  });
  it("obeys CVL, CCL and DCL", () => {
    const battery = batteryOf({ soc_pct: 97 });
    battery.limits = { cvl: 55.2, ccl: 40, dcl: 25 };
    run(battery, 30, demandOf(100));
    assert.ok(Math.abs(battery.current_A - 40) < 0.1);
    run(battery, 3600, demandOf(100));
    assert.ok(Math.abs(packVoltage(battery) - 55.2) < 0.05);
    run(battery, 30, demandOf(-100));
    assert.ok(Math.abs(battery.current_A + 25) < 0.1);
    battery.limits = { cvl: 55.2, ccl: 0, dcl: 0 };
    run(battery, 30, demandOf(-100));
    assert.ok(Math.abs(battery.current_A) < 0.01);
  });
  it("takes over registers 328 and 323, then they read 0xFFFF", () => {
    const battery = batteryOf();
    assert.ok(
      battery.write([
        [328, 40000],
        [323, 48000],
      ]),
    );
    assert.deepEqual([battery.words[328], battery.words[323]], [40000, 48000]);
    run(battery, 0.1, demandOf(0));
    assert.deepEqual([battery.words[328], battery.words[323]], [0xffff, 0xffff]);
    assert.deepEqual(
      [getValue(battery.words, "state_of_charge"), getValue(battery.words, "state_of_health")],
      [80, 96],
    );
  });
  it("clears events, clears statistics, restarts, and refuses other options", () => {
    const battery = batteryOf();
    run(battery, 10, demandOf(-30));
    assert.ok(battery.perform(1));
    assert.deepEqual([ids(battery), Array.from(battery.words.slice(200, 204))], [[], [0, 0, 0, 0]]);
    assert.ok(battery.perform(2));
    assert.equal(getValue(battery.words, "max_discharge_current_seen"), 0);
    assert.equal(getValue(battery.words, "statistics_cleared_at"), 20000010);
    assert.ok(battery.perform(5));
    assert.deepEqual(
      [battery.current_A, battery.restarts, getBits(battery.words, "last_reset_and_wakeup", "last_reset_cause")],
      [0, 1, 4],
    );
    run(battery, 0.5, demandOf(-30));
    assert.equal(battery.current_A, 0, "outputs off while it starts");
    run(battery, 5, demandOf(-30));
    assert.ok(battery.current_A < -29);
    assert.ok(!battery.perform(3));
  });
});

describe("simulated battery: event log", () => {
  it("wraps after 49, shows 24 bits of time, reports each event once by 0x11", () => {
    const battery = batteryOf();
    assert.deepEqual(
      battery.log(true).map(({ id }) => id),
      [EVENT.systemStarted, EVENT.dualPort],
    );
    assert.deepEqual(battery.log(true), []);
    for (let i = 0; i < 30; i++) {
      run(battery, 10, demandOf(10));
      run(battery, 10, demandOf(-10));
    }
    assert.equal(battery.log(false).length, 49);
    assert.equal(battery.log(true).length, 49);
    const times = battery.log(false).map(({ time_s }) => time_s);
    assert.notDeepEqual(
      times,
      [...times].sort((a, b) => a - b),
      "slot order is not time order once the ring has wrapped",
    );
    const { time_s, id } = battery.events.slots[7];
    assert.equal(battery.words[214] + (battery.words[215] & 0xff) * 0x10000, time_s & 0xffffff);
    assert.equal(battery.words[215] >> 8, id);
  });
});

describe("simulator scenarios", () => {
  const simulate = (
    scenario: string,
    hours: number,
    look: (simulator: Simulator) => void = () => undefined,
  ): Simulator => {
    const simulator = createSimulator({ scenario, auto: false });
    for (let second = 0; second < hours * 3600; second += 10) {
      simulator.step(10);
      look(simulator);
    }
    simulator.close();
    return simulator;
  };
  const seen = (scenario: string, hours: number): Set<string | undefined> => {
    const states = new Set<string | undefined>();
    simulate(scenario, hours, ({ battery }) => states.add(status(battery)));
    return states;
  };

  it("default charges and discharges in turns, and ends a day as it began", () => {
    const { battery } = simulate("default", 1);
    assert.ok(seen("default", 1).has("charging") && seen("default", 1).has("discharging"));
    assert.ok(Math.abs(battery.soc_pct - scenarios.default.soc_pct) < 0.1);
  });
  it("idle stays at rest", () => assert.deepEqual(seen("idle", 0.2), new Set(["idle"])));
  it("charge gets full", () => assert.equal(status(simulate("charge", 4).battery), "fully_charged"));
  it("discharge is cut off", () => assert.equal(simulate("discharge", 1).battery.switches.load, false));
  it("cold-morning refuses to charge until it is warm", () => {
    const early = simulate("cold-morning", 1).battery;
    assert.ok(early.charger && early.current_A === 0 && ids(early).includes(EVENT.lowTemperatureCharging));
    assert.equal(status(simulate("cold-morning", 7).battery), "charging");
  });
  it("high-cell ends with one cell bled", () => {
    const { battery } = simulate("high-cell", 3);
    assert.deepEqual([battery.waitsForBalance, battery.words[52]], [true, 1 << 3]);
  });
  it("sensor-missing has no external sensor 2", () =>
    assert.equal(simulate("sensor-missing", 0.1).battery.words[43], 0x8000));
  it("lists the scenarios for a name that does not exist", () => {
    for (const name of ["nope", "toString"]) assert.throws(() => scenarioOf(name), /cold-morning/);
  });
});
