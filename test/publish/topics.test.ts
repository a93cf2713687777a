// The rare topics, message by message, against lists written by hand, and Victron's register list 3.60.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { registers } from "../../firmware/tables/registers";
import * as slot from "../../firmware/battery/registers.baked";
import { LOST, snapshotOf } from "../../firmware/battery/snapshot";
import { setImageText } from "../../firmware/kernel/text.cold";
import { DAY_S } from "../../firmware/kernel/time";
import { dayOf, isoTime } from "../../firmware/kernel/time.cold";
import { memoryStore, restorePower, storageModule } from "../../tools/host/storage";
import { keepTotals, readTotals, totalMessage, totalsOn } from "../../firmware/publish/energy.cold";
import { gxValues } from "../../firmware/publish/gx.baked.cold";
import { timeMember } from "../../firmware/publish/messages.cold";
import {
  batteryJson,
  gxAlarm,
  gxLevel,
  gxMessage,
  mirrorLeaf,
  mirrorNumbers,
  whole,
} from "../../firmware/publish/gx.cold";
import { classes, gxAlarms } from "../../firmware/tables/topics";
import { GX_ALARM_ROWS, GX_ROWS, PAGES_AT, PAGES_END } from "../../firmware/publish/topics.baked";
import { groupMessage } from "../../firmware/publish/groups.cold";
import { publishedRows, suffixOf } from "../../tools/bake/names";
import { groupRows, gxRows } from "../../tools/bake/topics";
import { bmsVector } from "../fixtures/bytes";
import { snapshotWith } from "../fixtures/battery";

type Json = Record<string, unknown>;

/** Modbus address and scale of each path, as Victron prints them (3.60); system service first. */
const VICTRON: Record<string, [number | undefined, number | undefined, string?]> = {
  "Dc/Battery/Voltage": [840, 10, "V"],
  "Dc/Battery/Current": [841, 10, "A"],
  "Dc/Battery/Power": [842, 1, "W"],
  "Dc/Battery/Soc": [843, 1, "%"],
  "Dc/Battery/State": [844, undefined],
  "Dc/0/Voltage": [259, 100, "V"],
  "Dc/0/Current": [261, 10, "A"],
  "Dc/0/Power": [256, 1, "W"],
  "Dc/0/Temperature": [262, 10, "degC"],
  "Soc": [266, 10, "%"],
  "Soh": [304, 10, "%"],
  "Info/MaxChargeVoltage": [305, 10, "V"],
  "Info/MaxChargeCurrent": [307, 10, "A"],
  "Info/MaxDischargeCurrent": [308, 10, "A"],
  "Info/BatteryLowVoltage": [306, 10, "V"],
  "System/MinCellVoltage": [1290, 100, "V"],
  "System/MaxCellVoltage": [1291, 100, "V"],
  "System/MinCellTemperature": [318, 10, "degC"],
  "System/MaxCellTemperature": [319, 10, "degC"],
  "System/NrOfCellsPerBattery": [1289, 1],
  "Capacity": [309, 10, "Ah"],
  "InstalledCapacity": [undefined, undefined, "Ah"],
  "Balancing": [1285, undefined],
  "Io/AllowToCharge": [1297, undefined],
  "Io/AllowToDischarge": [1298, undefined],
  "History/ChargeCycles": [284, 1],
  "History/LowVoltageAlarms": [291, 1],
  "History/HighVoltageAlarms": [292, 1],
  "History/DischargedEnergy": [301, 10, "kWh"],
  "History/ChargedEnergy": [302, 10, "kWh"],
};
/** Counters of ours beside Victron's, by their register; 110 is reserved (Enepaq TinyBMS Rev D 3.2). */
const OWN: Record<string, number> = {
  "History/DischargeOverCurrentAlarms": 107,
  "History/ChargeOverCurrentAlarms": 108,
  "History/OverHeatAlarms": 109,
  "History/FullCharges": 112,
};
const VICTRON_ALARMS: Record<string, number | undefined> = {
  LowVoltage: 268,
  HighVoltage: 269,
  LowSoc: 272,
  LowTemperature: 273,
  HighTemperature: 274,
  HighChargeCurrent: 320,
  HighDischargeCurrent: 321,
  CellImbalance: 322,
  InternalFailure: 323,
  HighChargeTemperature: 324,
  LowChargeTemperature: 325,
  LowCellVoltage: 326,
  BmsCable: 327,
  Contactor: 328,
  LowBattery: undefined,
};

const TAIL = ',"timestamp_ms":7,"seq":9';
const rowOf = (path: string): number => gxRows.findIndex((row) => row.path === "/" + path);
/** Payload of a GX topic; `value` in units of the last decimal. */
const gx = (path: string, value: number): Json => JSON.parse(gxMessage(rowOf(path), value, "normal", TAIL)[1]) as Json;
const words = (name: string): number[] => Object.values(bmsVector(name).decoded.registers ?? {});

describe("mqtt: rare topics", () => {
  before(() => setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")));

  it("rt/gx: address, scale, unit and service of each path are Victron's", () => {
    assert.deepEqual(gxRows.map(({ path }) => path.slice(1)).sort(), Object.keys({ ...VICTRON, ...OWN }).sort());
    for (const [path, [modbus, scale, unit]] of Object.entries(VICTRON)) {
      const digits = gxRows[rowOf(path)].digits,
        message = gx(path, 2 * 10 ** digits);
      assert.equal(message.value, 2, path);
      assert.deepEqual([message.modbus, message.gx_raw, message.unit], [modbus, scale && 2 * scale, unit], path);
      assert.equal(
        message.service,
        path === "Dc/Battery/State"
          ? undefined
          : path.startsWith("Dc/Battery")
            ? "com.victronenergy.system"
            : "com.victronenergy.battery",
      );
    }
  });

  it("rt/gx/History: counters that Victron has no path for name their register, and stay off the mirror", () => {
    for (const [path, address] of Object.entries(OWN)) {
      assert.deepEqual(gx(path, 3), { value: 3, address, timestamp_ms: 7, seq: 9 });
      assert.equal(mirrorLeaf(rowOf(path), 3)[0], "", path);
    }
    const counts = [7, 8, 9, 10],
      told = gxValues(new Float64Array(100), 1, (at) => counts[[107, 108, 109, 112].indexOf(at)]);
    assert.deepEqual(
      Object.keys(OWN).map((path) => told[rowOf(path)]),
      counts,
    );
  });

  it("rt/gx: the examples of the tree", () => {
    assert.equal(
      gxMessage(rowOf("Dc/Battery/Voltage"), 521, "normal", ',"timestamp_ms":1')[1],
      '{"value":52.1,"unit":"V","gx_raw":521,"modbus":840,"service":"com.victronenergy.system","timestamp_ms":1}',
    );
    assert.deepEqual([gx("Dc/Battery/Current", -235).value, gx("Dc/Battery/Current", -235).gx_raw], [-23.5, -235]);
    assert.deepEqual([gx("Dc/Battery/Power", -1224).value, gx("Dc/Battery/Power", -1224).gx_raw], [-1224, -1224]);
    assert.equal(
      gxMessage(rowOf("Dc/Battery/State"), 2, "normal", "")[1],
      '{"value":2,"text":"discharging","modbus":844}',
    );
    assert.deepEqual(
      [gx("Info/MaxChargeVoltage", 568).gx_raw, gx("Info/MaxChargeVoltage", 568).phase],
      [568, "normal"],
    );
    assert.deepEqual(
      [gx("System/MinCellVoltage", 3265).value, gx("System/MinCellVoltage", 3265).gx_raw],
      [3.265, 327],
      "Victron's own example",
    );
    assert.equal(gx("Dc/0/Current", -453).gx_raw, -453);
    assert.deepEqual(gx("Soc", NaN), {
      value: null,
      unit: "%",
      modbus: 266,
      service: "com.victronenergy.battery",
      timestamp_ms: 7,
      seq: 9,
    });
  });

  it("rt/gx: every row with a GX path has its topic, and the class of the spec", () => {
    for (const row of registers) {
      if (!row.gx) continue;
      const all = [
        ...gxRows.map(({ path, modbus }) => [path, modbus]),
        ...Object.entries(VICTRON_ALARMS).map(([name, at]) => ["/Alarms/" + name, at]),
      ];
      assert.ok(
        all.some(([path, modbus]) => path === row.gx!.path && modbus === row.gx!.modbus),
        row.key,
      );
    }
    for (const row of gxRows) assert.equal(row.class, /^\/(Info|Io)/.test(row.path) ? "limits" : "telemetry", row.path);
  });

  it("rt/gx: values are those of the snapshot as CAN rounds them", () => {
    const s = snapshotWith({ mv: new Array<number>(16).fill(3321) }),
      v = s.values;
    Object.assign(v, {
      [slot.packVoltage]: 53.145,
      [slot.packCurrent]: -18.25,
      [slot.packPower]: -970,
      [slot.chargeVoltageLimit]: 46.2,
      [slot.chargeCurrentLimit]: 0,
      [slot.dischargeCurrentLimit]: 179.99999,
      [slot.stateOfCharge]: 78.449,
    });
    const values = Array.from(
        gxValues(v, s.phase, (address) => address),
        whole,
      ),
      at = (path: string): number => values[rowOf(path)];
    assert.deepEqual(
      [at("Dc/0/Voltage"), at("Dc/Battery/Voltage"), at("Dc/0/Current"), at("Dc/Battery/State")],
      [5315, 532, -183, 2],
    );
    assert.deepEqual(
      [at("Info/MaxChargeVoltage"), at("Info/MaxChargeCurrent"), at("Info/MaxDischargeCurrent")],
      [462, 0, 1799],
    );
    assert.deepEqual(
      [at("Io/AllowToCharge"), at("Io/AllowToDischarge"), at("Soc"), at("Dc/Battery/Soc")],
      [0, 1, 784, 78],
    );
    assert.deepEqual(
      [at("History/ChargeCycles"), at("History/LowVoltageAlarms"), at("History/HighVoltageAlarms")],
      [111, 105, 106],
    );
    v[slot.packPower] = 31;
    assert.equal(gxValues(v, s.phase, () => NaN)[rowOf("Dc/Battery/State")], 1);
    v[slot.packPower] = -30;
    assert.equal(gxValues(v, s.phase, () => NaN)[rowOf("Dc/Battery/State")], 0);
    assert.equal(gxValues(v, LOST, () => NaN)[rowOf("Capacity")], 0);
    assert.ok(Array.from(gxValues(snapshotOf().values, 0, () => NaN)).every((value) => value !== value));
  });

  it("rt/gx/Alarms: Victron's names and addresses, the worst of the alarms behind each, null without a source", () => {
    const found = Array.from({ length: GX_ALARM_ROWS }, (_, row) => gxAlarm(row));
    assert.deepEqual(
      Object.fromEntries(
        found.map(([path, , members]) => [path.slice(7), (JSON.parse(`{"x":0${members}}`) as Json).modbus]),
      ),
      VICTRON_ALARMS,
    );
    assert.equal(found.at(-1)![2], ',"alias_of":["LowVoltage","LowSoc"]');
    assert.equal(gxLevel("2,5", ",2,5,", { 2: 1, 5: 2 }), 2);
    assert.equal(gxLevel("2,5", ",5,", { 2: 2 }), 0);
    assert.ok(isNaN(gxLevel("2,5", ",21,", { 2: 2 })));
    assert.equal(gxLevel("2,5", "", { 21: 2 }), 0);
  });

  it("rt/reg: the registers of a group, with names, parts and the serial number as text", () => {
    const serial = words("modbus_read_version_and_serial"),
      seen: [string, Json, boolean][] = [];
    for (
      let at = 0, message = groupMessage(serial, 500, 10, 0, ',"timestamp_ms":1,"quality":"');
      at >= 0 && message[0] >= 0;
      message = groupMessage(serial, 500, 10, message[0], ',"timestamp_ms":1,"quality":"')
    )
      seen.push([message[1], JSON.parse(message[2]) as Json, message[3]]);
    assert.deepEqual(
      seen.map(([suffix]) => suffix),
      ["firmware_public_version", "firmware_internal_version", "bootloader_profile_version", "serial_number"],
    );
    const [, last, isText] = seen.at(-1)!,
      own = serial.slice(4);
    assert.ok(isText);
    assert.deepEqual(last, {
      address: 504,
      key: "serial_number",
      unit: "",
      text: own.map((word) => word.toString(16).padStart(4, "0").toUpperCase()).join(""),
      words: own,
      timestamp_ms: 1,
      quality: "ok",
    });
    const example = groupMessage([66, 58, 12599, 20747, 13111, 14385], 504, 6, 0, ',"quality":"');
    assert.equal((JSON.parse(example[2]) as Json).text, "0042003A3137510B33373831");
  });

  it("rt/reg: two words, signs, floats, parts; nothing beyond what was read", () => {
    const tail = ',"quality":"',
      get = (list: number[], at: number): Json => JSON.parse(groupMessage(list, at, list.length, 0, tail)[2]) as Json;
    assert.deepEqual(get([0x2710, 1], 32), {
      address: 32,
      key: "lifetime_counter",
      unit: "s",
      value: 75536,
      raw: 75536,
      words: [10000, 1],
      quality: "ok",
    });
    assert.equal(get([12345, 0], 100).value, 123.45);
    assert.deepEqual(
      [get([0x8000, 0x8000], 32).raw, get([0x8000, 0x8000], 32).value],
      [2147516416, 2147516416],
      "raw has no sign",
    );
    assert.deepEqual(get([0x05fb], 113).bits, { min_pack_temp_seen: -5, max_pack_temp_seen: 5 });
    assert.deepEqual(get([0x0305], 114).bits, {
      last_reset_cause: "power_on_or_power_down",
      last_wakeup_cause: "uart_communication",
    });
    assert.equal(get(Array.from(new Uint16Array(new Float32Array([12.5]).buffer)), 54).value, 12.5);
    assert.deepEqual([get([7], 105).dbus_path, get([7], 105).modbus], ["/History/LowVoltageAlarms", 291]);
    assert.equal(groupMessage([1], 32, 1, 0, tail)[0], -1, "half a value");
    assert.equal(groupMessage([1, 2], 300, 2, 0, tail)[0], -1, "settings have their own topics");
  });

  it("manifest: every topic once, registers first, pages of at most 1 kB", () => {
    const pages = readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")
      .slice(PAGES_AT, PAGES_END)
      .trimEnd()
      .split("\n");
    const items = pages.flatMap((text, page) => {
      assert.ok(text.length <= 1024);
      const parsed = JSON.parse(text) as {
        page: number;
        items: { t: string; n?: string; a?: number; l?: string; p?: string; m?: number }[];
      };
      assert.equal(parsed.page, page);
      return parsed.items;
    });
    const registers = [...publishedRows, ...groupRows].map((row) => "rt/reg/" + suffixOf(row)),
      listed = items.map(({ t }) => t);
    assert.deepEqual(listed.slice(0, registers.length), registers);
    assert.equal(new Set(listed).size, listed.length);
    for (const topic of [
      ...["rt/limits", "rt/state", "rt/alarms/m", "rt/alarms/id30", "rt/energy/charge/daily", "cfg/can/limits"],
      ...[...gxRows, ...gxAlarms].map(({ path }) => "rt/gx" + path),
    ])
      assert.ok(listed.includes(topic), topic);
    assert.deepEqual(
      items.find(({ t }) => t === "rt/gx/Info/MaxChargeVoltage"),
      { t: "rt/gx/Info/MaxChargeVoltage", p: "/Info/MaxChargeVoltage", u: "V", m: 305 },
    );
    assert.equal(items.find(({ t }) => t === "rt/reg/state_of_charge")?.n, "soc_percent");
    assert.deepEqual(items[0], {
      t: "rt/reg/battery_pack_voltage",
      n: "battery_voltage",
      a: 36,
      l: "Battery pack voltage",
      u: "V",
      p: "/Dc/0/Voltage",
      m: 259,
    });
  });

  it("energy: a power cut while the totals are written loses neither the day nor the month", () => {
    const day = 20486 * DAY_S,
      first = totalsOn(null, day, [100, 50]),
      second = totalsOn(first, day + DAY_S, [105, 52]);
    for (let cut = 1; cut < 9; cut++) {
      const store = memoryStore(),
        port = storageModule(store, (message) => assert.fail(message));
      assert.equal(readTotals(port), null);
      keepTotals(port, first);
      assert.deepEqual(readTotals(port), first);
      store.faults.cutAt = store.operations + cut;
      try {
        keepTotals(port, second);
      } catch {
        assert.ok(store.isCut);
      }
      restorePower(store);
      const found = readTotals(port)!;
      assert.deepEqual(found.month, [100, 50], `cut at ${cut}`);
      assert.deepEqual(totalsOn(found, day + DAY_S, [105, 52]).before, [100, 50]);
      const third = totalsOn(totalsOn(found, day + DAY_S, [105, 52]), day + 2 * DAY_S, [106, 53]);
      keepTotals(port, third);
      assert.deepEqual(readTotals(port), third);
      assert.equal(store.files.size, 2);
    }
  });

  it("energy: the day, yesterday and the month, over midnight, gaps and a counter that began anew", () => {
    const day = 20486 * DAY_S,
      messages = (totals: ReturnType<typeof totalsOn>, now: number[]): Json[] =>
        Array.from({ length: 6 }, (_, i) => JSON.parse(totalMessage(totals, now, i, "")[1]) as Json),
      values = (totals: ReturnType<typeof totalsOn>, now: number[]): unknown[] =>
        messages(totals, now).map(({ value }) => value),
      qualities = (totals: ReturnType<typeof totalsOn>): string =>
        [0, 2, 4].map((place) => messages(totals, [200, 200])[place].quality).join(" ");
    assert.equal(dayOf(day), "2026-02-02");
    const first = totalsOn(null, day + 7200, [100, 50]);
    assert.equal(
      totalMessage(first, [103.21, 50.5], 0, ',"device_id":"A"')[1],
      '{"value":3.21,"unit":"kWh","date":"2026-02-02","quality":"estimated","device_id":"A"}',
    );
    assert.equal(
      totalMessage(first, [103.21, 50.5], 2, "")[1],
      '{"value":null,"unit":"kWh","date":"2026-02-01","quality":"stale"}',
    );
    assert.equal(totalsOn(first, day + 9999, [104, 51]), first);
    const second = totalsOn(JSON.parse(JSON.stringify(first)) as typeof first, day + DAY_S + 20, [105, 52]);
    assert.deepEqual(values(second, [106, 52.25]), [1, 0.25, 5, 2, 6, 2.25]);
    assert.equal(qualities(second), "ok estimated estimated", "this day alone was seen from its begin");
    assert.deepEqual(totalMessage(second, [106, 52.25], 5, ""), [
      "rt/energy/discharge/monthly",
      '{"value":2.25,"unit":"kWh","month":"2026-02","quality":"estimated"}',
    ]);
    assert.equal(totalMessage(second, [106, 52.25], 2, "")[0], "rt/energy/charge/yesterday");
    assert.equal(totalsOn(second, day + DAY_S - 1, [106, 53]), second, "a clock that goes back over midnight");
    assert.equal(qualities(totalsOn(second, day + 2 * DAY_S + 299, [106, 53])), "ok ok estimated");
    assert.equal(qualities(totalsOn(second, day + 2 * DAY_S + 300, [106, 53])), "estimated ok estimated");
    const later = totalsOn(second, day + 3 * DAY_S, [110, 60]);
    assert.deepEqual(values(later, [111, 60]), [1, 0, null, null, 11, 10], "yesterday was not seen");
    assert.deepEqual(totalsOn(second, day + 40 * DAY_S, [110, 60]).month, [110, 60], "a new month");
    assert.deepEqual(totalsOn(second, day + DAY_S, [3, 60]).today, [3, 60], "a counter that began anew");
    assert.equal(
      totalMessage(totalsOn(null, day, [NaN, NaN]), [NaN, NaN], 0, "")[1],
      '{"value":null,"unit":"kWh","date":"2026-02-02","quality":"stale"}',
    );
    let month = totalsOn(null, 20484 * DAY_S + 80000, [0, 0]); // the last day of January
    for (let d = 20485; d < 20490; d++) month = totalsOn(month, d * DAY_S + 5, [d, d]);
    assert.equal(qualities(month), "ok ok ok", "a month that was seen from its begin");
  });

  it("time: as the calendar has it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4e9 }), fc.nat(999), (seconds, ms) => {
        const iso = new Date(seconds * 1000 + ms).toISOString(),
          day = { date: dayOf(seconds), dayAt: Math.floor(seconds / 86400) * 86400 };
        assert.equal(isoTime(seconds), iso.slice(0, 19) + "Z");
        assert.equal(
          timeMember(seconds - 100, 100000 + ms, day),
          seconds > 100 ? `,"time":"${iso}"` : timeMember(seconds - 100, 100000 + ms, day),
        );
      }),
    );
    assert.equal(timeMember(0, 5000, { date: "1970-01-01", dayAt: 0 }), "", "no clock, no time");
    assert.equal(timeMember(1e9, 0, { date: "", dayAt: -1 }), "");
  });

  it("mirror: every path of the GX battery service in the N/ shape, null while lost", () => {
    const s = snapshotWith({ mv: [3300, ...new Array<number>(14).fill(3320), 3340] }),
      gxNow = new Float32Array(GX_ROWS + GX_ALARM_ROWS);
    gxNow.set(
      Array.from(
        gxValues(s.values, s.phase, () => NaN),
        whole,
      ),
    );
    const leaves = Object.fromEntries(
      mirrorNumbers(s, gxNow, 2)
        .map((value, place) => mirrorLeaf(place, value))
        .map(([path, text]) => [path, (JSON.parse(text) as Json).value]),
    );
    assert.ok(!Object.keys(leaves).some((path) => path.startsWith("Dc/Battery") || path.endsWith("LowBattery")));
    assert.deepEqual(
      [
        leaves["Voltages/Cell1"],
        leaves["Voltages/Cell16"],
        leaves["System/MinVoltageCellId"],
        leaves["System/MaxVoltageCellId"],
        leaves.Connected,
      ],
      [3.3, 3.34, "C1", "C16", 1],
    );
    assert.deepEqual(
      [leaves["Info/ChargeMode"], leaves["Balances/Cell3"], leaves["System/NrOfCellsPerBattery"]],
      ["user", 0, 16],
    );
    s.phase = LOST;
    s.values.fill(NaN, 0, slot.MEASURED_SLOTS);
    const lost = Object.fromEntries(mirrorNumbers(s, gxNow, 17).map((value, place) => mirrorLeaf(place, value)));
    assert.deepEqual(
      [lost["Voltages/Cell1"], lost["System/MinVoltageCellId"], lost["System/NrOfModulesOffline"]],
      ['{"value":null}', '{"value":null}', '{"value":1}'],
    );
  });

  it("the JSON of dbus-mqtt-battery: what it needs to be a battery that controls charging", () => {
    const s = snapshotWith({ mv: new Array<number>(14).fill(3320) }),
      gxNow = new Float32Array(GX_ROWS + GX_ALARM_ROWS).fill(NaN);
    Object.assign(s.values, {
      [slot.chargeVoltageLimit]: 48.3,
      [slot.chargeCurrentLimit]: 80,
      [slot.dischargeCurrentLimit]: 120,
    });
    gxNow.set(
      Array.from(
        gxValues(s.values, s.phase, () => NaN),
        whole,
      ),
    );
    const text = batteryJson(s, mirrorNumbers(s, gxNow, 2), new Float64Array(3).fill(NaN)),
      tree = JSON.parse(text) as Record<string, Json>;
    for (const key of ["Voltage", "Current", "Power", "Temperature"]) assert.equal(typeof tree.Dc[key], "number", key);
    assert.equal(typeof tree.Soc, "number");
    assert.deepEqual(
      [tree.Info.MaxChargeVoltage, tree.Info.MaxChargeCurrent, tree.Info.MaxDischargeCurrent],
      [48.3, 80, 120],
    );
    assert.deepEqual(
      Object.keys(tree.Voltages),
      Array.from({ length: 14 }, (_, i) => `Cell${i + 1}`),
    );
    assert.ok(
      Math.abs(
        (tree.Capacity as unknown as number) +
          (tree.ConsumedAmphours as unknown as number) -
          (tree.InstalledCapacity as unknown as number),
      ) < 0.11,
    );
    assert.ok(!/LowBattery|Contactor/.test(text));
  });

  it("knows the classes by their numbers", () => {
    assert.deepEqual(
      [...classes],
      ["compact", "periodic", "telemetry", "text", "limits", "alarms", "config", "totals"],
    );
  });
});
