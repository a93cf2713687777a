// What one wrong or odd reply of the TinyBMS may do, in the interpreter: settings, events and the state of charge are
// taken by parts that are evaluated from flash. The stories of test/system/bms-truth.test.ts, blocks.test.ts and
// limits-agree.test.ts, on one boot each for CAN and for MQTT, because a boot and each minute until settings are read
// take processor time; the order of the cases saves minutes too.
import assert from "node:assert/strict";
import type { System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { logEvent, publishLog } from "../../tools/simulator/events";
import type { Trouble } from "../../tools/simulator/trouble";
import { setValue } from "../../tools/simulator/words";
import { decodeFrame } from "../../tools/can/decode";
import { interpreterBench } from "./bench";

const LIMITS = 0x351,
  CHARGE = 0x355,
  ALARMS = 0x35a;
const SETTINGS = 300,
  SETTINGS_WORDS = 44;
const REST: Trouble = { cells_V: 3.35, current_A: 0, charger: true, soc_pct: 70 },
  WHOLE = "55.2/135/180";
/** Settings are read each minute. */
const MINUTE_MS = 70000,
  /** Device time goes as fast as the interpreter does. */
  FAST = 20;
const SWITCH = 0x0b,
  LOW_TEMP = 0x37,
  STARTED = 0x61,
  CHARGER = 0x64,
  LOW_TEMP_GONE = 0x74,
  LOW_TEMP_ALARM = 22;
const ALL_ZERO = Object.fromEntries(Array.from({ length: SETTINGS_WORDS }, (_, i) => [SETTINGS + i, 0])),
  LOOSE = { 300: 3700, 315: 3900 },
  LOW_CUTOFF = { 315: 3450 };

/** The first register that a block read asks for; -1 for other requests. */
function firstOf(request: Uint8Array): number {
  const [, command, a, b, c] = request as unknown as number[];
  return command === 7 ? b! | (c! << 8) : command === 3 ? (a! << 8) | b! : -1;
}

/** GET /api/status, as far as this file reads it. */
interface Told {
  live_data: { phase: string };
  limits: { reason: string };
  alarms: { id: number }[];
}

/** Limits of a frame as CVL/CCL/DCL. */
function limitsIn(data: ArrayLike<number>): string {
  return decodeFrame(LIMITS, Array.from(data))!
    .fields.slice(0, 3)
    .map(({ rowValue }) => rowValue)
    .join("/");
}

describe("what the TinyBMS says, in the interpreter", function () {
  const { start, status, errors } = interpreterBench({ shared: true });
  let system: System;
  /**
   * What the next rounds of settings say in place of what is so, the last one for ever; and when each round was asked
   * for.
   */
  let lies: Record<number, number>[] = [{}];
  const rounds: number[] = [];

  const hold = (trouble: Trouble): void => void (system.simulator.battery.trouble = { ...REST, ...trouble });
  const since = (at: number, id = LIMITS): string[] =>
    system
      .frames(id)
      .filter((frame) => frame.at >= at)
      .map(({ data }) => (id === LIMITS ? limitsIn(data) : Array.from(data).join()));
  const last = (): string => since(0).at(-1) ?? "";
  const log = (id: number, time_s = system.simulator.battery.lifetime_s): void => {
    const { events, words } = system.simulator.battery;
    logEvent(events, id, time_s);
    publishLog(events, words);
  };
  const told = async (): Promise<Told> => (await status()) as unknown as Told;
  const untilReason = (reason: string): Promise<boolean> =>
    until(reason, 15000, async () => (await told()).limits.reason === reason);

  /** The next rounds of settings say this; when each of them was asked for. */
  async function tell(...next: Record<number, number>[]): Promise<number[]> {
    const before = rounds.length;
    lies = [lies[0]!, ...next];
    await until("the settings are read", MINUTE_MS, () => rounds.length >= before + next.length);
    return rounds.slice(before);
  }

  before(async () => {
    system = await start({ scenario: "idle", broker: "none", timeScale: FAST, bmsFaults: ["silence"] });
    const { battery, faults } = system.simulator,
      { receive } = system.simulator;
    hold({});
    system.simulator.receive = (bytes) => {
      if (faults.active().length === 0 && firstOf(bytes) === SETTINGS) {
        rounds.push(system.clock.now());
        if (lies.length > 1) lies.shift();
      }
      // the reply is made in here; the battery itself must not live with what is only read
      const right = battery.words.slice(SETTINGS, SETTINGS + SETTINGS_WORDS);
      for (const [at, word] of Object.entries(lies[0]!)) battery.words[+at] = word;
      receive(bytes);
      battery.words.set(right, SETTINGS);
    };
  });
  beforeEach(() => hold({}));
  afterEach(() => assert.deepEqual(errors(), []));

  /** Each round was asked for at once after the one before. */
  const areAtOnce = (at: number[]): void => {
    for (let i = 1; i < at.length; i++) assert.ok(at[i]! - at[i - 1]! < 2500, `asked again: ${at.join(" ")}`);
  };

  it("nothing is sent at the start before settings that can be were told twice", async () => {
    lies = [{}, ALL_ZERO, { 307: 17 }, LOOSE, {}];
    system.simulator.faults.clear();
    await until("limits", 60000, () => since(0).length > 2);
    assert.deepEqual([...new Set(since(0))], [WHOLE]);
    assert.ok(rounds.length >= 5);
    areAtOnce(rounds);
  });

  it("an event right after a restart with the counter back blocks", async () => {
    const { battery, faults } = system.simulator;
    log(CHARGER);
    await sleep(3000);
    battery.lifetime_s -= 5;
    log(STARTED);
    log(LOW_TEMP);
    faults.set("silence", { for_ms: 4500 });
    await until("0x37 blocks the charge", 12000, () => /\/0\/[1-9]/.test(last()));
    await until("its alarm", 3000, async () => (await told()).alarms.some(({ id }) => id === LOW_TEMP_ALARM));
    log(LOW_TEMP_GONE);
    await untilReason("recovering");
  });

  it("a counter that jumps back releases nothing, a restart does, an entry in the future deafens nothing", async () => {
    const { battery } = system.simulator;
    log(SWITCH);
    await until("0x0B blocks both", 8000, () => last().endsWith("/0/0"));
    const at = system.clock.now();
    battery.lifetime_s = 5000;
    log(CHARGER);
    await sleep(12000);
    assert.deepEqual([...new Set(since(at).map((limits) => limits.slice(limits.indexOf("/"))))], ["/0/0"]);
    assert.equal((await told()).limits.reason, "discharge_blocked");
    log(STARTED);
    await untilReason("recovering");
    log(0xff, 0xffffff);
    await sleep(8000);
    log(LOW_TEMP);
    await untilReason("charge_blocked");
    log(SWITCH);
    await untilReason("discharge_blocked");
    log(STARTED);
    await untilReason("recovering");
  });

  it("settings that cannot be change nothing; a cell 20 mV below a new register 315 blocks, wherever 300 stands", async () => {
    hold({ cell_V: { 5: 3.44 } });
    const at = await tell(ALL_ZERO, { 307: 17 }, LOOSE, LOW_CUTOFF, LOW_CUTOFF);
    areAtOnce(at);
    lies.push({});
    await untilReason("charge_blocked");
    assert.ok(system.clock.now() - at[3]! < 8000);
    assert.ok(last().startsWith("52.8/0/"), last());
    for (const id of [LIMITS, ALARMS]) {
      const between = since(at[0]!, id).slice(0, -since(at[3]!, id).length);
      assert.ok(new Set(between).size <= 1, `no limit and no alarm moved: ${between.join(" ")}`);
    }
  });

  it("CAN that settings silenced comes back at floor and 0 A, and rises as after a loss", async () => {
    const token = system.console.lines.join("\n").match(/setup token: (\S+)/)![1]!;
    const put = async (chemistry: string): Promise<void> => {
      const body = JSON.stringify({ battery: { chemistry }, confirm: true });
      const answer = await system.http("/api/config", { method: "PUT", headers: { "X-Setup-Token": token }, body });
      assert.equal(answer.status, 200, answer.text);
    };
    await put("nmc");
    await sleep(2000);
    const frames = system.frames().length;
    await sleep(3000);
    assert.equal(system.frames().length, frames, "silent while they do not fit");
    const from = since(0).length;
    await put("lfp");
    await until("limits again", 10000, () => since(0).length > from + 2);
    const [cvl, ccl, dcl] = since(0)[from]!.split("/").map(Number);
    assert.ok(cvl! <= 52.9 && ccl! <= 2.7 && dcl! <= 3.6, since(0)[from]);
  });

  it("a state of charge of 100.4 % is 100, one of 101.5 % is no reply", async () => {
    hold({ soc_pct: 100.4 });
    const soc = (): unknown =>
      decodeFrame(CHARGE, Array.from(system.frames(CHARGE).at(-1)?.data ?? []))?.fields[0]?.rowValue;
    await until("100 %", 5000, () => soc() === 100);
    await sleep(6000);
    assert.equal((await told()).live_data.phase, "normal");
    hold({ soc_pct: 101.5 });
    await until("degraded", 9000, async () => (await told()).live_data.phase === "degraded");
    hold({});
    await until("normal", 9000, async () => (await told()).live_data.phase === "normal");
  });
});

describe("what MQTT says of limits and of an unknown battery, in the interpreter", function () {
  const { start, errors } = interpreterBench();
  const UNKNOWN = ["soc", "v", "i", "p", "cmin", "cmax", "cd", "t1", "t2", "chg", "bal", "est", "ttg"];

  it("unknown is null, limits are those on CAN to the last digit, dbus-mqtt-battery gets what it must have", async () => {
    const system = await start({
      ...{ scenario: "idle", bmsFaults: ["silence"], timeScale: 5 },
      settings: { mqtt: { battery_json: "gx/battery" } },
    });
    const { battery, faults } = system.simulator;
    const heard = (end: string): Record<string, unknown>[] =>
      system
        .broker!.messages.filter(({ topic, payload }) => topic.endsWith(end) && payload !== "")
        .map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
    const isUnknown = (state: Record<string, unknown> = {}): void =>
      assert.deepEqual(
        UNKNOWN.map((key) => state[key]),
        UNKNOWN.map(() => null),
        JSON.stringify(state),
      );
    battery.trouble = REST;
    await until("a state", 60000, () => heard("/rt/state").length > 2);
    isUnknown(heard("/rt/state").at(-1));
    assert.deepEqual(heard("gx/battery"), [], "what was never known is not said");

    faults.clear();
    await until("limits on MQTT", 90000, () => heard("/rt/state").some(({ ccl }) => ccl === 135));
    const from = heard("/rt/state").length;
    // only what is read: at such temperatures the battery itself would stop
    const { receive } = system.simulator;
    let internal_C = 25;
    system.simulator.receive = (bytes) => {
      setValue(battery.words, "internal_temp", internal_C);
      receive(bytes);
    };
    for (let tenths = 710; tenths < 735; tenths++) {
      internal_C = tenths / 10;
      await sleep(1100);
    }
    await sleep(2000);
    const onBus = new Set(system.frames(LIMITS).map(({ data }) => limitsIn(data))),
      told = heard("/rt/state")
        .slice(from)
        .map(({ cvl, ccl, dcl }) => `${cvl as number}/${ccl as number}/${dcl as number}`);
    assert.ok(new Set(told).size > 15, told.join(" "));
    assert.deepEqual(
      told.filter((limits) => !onBus.has(limits)),
      [],
    );

    faults.set("silence");
    await until("lost", 40000, () => heard("/rt/state").at(-1)!["ph"] === "lost");
    type Info = Record<string, number>;
    await until(
      "no current for it",
      10000,
      () => (heard("gx/battery").at(-1)!["Info"] as Info)["MaxChargeCurrent"] === 0,
    );
    isUnknown(heard("/rt/state").at(-1));
    for (const json of heard("gx/battery")) {
      const { Voltage, Power } = json["Dc"] as Record<string, unknown>;
      for (const number of [Voltage, Power, json["Soc"]]) assert.equal(typeof number, "number", JSON.stringify(json));
    }
    const { Info, System: modules } = heard("gx/battery").at(-1)! as Record<string, Record<string, number>>;
    assert.deepEqual(
      [Info!["MaxChargeCurrent"], Info!["MaxDischargeCurrent"], modules!["NrOfModulesOffline"]],
      [0, 0, 1],
    );
    assert.deepEqual(errors(), []);
  });
});
