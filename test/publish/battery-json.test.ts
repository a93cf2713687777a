// The JSON for dbus-mqtt-battery in every phase: never what stops the driver, nothing that it does not know, and limits
// as they are.
import type { MqttTask } from "../../firmware/publish/state";
import assert from "node:assert/strict";
import { gxValues } from "../../firmware/publish/gx.baked.cold";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { BOOT, DEGRADED, LOST, NORMAL, SILENT, type Snapshot, snapshotOf } from "../../firmware/battery/snapshot";
import { setImageText } from "../../firmware/kernel/text.cold";
import {
  batteryJson,
  gxAlarm,
  gxLevel,
  mirrorNumbers,
  publishBatteryJson,
  whole,
} from "../../firmware/publish/gx.cold";
import { GX_ALARM_ROWS, GX_ROWS } from "../../firmware/publish/topics.baked";
import type { Mirror } from "../../firmware/publish/state";
import { bakeText } from "../../tools/bake/text";
import { snapshotWith } from "../fixtures/battery";

type Tree = Record<string, Record<string, unknown>>;

const numbered = (path: string, most: number): string[] => Array.from({ length: most }, (_, i) => path + (i + 1));
/**
 * Paths that the driver has (1.0.12 of 2026-02-02, dbus-mqtt-battery.py), as far as a battery like ours could send
 * them.
 */
const KNOWN = new Set(
  (
    "Dc/0/Power Dc/0/Voltage Dc/0/Current Dc/0/Temperature InstalledCapacity ConsumedAmphours Capacity Soc Soh TimeToGo Balancing SystemSwitch " +
    "Alarms/LowVoltage Alarms/HighVoltage Alarms/LowSoc Alarms/HighChargeCurrent Alarms/HighDischargeCurrent Alarms/HighCurrent " +
    "Alarms/CellImbalance Alarms/HighChargeTemperature Alarms/LowChargeTemperature Alarms/LowCellVoltage Alarms/LowTemperature " +
    "Alarms/HighTemperature Alarms/FuseBlown Alarms/BmsCable Alarms/HighCellVoltage Alarms/InternalFailure Info/MaxChargeVoltage " +
    "Info/MaxChargeCurrent Info/MaxDischargeCurrent Info/BatteryLowVoltage Info/ChargeMode Info/ChargeLimitation Info/DischargeLimitation " +
    "History/ChargeCycles History/ChargedEnergy History/DischargedEnergy History/LowVoltageAlarms History/HighVoltageAlarms " +
    "System/MinVoltageCellId System/MinCellVoltage System/MaxVoltageCellId System/MaxCellVoltage System/MinTemperatureCellId " +
    "System/MinCellTemperature System/MaxTemperatureCellId System/MaxCellTemperature System/MOSTemperature System/NrOfCellsPerBattery " +
    "System/NrOfModulesOnline System/NrOfModulesOffline System/NrOfModulesBlockingCharge System/NrOfModulesBlockingDischarge " +
    "Io/AllowToCharge Io/AllowToDischarge"
  )
    .split(" ")
    .concat(numbered("Voltages/Cell", 24), numbered("Balances/Cell", 24)),
);

/** What the driver does with a message: an error where it would stop, or warn. */
function driverTakes(text: string): Tree {
  const tree = JSON.parse(text) as Tree;
  for (const [key, value] of Object.entries(tree)) {
    const isBranch = typeof value === "object" && value !== null;
    for (const name of isBranch ? Object.keys(value) : [""]) {
      const path = key === "Dc" ? `Dc/0/${name}` : isBranch ? `${key}/${name}` : key;
      assert.ok(KNOWN.has(path), `the driver does not know ${path}`);
    }
  }
  // it prints these three with a format of numbers, outside of its try: null ends it for good
  for (const number of [tree.Dc.Power, tree.Dc.Voltage, tree.Soc as unknown]) assert.equal(typeof number, "number");
  // min() and max() of the cells: one null is an error
  for (const cell of Object.values(tree.Voltages ?? {})) assert.equal(typeof cell, "number");
  assert.ok("Current" in tree.Dc && "Capacity" in tree && "ConsumedAmphours" in tree, "else it computes with null");
  return tree;
}

/** What rt/gx told of this snapshot. */
function told(s: Snapshot): Float32Array {
  const gx = new Float32Array(GX_ROWS + GX_ALARM_ROWS),
    levels: Record<string, number> = s.phase >= LOST ? { 60: 2, 41: 1 } : {};
  gx.set(
    Array.from(
      gxValues(s.values, s.phase, () => 3),
      whole,
    ),
  );
  for (let row = 0; row < GX_ALARM_ROWS; row++)
    gx[GX_ROWS + row] = gxLevel(gxAlarm(row)[1], s.phase >= LOST ? ",60,41," : "", levels);
  return gx;
}

function battery(): Snapshot {
  const s = snapshotWith({ mv: new Array<number>(14).fill(3320) });
  s.phase = NORMAL;
  Object.assign(s.values, {
    [valueSlot.chargeVoltageLimit]: 48.37,
    [valueSlot.chargeCurrentLimit]: 80,
    [valueSlot.dischargeCurrentLimit]: 120,
  });
  return s;
}

/** Lost: what was measured is forgotten, the limits are 0. */
function lose(s: Snapshot, phase = LOST): void {
  s.phase = phase;
  s.values.fill(NaN, 0, valueSlot.MEASURED_SLOTS);
  s.values[valueSlot.chargeVoltageLimit] = 46.2;
  s.values[valueSlot.chargeCurrentLimit] = s.values[valueSlot.dischargeCurrentLimit] = 0;
}

describe("the JSON of dbus-mqtt-battery", () => {
  before(() => setImageText(bakeText()));

  it("in each phase has numbers where the driver needs them, and only what it knows", () => {
    const s = battery(),
      last = new Float64Array(3).fill(NaN);
    const normal = driverTakes(batteryJson(s, mirrorNumbers(s, told(s), 2), last));
    assert.deepEqual(
      [normal.Info.MaxChargeVoltage, normal.Info.MaxChargeCurrent, normal.Info.MaxDischargeCurrent],
      [48.3, 80, 120],
    );
    assert.deepEqual([normal.Alarms.BmsCable, normal.Alarms.InternalFailure, normal.Info.ChargeMode], [0, 0, "user"]);
    assert.deepEqual([normal.History.LowVoltageAlarms, normal.History.HighVoltageAlarms], [3, 3]);
    assert.ok("ChargedEnergy" in normal.History && "DischargedEnergy" in normal.History);
    s.phase = DEGRADED;
    driverTakes(batteryJson(s, mirrorNumbers(s, told(s), 16), last));
    const before = told(s);
    lose(s);
    for (const gx of [before, told(s)]) {
      const lost = driverTakes(batteryJson(s, mirrorNumbers(s, gx, 17), last));
      assert.deepEqual([lost.Dc.Voltage, lost.Dc.Power, lost.Soc], [normal.Dc.Voltage, normal.Dc.Power, normal.Soc]);
      assert.deepEqual(
        [lost.Info.MaxChargeCurrent, lost.Info.MaxDischargeCurrent, lost.Info.MaxChargeVoltage],
        [0, 0, 46.2],
        "whatever rt/gx told last",
      );
      assert.deepEqual([lost.System.NrOfModulesOnline, lost.System.NrOfModulesOffline], [0, 1]);
    }
    const lost = JSON.parse(batteryJson(s, mirrorNumbers(s, told(s), 17), last)) as Tree;
    assert.deepEqual([lost.Alarms.BmsCable, lost.Dc.Current, lost.Voltages], [2, null, undefined]);
    assert.ok("CellImbalance" in lost.Alarms && lost.Alarms.CellImbalance === null, "unknown is null");
    const back = battery();
    driverTakes(batteryJson(back, mirrorNumbers(back, told(back), 2), last));
  });

  it("says nothing before voltage, power and SoC were known, whichever is missing", () => {
    for (const phase of [BOOT, LOST, SILENT]) {
      const s = snapshotOf();
      s.phase = phase;
      assert.equal(batteryJson(s, mirrorNumbers(s, told(s), 17), new Float64Array(3).fill(NaN)), "");
    }
    for (const slot of [valueSlot.packVoltage, valueSlot.packPower, valueSlot.stateOfCharge]) {
      const s = battery();
      s.values[slot] = NaN;
      assert.equal(batteryJson(s, mirrorNumbers(s, told(s), 2), new Float64Array(3).fill(NaN)), "", `${slot}`);
    }
  });

  it("is sent each 5 s, at once when the phase changes, and not in boot, while silent or for settings that do not fit", () => {
    const s = battery(),
      sent: string[] = [],
      socket = { write: (bytes: string) => sent.push(bytes) };
    const mirror = { json: "gx/battery", jsonAt: 0, jsonPhase: -1, last: new Float64Array(3).fill(NaN) } as Mirror;
    const session = { state: 8, socket, outbox: [], inFlight: [], counts: new Float64Array(40), base: "" },
      mqtt = { snapshot: s, limits: { valid: true }, session } as unknown as MqttTask;
    const look = (now: number): number => publishBatteryJson(mqtt, mirror, mirrorNumbers(s, told(s), 2), now);
    assert.deepEqual([look(1000), look(3000), look(5999), look(6000)], [1, 0, 0, 1]);
    lose(s);
    assert.deepEqual([look(7000), look(9000)], [1, 0], "at once when it is lost");
    for (const phase of [SILENT, BOOT]) {
      s.phase = phase;
      assert.equal(look(60000), 0);
    }
    s.phase = NORMAL;
    mqtt.limits.valid = false;
    assert.equal(look(60000), 0);
    assert.equal(sent.length, 3);
  });
});
