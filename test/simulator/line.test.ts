// The simulated line on a fake clock: pace, turnaround, sleep and wake-up, broadcast text, restarts, and every fault.

import assert from "node:assert/strict";
import fc from "fast-check";
import { FAULTS, LATE_MS, parseFault } from "../../tools/simulator/faults";
import type { FaultName } from "../../tools/simulator/faults";
import { BOOT_MS, BYTE_MS, QUIET_MS, TURNAROUND_MS, WAKE_MS } from "../../tools/simulator/line";
import { getBits, getValue } from "../../tools/simulator/words";
import { hex, isGood, request, rig } from "./bench";

const FAST_POLL = request(0x07, 17, 36, 0);
const STATUS = request(0x18);
const NONE = new Uint8Array();

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-3, `${actual} is not ${expected}`);
}

describe("simulated line: pace", () => {
  it("answers after request time and turnaround, each chunk when its last bit has arrived", () => {
    const { clock, simulator, heard } = rig();
    simulator.receive(FAST_POLL);
    clock.advance(100);
    const start = FAST_POLL.length * BYTE_MS + TURNAROUND_MS;
    let count = 0;
    for (const { at, bytes } of heard) {
      count += bytes.length;
      assert.ok(bytes.length <= 8);
      near(at, start + count * BYTE_MS);
    }
    assert.equal(count, 39);
    near(heard.at(-1)?.at ?? 0, 4.993);
  });
  it("puts replies to requests sent back to back one after the other", () => {
    const { clock, simulator, heard, take } = rig();
    simulator.receive(Uint8Array.from([...STATUS, ...FAST_POLL]));
    clock.advance(100);
    const last = heard.at(-1)?.at ?? 0;
    const bytes = take();
    assert.ok(isGood(bytes.slice(0, 6)) && isGood(bytes.slice(6)));
    near(last, 4 * BYTE_MS + 7 * BYTE_MS + TURNAROUND_MS + (6 + 39) * BYTE_MS);
  });
  it("answers a request that comes byte by byte, and drops one that stops half-way", () => {
    const { clock, simulator, take } = rig();
    for (const byte of FAST_POLL) {
      simulator.receive(Uint8Array.of(byte));
      clock.advance(BYTE_MS);
    }
    clock.advance(20);
    assert.ok(isGood(take()));
    simulator.receive(FAST_POLL.slice(0, 4));
    clock.advance(QUIET_MS + 5);
    simulator.receive(FAST_POLL.slice(4));
    clock.advance(100);
    assert.equal(take().length, 0);
  });
  it("refuses a damaged request with CRC ERROR and goes on", () => {
    const { ask } = rig();
    const damaged = FAST_POLL.slice();
    damaged[6] ^= 1;
    assert.equal(hex(ask(damaged)), hex(request(0x00, 0x07, 0x01)));
    assert.ok(isGood(ask(FAST_POLL)));
  });
  it("steps the model each 100 ms, with `speed` in model time only", () => {
    const { clock, simulator, ask, take } = rig({ speed: 60 });
    clock.advance(10000);
    assert.equal(Math.round(simulator.time_s()), 600);
    ask(STATUS);
    const early = ask(FAST_POLL, 4).length;
    clock.advance(1);
    assert.deepEqual([early < 39, early + take().length], [true, 39]);
  });
  it("leaves no timer behind", () => {
    const { clock, simulator } = rig();
    simulator.receive(FAST_POLL.slice(0, 3));
    simulator.receive(STATUS);
    clock.advance(1);
    simulator.close();
    assert.equal(clock.pending(), 0);
    simulator.receive(STATUS);
    assert.equal(clock.pending(), 0);
  });
});

describe("simulated line: sleep", () => {
  it("sleeps after 10 s at rest, wakes by the first copy, answers the second", () => {
    const { clock, simulator, ask } = rig();
    clock.advance(9999);
    assert.equal(simulator.isAsleep(), false);
    clock.advance(2);
    assert.equal(simulator.isAsleep(), true);
    assert.deepEqual(ask(STATUS), NONE);
    assert.equal(simulator.isAsleep(), false);
    assert.ok(isGood(ask(STATUS)));
    assert.equal(getBits(simulator.battery.words, "last_reset_and_wakeup", "last_wakeup_cause"), 3);
  });
  it("is deaf while it wakes, and stays awake with gaps below 10 s", () => {
    const { clock, simulator, ask } = rig();
    clock.advance(10000);
    simulator.receive(STATUS);
    assert.deepEqual(ask(STATUS, WAKE_MS - 1), NONE);
    clock.advance(1);
    for (let i = 0; i < 5; i++) {
      assert.ok(isGood(ask(STATUS)));
      clock.advance(9800);
    }
  });
  it("does not sleep with current flowing or a charger present", () => {
    const { clock, simulator, ask } = rig();
    for (const demand of [{ current_A: -20 }, { current_A: 0, charger: true }]) {
      simulator.setDemand(demand);
      clock.advance(30000);
      assert.ok(isGood(ask(STATUS)));
    }
    simulator.setDemand(null);
    clock.advance(30000);
    assert.deepEqual(ask(STATUS), NONE);
  });
});

describe("simulated line: restart and broadcast", () => {
  it("acknowledges a restart, then is deaf while it starts", () => {
    const { clock, ask, simulator } = rig();
    assert.equal(hex(ask(request(0x02, 5))), hex(request(0x01, 0x02)));
    assert.deepEqual(ask(STATUS), NONE);
    clock.advance(BOOT_MS);
    assert.ok(isGood(ask(STATUS)));
    assert.equal(hex(ask(request(0x0d, 4, 0x54, 1, 1, 0))), hex(request(0x01, 0x0d)));
    assert.equal(simulator.battery.restarts, 2);
    assert.deepEqual(ask(STATUS), NONE);
  });
  it("sends ASCII text each second when told to, and none when not", () => {
    const { clock, ask, take } = rig();
    clock.advance(5000);
    assert.deepEqual(take(), NONE);
    ask(request(0x0d, 8, 0x56, 1, 4, 0, 0x57, 1, 1, 0));
    clock.advance(4000);
    const lines = new TextDecoder().decode(take()).split("\r\n").slice(1, -1);
    assert.ok(lines.length === 3 || lines.length === 4);
    const [voltages, rest] = [lines[0].slice(0, 34), lines[0].slice(34)];
    assert.match(voltages, /^BPV:52\.\d\d\tMINCV:3\.30\d\tMAXCV:3\.30\d\t$/);
    assert.match(
      rest,
      /^BPC:0\.00\tSOC:60\tBMST:22\.\d+\tEXT1:22\.00\tEXT2:22\.00\tOS:151\tCB:0{16}\tLST:0\tLSS:1\tCST:1\tCSS:1$/,
    );
  });
  it("sends 13 numbers as CA V3, a short text as SOC bar", () => {
    const { clock, simulator, ask, take } = rig();
    ask(request(0x0d, 4, 0x56, 1, 1, 0));
    clock.advance(300);
    const line = new TextDecoder().decode(take()).split("\r\n")[1].split("\t").map(Number);
    assert.equal(line.length, 13);
    near(line[1], getValue(simulator.battery.words, "pack_voltage") ?? NaN);
    ask(request(0x0d, 4, 0x57, 1, 2, 0));
    take();
    clock.advance(200);
    assert.match(new TextDecoder().decode(take()), /^(60\r\n)+$/);
  });
  it("interrupts a text for a reply and goes on after it", () => {
    const { clock, simulator, take, ask } = rig();
    ask(request(0x0d, 8, 0x56, 1, 4, 0, 0x57, 1, 1, 0));
    take();
    for (let i = 0; i < 4000 && take().length === 0; i++) clock.advance(0.5);
    simulator.receive(STATUS);
    clock.advance(100);
    const bytes = hex(take());
    const at = bytes.indexOf("AA 18 97 00 CF CB");
    assert.ok(at > 0 && bytes.length - at > 30 && bytes.endsWith("0D 0A"));
    assert.match(bytes.slice(0, at), /^([0-7][0-9A-F] )+$/);
  });
});

describe("simulated line: faults", () => {
  const good = hex(request(0x18, 0x97, 0));
  const faulty = (name: FaultName, bytes = STATUS): Uint8Array => {
    const { simulator, ask } = rig();
    simulator.faults.set(name);
    return ask(bytes);
  };
  const WRITE = request(0x0d, 4, 0x34, 1, 25, 0);

  it("silence: nothing heard, nothing done; lost-reply: done, but no reply", () => {
    for (const [name, value] of [
      ["silence", 20],
      ["lost-reply", 25],
    ] as const) {
      const { simulator, ask } = rig();
      simulator.faults.set(name);
      assert.deepEqual(ask(WRITE), NONE);
      assert.equal(getValue(simulator.battery.words, "allowed_disbalance"), value);
      simulator.faults.clear(name);
      assert.equal(hex(ask(STATUS)), good);
    }
  });
  it("noise: a good reply between random bytes", () => {
    const heard = hex(faulty("noise"));
    assert.ok(heard.includes(good) && !heard.startsWith(good) && !heard.endsWith(good));
  });
  it("flood: random bytes at line rate for a minute, then normal again", () => {
    const { simulator, clock, take, ask } = rig();
    simulator.faults.set("flood", { for_ms: 60000 });
    clock.advance(60100);
    const count = take().length;
    assert.ok(count > 0.97 * (60000 / BYTE_MS) && count <= 60000 / BYTE_MS, `${count} bytes`);
    simulator.setDemand({ current_A: -20 });
    clock.advance(200);
    ask(STATUS);
    assert.ok(isGood(ask(STATUS)));
  });
  it("bad-crc, swapped-crc: a frame of right length that is not good", () => {
    for (const name of ["bad-crc", "swapped-crc"] as const) {
      const bytes = faulty(name);
      assert.equal(bytes.length, 6);
      assert.equal(isGood(bytes), false);
    }
  });
  it("torn: the begin of the reply", () => {
    const bytes = faulty("torn", FAST_POLL);
    assert.ok(bytes.length >= 1 && bytes.length < 39 && hex(bytes).startsWith("AA"));
  });
  it("late: the reply comes after every time-out, other replies are not held up", () => {
    const { simulator, clock, ask, take } = rig();
    simulator.faults.set("late", { times: 1 });
    assert.deepEqual(ask(FAST_POLL, LATE_MS - 100), NONE);
    assert.equal(hex(ask(STATUS, 20)), good);
    clock.advance(100);
    assert.ok(isGood(take()));
  });
  it("nack, nack-crc: refused, not done", () => {
    for (const [name, reply] of [
      ["nack", request(0x00, 0x0d, 0)],
      ["nack-crc", request(0x00, 0x4d, 1)],
    ] as const) {
      const { simulator, ask } = rig();
      simulator.faults.set(name);
      assert.equal(hex(ask(WRITE)), hex(reply));
      assert.equal(getValue(simulator.battery.words, "allowed_disbalance"), 20);
    }
  });
  it("ignore-write: acknowledged, not done", () => {
    const { simulator, ask } = rig();
    simulator.faults.set("ignore-write");
    assert.equal(hex(ask(WRITE)), hex(request(0x01, 0x0d)));
    assert.equal(getValue(simulator.battery.words, "allowed_disbalance"), 20);
  });
  it("double, stale, foreign, false-start: other bytes around or instead of the reply", () => {
    assert.equal(hex(faulty("double")), `${good} ${good}`);
    const stale = faulty("stale");
    assert.ok(isGood(stale.slice(0, 6)) && stale[1] === 0x17 && hex(stale).endsWith(good));
    const foreign = faulty("foreign", FAST_POLL);
    assert.ok(isGood(foreign) && foreign[1] === 0x18);
    assert.equal(hex(faulty("false-start")), `AA AA 18 20 AA 00 ${good}`);
  });
  it("no-0x07: that command is refused, others are not", () => {
    assert.equal(hex(faulty("no-0x07", FAST_POLL).slice(0, 4)), "AA 00 07 00");
    assert.equal(hex(faulty("no-0x07")), good);
  });
  it("odd-length, wrong-address, values-only, multi-packet, status-ack: good frames that break the layout", () => {
    const two = request(0x09, 4, 40, 0, 41, 0);
    const odd = faulty("odd-length", FAST_POLL);
    assert.deepEqual([isGood(odd), odd[2], odd.length], [true, 33, 38]);
    assert.equal(faulty("wrong-address", two)[3], 41);
    assert.equal(faulty("wrong-address", request(0x10, 1, 0x34, 0, 1, 2, 0, 25))[3], 0x35);
    const values = faulty("values-only", two);
    assert.deepEqual([isGood(values), values[2], values.length], [true, 4, 9]);
    const packets = faulty("multi-packet", FAST_POLL);
    assert.deepEqual([packets[2], isGood(packets.slice(0, 23)), isGood(packets.slice(23))], [0x81, true, true]);
    assert.equal(hex(faulty("status-ack", WRITE)), hex(request(0x01, 0x00)));
  });
  it("begin after a time, for a time", () => {
    const { simulator, clock, ask } = rig(),
      { faults } = simulator;
    faults.set("silence", { after_ms: 5000, for_ms: 2000 });
    const seen = Array.from({ length: 10 }, () => {
      const { length } = ask(STATUS, 20);
      clock.advance(980);
      return length;
    });
    assert.deepEqual(seen, [6, 6, 6, 6, 6, 0, 0, 6, 6, 6]);
  });
  it("are written name[=probability][@start[+duration]]", () => {
    const read = (text: string): unknown[] => {
      const { name, options } = parseFault(text);
      return [name, options.probability, options.after_ms, options.for_ms];
    };
    assert.deepEqual(read("silence"), ["silence", undefined, undefined, undefined]);
    assert.deepEqual(read("bad-crc=0.1"), ["bad-crc", 0.1, undefined, undefined]);
    assert.deepEqual(read("no-0x07@20"), ["no-0x07", undefined, 20000, undefined]);
    assert.deepEqual(read("noise=1@0+2.5"), ["noise", 1, 0, 2500]);
    for (const [text, reason] of [
      ["fire", /no fault is called "fire"[^]*silence/],
      ["", /no fault is called/],
      ["noise=2", /probability must be a number, 0 to 1/],
      ["noise=", /probability/],
      ["noise@", /start/],
      ["noise@-1", /start/],
      ["noise@1+x", /duration/],
      ["noise+5", /must be name\[=probability\]/],
    ] as [string, RegExp][])
      assert.throws(() => parseFault(text), reason, text);
  });
  it("hit with their probability, for a time or a number of replies, and can be listed and switched off", () => {
    const { simulator, clock, ask } = rig();
    const { faults } = simulator;
    faults.set("silence", { probability: 0.5 });
    const answered = Array.from({ length: 200 }, () => ask(STATUS, 20)).filter(({ length }) => length > 0).length;
    assert.ok(answered > 70 && answered < 130, `${answered} of 200`);
    faults.set("silence", { times: 2 });
    assert.deepEqual(
      Array.from({ length: 3 }, () => ask(STATUS).length),
      [0, 0, 6],
    );
    faults.set("nack", { for_ms: 1000 });
    assert.deepEqual(faults.active(), ["nack"]);
    clock.advance(1000);
    assert.deepEqual(faults.active(), []);
    faults.set("torn");
    faults.set("late");
    faults.clear();
    assert.equal(hex(ask(STATUS)), good);
    assert.throws(() => faults.set("nonsense"), /swapped-crc/);
    assert.throws(() => faults.set("late", { probability: 2 }), /0 to 1/);
  });
  it("leave any reply finite and the next good request answered, whatever is combined", () => {
    const names = Object.keys(FAULTS) as FaultName[];
    const bodies = [
      [0x02, 1],
      [0x03, 0, 0, 0, 56],
      [0x07, 17, 36, 0],
      [0x09, 4, 40, 0, 41, 0],
      [0x0d, 4, 0x34, 1, 25, 0],
      [0x10, 1, 0x34, 0, 1, 2, 0, 25],
      [0x11],
      [0x12],
      [0x14],
      [0x1b],
      [0x1c],
      [0x1d, 1, 0, 44],
      [0x1f],
      [0x20],
      [0x13],
    ];
    const some = fc.array(fc.constantFrom(...bodies), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.subarray(names), some, fc.integer(), (chosen, asked, seed) => {
        const { simulator, ask } = rig({ seed });
        for (const name of chosen) simulator.faults.set(name, { probability: 0.7 });
        for (const body of asked) assert.ok(ask(request(...body), 600).length < 8000);
        simulator.faults.clear();
        ask(STATUS, 600);
        assert.equal(hex(ask(STATUS)), good);
        simulator.close();
      }),
      { numRuns: 100 },
    );
  });
});
