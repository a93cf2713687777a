// What one wrong, cut or odd reply of the TinyBMS may do: nothing that widens a limit, and nothing that lasts. The
// built image on a virtual clock; what the unit answers is changed on its way.
import assert from "node:assert/strict";
import { logEvent, publishLog } from "../../tools/simulator/events";
import { ALARMS, imageText, LIMITS, type Status } from "./rig";
import { startVirtual, valuesOf, type OwnFrame, type VirtualRig } from "./virtual";
import { jsonOf } from "./virtual-network";

const MOST = 64,
  SETTINGS_AT = 300,
  SETTINGS_WORDS = 44,
  READ_BLOCK = 3,
  CHARGE = 0x355;
const LOW_TEMP = 0x37,
  SENSOR = 0x0e,
  SWITCH = 0x0b,
  STARTED = 0x61,
  CHARGER = 0x64;

/** A device, what it sent, and the ways to spoil what it is told. */
interface Bench {
  rig: VirtualRig;
  frames: OwnFrame[];
  /** CVL, CCL, DCL of every 0x351 since `from`; of the last one. */
  limits(from?: number): number[][];
  last(): number[];
  status(): Status;
  /**
   * Registers that read otherwise than they are: settings in the next so many rounds, others as long as they stand
   * here.
   */
  settings: { words: Record<number, number>; rounds: number };
  live: Record<number, number>;
  rounds: number[];
  log(id: number): void;
}

/** Registers of a request; none: no block read. */
function asked(bytes: Uint8Array): { at: number; count: number } | null {
  if (bytes[1] === READ_BLOCK) return { at: (bytes[2] << 8) | bytes[3], count: bytes[5] };
  return bytes[1] === 7 ? { at: bytes[3] | (bytes[4] << 8), count: bytes[2] } : null;
}

async function bench(options: { cut?: boolean; scenario?: string } = {}): Promise<Bench> {
  const image = await imageText(),
    rig = startVirtual({ image, seed: 7, scenario: options.scenario ?? "idle" }),
    { battery } = rig.simulator;
  const b = { rig, frames: [], settings: { words: {}, rounds: 0 }, live: {}, rounds: [] } as unknown as Bench;
  rig.frames.push((frame) => void b.frames.push(frame));
  const of = (frame: OwnFrame): number[] => {
    const values = valuesOf(frame);
    return ["charge_voltage_limit", "charge_current_limit", "discharge_current_limit"].map(
      (key) => values[key] as number,
    );
  };
  b.limits = (from = 0) => b.frames.filter(({ id, at }) => id === LIMITS && at >= from).map(of);
  b.last = () => b.limits().at(-1) ?? [];
  b.status = () => {
    const answer = rig.get("/api/status");
    rig.clock.run(1500);
    return jsonOf(answer) as unknown as Status;
  };
  b.log = (id) => {
    logEvent(battery.events, id, battery.lifetime_s);
    publishLog(battery.events, battery.words);
  };
  let right: Uint16Array | null = null,
    heard = 0;
  // the reply is made when its first bytes come: the battery itself must not live with what is only read
  const restore = (): void => {
    if (right) battery.words.set(right.subarray(SETTINGS_AT, SETTINGS_AT + SETTINGS_WORDS), SETTINGS_AT);
    right = null;
  };
  rig.answered.push(restore);
  const { step } = rig.simulator;
  rig.simulator.step = (dt_s) => {
    if (!right) return step(dt_s);
    const told = battery.words.slice(SETTINGS_AT, SETTINGS_AT + SETTINGS_WORDS);
    battery.words.set(right.subarray(SETTINGS_AT, SETTINGS_AT + SETTINGS_WORDS), SETTINGS_AT);
    step(dt_s);
    battery.words.set(told, SETTINGS_AT);
  };
  rig.asked.push((bytes) => {
    const read = asked(bytes);
    heard = 0;
    restore();
    for (const [address, word] of Object.entries(b.live)) battery.words[+address] = word;
    if (!read || read.at < SETTINGS_AT || read.at >= SETTINGS_AT + SETTINGS_WORDS) return;
    if (read.at === SETTINGS_AT) {
      b.rounds.push(rig.clock.now());
      b.settings.rounds--;
    }
    if (b.settings.rounds < 0) return;
    right = battery.words.slice();
    for (const [address, word] of Object.entries(b.settings.words)) battery.words[+address] = word;
  });
  if (options.cut) {
    const { device } = rig,
      receive = device.receive.bind(device);
    device.receive = (bytes) => {
      const part = bytes.subarray(0, Math.max(0, MOST - heard));
      heard += bytes.length;
      if (part.length > 0) receive(part);
    };
  }
  return b;
}

/** The words in force in the next `rounds` reads of the settings; returns when they were read. */
function misread(b: Bench, words: Record<number, number>, rounds = 1): number {
  const before = b.rounds.length;
  b.settings = { words, rounds };
  for (let i = 0; b.rounds.length === before && i < 800; i++) b.rig.clock.run(100);
  assert.ok(b.rounds.length > before, "the settings were read");
  return b.rounds[before];
}

const allZero = Object.fromEntries(Array.from({ length: SETTINGS_WORDS }, (_, i) => [SETTINGS_AT + i, 0]));
const cells = (mv: number): Record<number, number> => {
  const [low, high] = new Uint16Array(new Float32Array([(mv * 16) / 1000]).buffer);
  return {
    36: low,
    37: high,
    40: mv,
    41: mv,
    ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [i, mv * 10])),
  };
};
const alarms = (b: Bench): number[] => b.status().alarms.map(({ id }) => id);

describe("system: what the TinyBMS says", function () {
  this.timeout(120000);
  before(imageText);

  describe("over a line that loses what stands behind 64 bytes", () => {
    it("the gateway comes up within 10 s, and no time-out follows", async () => {
      const b = await bench({ cut: true });
      b.rig.clock.run(10000);
      assert.ok(b.limits().length > 0, "0x351");
      const { timeouts, resent } = b.status().uart as unknown as Record<string, number>;
      b.rig.clock.run(120000);
      const after = b.status().uart as unknown as Record<string, number>;
      assert.deepEqual([after.timeouts, after.resent], [timeouts, resent]);
      assert.deepEqual(b.rig.deaths, []);
    });

    it("more events than a reply holds are all taken, and block", async () => {
      const b = await bench({ cut: true });
      b.rig.clock.run(60000);
      assert.ok(b.last()[1] > 0);
      for (let i = 0; i < 20; i++) b.log(i === 4 ? LOW_TEMP : CHARGER);
      b.rig.clock.run(8000);
      assert.equal(b.last()[1], 0);
      assert.ok(alarms(b).includes(22));
    });
  });

  describe("a settings reply that cannot be", () => {
    for (const [name, words] of [
      ["all zeros", allZero],
      ["307 = 0", { 307: 0 }],
      ["307 = 17", { 307: 17 }],
      ["300 = 0", { 300: 0 }],
      ["315 = 65535", { 315: 0xffff }],
      ["318 = 0", { 318: 0 }],
    ] as [string, Record<number, number>][]) {
      it(`${name}, once: changes nothing, and is asked again at once`, async () => {
        const b = await bench();
        b.rig.clock.run(60000);
        const before = b.last(),
          at = misread(b, words);
        b.rig.clock.run(75000);
        const again = b.rounds.find((time) => time > at)!;
        assert.ok(again - at < 2500, `asked again after ${again - at} ms`);
        for (const limits of b.limits(at)) assert.deepEqual(limits, before);
        const seen = b.frames
          .filter((frame) => frame.id === ALARMS && frame.at >= at)
          .map((frame) => frame.data.join());
        assert.deepEqual(
          seen,
          seen.map(() => seen[0]),
          "no false alarm",
        );
        assert.equal(b.status().live_data.phase, "normal");
        assert.deepEqual(alarms(b), []);
      });
    }

    it("at the start: nothing is sent by it", async () => {
      const b = await bench();
      b.settings = { words: allZero, rounds: 3 };
      b.rig.clock.run(20000);
      assert.ok(b.limits().length > 0);
      for (const limits of b.limits()) assert.ok(limits[0] > 50 && limits[2] >= 0, String(limits));
      assert.deepEqual(alarms(b), []);
    });
  });

  describe("a settings reply that differs", () => {
    it("one that loosens changes nothing when it came once, with a cell above the limit", async () => {
      const b = await bench();
      b.rig.clock.run(40000);
      Object.assign(b.live, cells(3580));
      b.rig.clock.run(10000);
      assert.equal(b.last()[1], 0);
      const at = misread(b, { 300: 3700, 315: 3900 });
      b.rig.clock.run(75000);
      for (const [, ccl] of b.limits(at)) assert.equal(ccl, 0);
      assert.ok(b.rounds.filter((time) => time > at && time < at + 5000).length >= 2, "read again, and again");
    });

    it("the same does not release the block of a cell at 3.640 V", async () => {
      const b = await bench();
      b.rig.clock.run(40000);
      Object.assign(b.live, cells(3640));
      b.rig.clock.run(10000);
      const blocked = b.last();
      assert.equal(blocked[1], 0);
      const at = misread(b, { 300: 3700, 315: 3900 });
      b.rig.clock.run(75000);
      for (const limits of b.limits(at)) assert.deepEqual(limits, blocked);
    });

    it("one that loosens at the very start does not count either", async () => {
      const b = await bench();
      Object.assign(b.live, cells(3580));
      b.settings = { words: { 300: 3700, 315: 3900 }, rounds: 1 };
      b.rig.clock.run(60000);
      assert.ok(b.limits().length > 0);
      for (const [, ccl] of b.limits()) assert.equal(ccl, 0);
    });

    it("one that narrows counts at once, and a wrong one is over in a few seconds", async () => {
      const b = await bench();
      b.rig.clock.run(60000);
      assert.equal(b.last()[2], 180);
      misread(b, { 317: 100 }, 1);
      b.rig.clock.run(50000);
      assert.equal(b.last()[2], 180);
      misread(b, { 317: 100 }, 100000);
      b.rig.clock.run(2500);
      assert.equal(b.last()[2], 90, "0.9 of 100 A");
    });

    it("a real change counts after two replies", async () => {
      const b = await bench();
      b.rig.clock.run(40000);
      Object.assign(b.live, cells(3580));
      b.rig.clock.run(10000);
      assert.equal(b.last()[1], 0);
      misread(b, { 300: 3700, 315: 3900 }, 100000);
      b.rig.clock.run(75000);
      assert.ok(b.last()[1] > 0);
    });
  });

  describe("events", () => {
    const back = ({ rig }: Bench, seconds: number): void => void (rig.simulator.battery.lifetime_s -= seconds);

    /** The unit is silent while it starts, so that its counter is beyond the last look again when it answers. */
    const restarting = ({ rig }: Bench): void => rig.simulator.faults.set("silence", { for_ms: 4500 });

    it("after a restart with the counter 5 s back block and alarm", async () => {
      const b = await bench();
      b.rig.clock.run(60000);
      b.log(CHARGER);
      b.rig.clock.run(3000);
      b.log(0x65);
      b.rig.clock.run(4000);
      back(b, 5);
      b.log(STARTED);
      b.log(LOW_TEMP);
      restarting(b);
      b.rig.clock.run(10000);
      assert.equal(b.last()[1], 0);
      assert.ok(alarms(b).includes(22));
    });

    it("in the very second of an older one, which the counter passes again, block and alarm", async () => {
      const b = await bench(),
        { battery } = b.rig.simulator;
      b.rig.clock.run(60000);
      const second = Math.floor(battery.lifetime_s);
      b.log(LOW_TEMP);
      b.log(0x74);
      b.rig.clock.run(4000);
      back(b, 10);
      b.log(STARTED);
      while (battery.lifetime_s < second) b.rig.clock.run(100);
      assert.equal(Math.floor(battery.lifetime_s), second);
      b.log(LOW_TEMP);
      b.rig.clock.run(6000);
      assert.equal(b.last()[1], 0);
      assert.ok(alarms(b).includes(22));
    });

    it("a restart ends what needs one, with the counter 5 s back too", async () => {
      for (const seconds of [0, 5]) {
        const b = await bench();
        b.rig.clock.run(60000);
        b.log(SENSOR);
        b.rig.clock.run(4000);
        assert.deepEqual(b.last().slice(1), [0, 0]);
        back(b, seconds);
        b.log(STARTED);
        restarting(b);
        b.rig.clock.run(180000);
        assert.ok(b.last()[1] > 0 && b.last()[2] > 0, `${seconds} s back: ${String(b.last())}`);
        assert.deepEqual(alarms(b), []);
      }
    });

    it("an entry in the future does not deafen the log", async () => {
      for (const odd of [
        { id: 255, time_s: 0xffffff },
        { id: CHARGER, time_s: 0xffffff },
      ]) {
        const b = await bench();
        b.rig.simulator.battery.lifetime_s = 5000;
        b.rig.clock.run(40000);
        const { events, words } = b.rig.simulator.battery;
        events.slots[events.next] = odd;
        events.next++;
        events.unread++;
        publishLog(events, words);
        b.rig.clock.run(10000);
        b.log(LOW_TEMP);
        b.rig.clock.run(6000);
        assert.equal(b.last()[1], 0, "0x37");
        assert.ok(b.last()[2] > 0);
        b.log(SWITCH);
        b.rig.clock.run(6000);
        assert.equal(b.last()[2], 0, "0x0B");
      }
    });

    it("a counter that jumps back without a restart releases nothing", async () => {
      const b = await bench();
      b.rig.clock.run(60000);
      b.log(SWITCH);
      b.rig.clock.run(5000);
      assert.deepEqual(b.last().slice(1), [0, 0]);
      const at = b.rig.clock.now();
      back(b, 1000);
      b.log(CHARGER);
      b.rig.clock.run(60000);
      for (const [, ccl, dcl] of b.limits(at)) assert.deepEqual([ccl, dcl], [0, 0]);
    });
  });

  describe("a state of charge above 100 %", () => {
    const soc = (percent: number): Record<number, number> => ({
      46: (percent * 1000000) % 65536,
      47: Math.floor((percent * 1000000) / 65536),
    });

    it("by a little is 100 %, by more is no reply", async () => {
      const b = await bench();
      b.rig.clock.run(40000);
      Object.assign(b.live, soc(100.4));
      b.rig.clock.run(20000);
      const { live_data: live } = b.status();
      assert.deepEqual([live.phase, live.soc_percent], ["normal", 100]);
      assert.equal(valuesOf(b.frames.filter(({ id }) => id === CHARGE).at(-1)!).state_of_charge, 100);
      Object.assign(b.live, soc(101.5));
      b.rig.clock.run(8000);
      assert.equal(b.status().live_data.phase, "degraded");
    });
  });
});
