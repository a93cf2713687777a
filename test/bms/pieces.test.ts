// Espruino 2v26 to 2v29 loses what stands behind the first 64 bytes of a reply. So nothing longer is asked for; a group
// that is longer is read in pieces, whole or not at all; and a reply whose end is lost costs one more request and
// nothing else.
import assert from "node:assert/strict";
import fc from "fast-check";
import { SLOTS } from "../../firmware/battery/registers.baked";
import { groups, registers, type Reading } from "../../firmware/tables/registers";
import { beginGroup, pollerExpire, takePiece } from "../../firmware/bms/poller.cold";
import { newestEvents, pollPlan, readsOf } from "../../firmware/bms/plan.baked.cold";
import { BYTE_MS, CELLS, EVENTS, FAST, SETTINGS } from "../../firmware/bms/places";
import { type Exchange, pollerFeed, pollerNext, pollerOf } from "../../firmware/bms/poller";
import { readBlock } from "../../firmware/bms/requests.cold";
import { planOf } from "../../tools/bake/plan";
import { logEvent, publishLog } from "../../tools/simulator/events";
import { hex, replyOf, toArrayBuffer } from "../fixtures/bytes";
import { replyBytes, uartRig, type UartRig } from "./uart-rig";

const MOST = 64,
  SETTINGS_AT = 300,
  SETTINGS_WORDS = 44,
  FAULT = 0x0b;
const isWithin = ({ asked }: UartRig): void =>
  asked.forEach(({ request }) => assert.ok(replyBytes(request) <= MOST, hex(request)));

describe("the poll plan in the bake", () => {
  const withGroup = (group: keyof typeof groups, reading: Partial<Reading>): (() => unknown) => {
    const table = { ...groups, [group]: { ...groups[group], ...reading } };
    return () => planOf(registers, table);
  };
  const refused = (plan: () => unknown, reason: RegExp): void =>
    assert.throws(plan, ({ message }: Error) => reason.test(message) && !message.includes("\n"));

  it("covers what it did, with no reply over 64 bytes and no two that look alike", () => {
    const reads = planOf().flatMap((block) => block.reads);
    assert.ok(reads.every(({ count }) => 5 + 2 * count <= MOST));
    assert.equal(new Set(reads.map(({ count }) => count)).size, reads.length);
    const read = new Set(reads.flatMap(({ at, count }) => Array.from({ length: count }, (_, i) => at + i)));
    for (const { at, words = 1, poll, type } of registers)
      if (at !== undefined && (poll || type === "event"))
        for (let i = 0; i < words; i++) assert.ok(read.has(at + i), `register ${at + i}`);
  });

  it("refuses a reply that may be cut, in one line that says which", () => {
    refused(withGroup("settings", { pieces: undefined }), /settings: a read of 44 registers has a reply of 93 bytes/);
    refused(
      withGroup("settings", { pieces: [30, 14] }),
      /settings: a read of 30 registers has a reply of 65 bytes; more than 29/,
    );
    const far = registers.map((row) => (row.key === "speed" ? { ...row, at: 62 } : row));
    refused(() => planOf(far), /extra: a read of 32 registers has a reply of 69 bytes/);
    refused(() => planOf(registers, groups, [30, 26, 20, 14, 8]), /events: a read of 30 registers/);
  });

  it("refuses pieces that miss a register, cut one in two, or make two replies alike", () => {
    refused(withGroup("settings", { pieces: [29, 14] }), /settings: its pieces end at 342, its registers at 343/);
    refused(withGroup("settings", { pieces: [13, 29, 2] }), /settings: pulses_per_unit stands in two pieces/);
    refused(() => planOf(registers, groups, [28, 27, 22, 13, 8]), /events: event_27 stands in two pieces/);
    refused(withGroup("settings", { pieces: [28, 16] }), /cells and settings both read 16 registers/);
  });
});

describe("replies whose end is lost", () => {
  const exchanges: [string, Exchange][] = pollPlan().map((exchange, group) => [`group ${group}`, exchange]);
  for (const group of [SETTINGS, EVENTS])
    readsOf(group).forEach((_, part) => {
      const poller = pollerOf(pollPlan());
      for (let i = 0; i < part; i++) takePiece(poller, group, new Uint16Array(readsOf(group)[i][1]), 0);
      exchanges.push([`group ${group} piece ${part}`, poller.plan[group]]);
    });

  for (const [name, exchange] of exchanges) {
    it(`${name}: cut anywhere it is asked again once, at the time-out, and the next reply is taken`, () => {
      const words = Array.from({ length: (exchange.length - 5) / 2 }, (_, i) => (i * 0xaa07 + 0x55) & 0xffff),
        command = exchange.request.charCodeAt(1),
        reply = replyOf(command, words);
      assert.equal(reply.length, exchange.length);
      assert.ok(reply.length <= MOST);
      for (let cut = 0; cut < reply.length; cut++) {
        for (const late of [false, true]) {
          const poller = pollerOf([{ ...exchange, due: 0 }]),
            overdue = Math.ceil(((exchange.request.length + exchange.length) * 10000) / 115200 + poller.timeout);
          assert.equal(pollerNext(poller, 0), exchange.request);
          assert.equal(pollerFeed(poller, reply.slice(0, cut), toArrayBuffer), null);
          assert.equal(pollerExpire(poller, overdue - 1), "", "not sooner");
          assert.equal(pollerExpire(poller, overdue), exchange.request, `${cut} bytes: asked again`);
          if (late)
            assert.equal(
              pollerFeed(poller, reply.slice(cut), toArrayBuffer)?.length,
              cut ? undefined : words.length + 1,
            );
          if (late && !cut) continue; // it came late, but whole
          const found = pollerFeed(poller, reply, toArrayBuffer);
          assert.ok(found, `${cut} bytes, then ${late ? "the rest, then " : ""}all of it`);
          const numbers = Array.from(found).slice(0, -1);
          assert.deepEqual(command === 3 ? numbers.map((word) => (word >> 8) | ((word & 255) << 8)) : numbers, words);
          assert.deepEqual([poller.pending, poller.failed, poller.resent], [null, 0, 1]);
        }
      }
    });
  }

  it("a cut of every second reply costs time, and leaves nothing behind in the next one", () => {
    const rig = uartRig();
    let k = 0;
    rig.pass = (reply) => (++k % 2 ? [reply.slice(0, (k * 7) % reply.length)] : [reply]);
    rig.run(20000);
    const { snapshot, journal, uart } = rig;
    isWithin(rig);
    assert.ok(snapshot.fastAt > 19000 && snapshot.cellsAt > 18000 && snapshot.settingsAt > 0 && journal.readAt >= 0);
    assert.deepEqual([uart.poller.crc, uart.poller.foreign, snapshot.dropped], [0, 0, 0]);
  });

  for (const fault of ["double", "late", "stale", "noise", "torn", "bad-crc"] as const) {
    it(`with ${fault} replies no piece is taken for another one`, () => {
      const rig = uartRig("idle", 3),
        { words } = rig.simulator.battery;
      for (let i = 0; i < SETTINGS_WORDS; i++) if (words[SETTINGS_AT + i] === 0 && i > 21) words[SETTINGS_AT + i] = 0;
      rig.simulator.faults.set(fault, { probability: 0.5 });
      for (let second = 0; second < 200; second++) {
        rig.uart.poller.plan[SETTINGS].due = Math.min(rig.uart.poller.plan[SETTINGS].due, rig.clock.now());
        rig.run(1000);
        const taken = rig.uart.raw[SETTINGS];
        if (taken)
          assert.deepEqual(Array.from(taken), Array.from(words.subarray(SETTINGS_AT, SETTINGS_AT + SETTINGS_WORDS)));
      }
      assert.ok(rig.uart.raw[SETTINGS], "read in the end");
    });
  }
});

describe("a group in pieces", () => {
  it("is taken whole: never some registers of one time and some of another", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(9)), (luck) => {
        const rig = uartRig("idle", 5),
          { words } = rig.simulator.battery;
        let round = 0;
        words[303] = words[335] = 3300;
        rig.pass = (reply) => (luck.next().value! < 3 ? [reply.slice(0, 5)] : [reply]);
        const plan = rig.uart.poller.plan;
        for (let i = 0; i < 60; i++) {
          rig.run(500);
          if (plan[SETTINGS].part === 0) {
            words[303] = words[335] = 3300 + ++round; // both pieces say of which round they are
            plan[SETTINGS].due = rig.clock.now();
          }
          const taken = rig.uart.raw[SETTINGS];
          if (taken) assert.ok(Math.abs(taken[3] - taken[35]) <= 1, `${taken[3]} and ${taken[35]}`);
        }
        assert.ok(rig.uart.raw[SETTINGS]);
      }),
      { numRuns: 20 },
    );
  });

  it("begins with its first piece when one fails, and after a silence", () => {
    const rig = uartRig();
    let lose = true;
    rig.pass = (reply, request) => (lose && request === readBlock(3, 329, 15) ? [] : [reply]);
    rig.run(4000);
    assert.equal(rig.uart.raw[SETTINGS], null);
    assert.equal(rig.snapshot.settingsAt, -1);
    lose = false;
    const from = rig.asked.length;
    rig.run(2500);
    const asked = rig.asked.slice(from).map(({ request }) => request),
      first = asked.indexOf(readBlock(3, 300, 29)),
      second = asked.indexOf(readBlock(3, 329, 15));
    assert.ok(first >= 0 && second > first, asked.map(hex).join("\n"));
    assert.ok(rig.snapshot.settingsAt > 0);
    // a silence between two pieces
    const { poller } = rig.uart;
    poller.plan[SETTINGS].due = 0;
    poller.slowAt = 0;
    let silent = false;
    rig.pass = (reply, request) => {
      if (request === readBlock(3, 300, 29)) silent = true;
      else if (silent) return [];
      return [reply];
    };
    rig.run(8000);
    assert.ok(silent && poller.failed > 3);
    assert.deepEqual([poller.plan[SETTINGS].part, poller.plan[SETTINGS].words], [0, null]);
  });

  it("is not read while something else is starved", () => {
    const rig = uartRig();
    rig.run(20000);
    const count = (request: string): number => rig.asked.filter((one) => one.request === request).length;
    assert.ok(count(pollPlan()[FAST].request) >= 70, String(count(pollPlan()[FAST].request)));
    assert.ok(count(pollPlan()[CELLS].request) >= 17);
    assert.equal(rig.snapshot.values.length, SLOTS);
    isWithin(rig);
  });
});

describe("the task's settings", () => {
  it("the time-out is that of the settings", () => {
    const rig = uartRig(),
      { poller } = rig.uart;
    rig.simulator.faults.set("silence");
    rig.run(250);
    const { request, length } = poller.pending!,
      wire = (request.length + length) * BYTE_MS;
    assert.equal(pollerExpire(poller, poller.sentAt + wire + 149), "");
    assert.equal(pollerExpire(poller, poller.sentAt + wire + 151), request, "150 ms");
  });
});

describe("the event log without 0x12", () => {
  const log = ({ simulator: { battery } }: UartRig, id: number): void => {
    logEvent(battery.events, id, battery.lifetime_s);
    publishLog(battery.events, battery.words);
  };

  it("is read from its registers, then by 0x11", () => {
    const rig = uartRig();
    for (let i = 0; i < 60; i++) log(rig, 0x62 + (i % 4));
    rig.run(6000);
    assert.equal(rig.journal.total, 49);
    assert.equal(rig.uart.poller.plan[EVENTS].request, newestEvents().request);
    log(rig, FAULT);
    rig.run(3000);
    assert.deepEqual([rig.journal.total, rig.journal.active], [50, [FAULT]]);
    isWithin(rig);
  });

  it("is read again when 0x11 was cut: it tells an event only once", () => {
    const rig = uartRig();
    rig.pass = (reply) => [reply.slice(0, MOST)];
    rig.run(6000);
    const before = rig.journal.total;
    for (let i = 0; i < 14; i++) log(rig, i === 3 ? FAULT : 0x64); // 65 bytes
    rig.run(6000);
    assert.ok(rig.replies.some((reply) => reply[1] === "\x11" && reply.length === 65));
    assert.deepEqual([rig.journal.total, rig.journal.active], [before + 14, [FAULT]]);
    assert.equal(rig.snapshot.faults.low, 1 << FAULT);
    log(rig, 0x61);
    rig.run(6000);
    assert.deepEqual(rig.journal.active, []);
  });

  it("13 events fit, and are not read twice", () => {
    const rig = uartRig();
    rig.pass = (reply) => [reply.slice(0, MOST)];
    rig.run(6000);
    const before = rig.journal.total,
      { timeouts } = rig.uart.poller;
    for (let i = 0; i < 13; i++) log(rig, i === 3 ? FAULT : 0x64);
    rig.run(6000);
    assert.ok(rig.replies.some((reply) => reply[1] === "\x11" && reply.length === 61));
    assert.deepEqual([rig.journal.total, rig.uart.poller.timeouts], [before + 13, timeouts]);
  });

  it("is read again when the newest changed while it was read", () => {
    for (let piece = 0; piece < 6; piece++) {
      const rig = uartRig(),
        reads = readsOf(EVENTS);
      for (let i = 0; i < 49; i++) log(rig, 0x64);
      let rounds = 0;
      rig.pass = (reply, request) => {
        if (request === readBlock(7, reads[0][0], reads[0][1])) rounds++;
        if (request === readBlock(7, reads[piece][0], reads[piece][1]) && rounds === 1) {
          log(rig, FAULT); // after the unit has answered
          rounds = Math.max(rounds, 1);
          rig.pass = (other, asked) => {
            if (asked === readBlock(7, reads[0][0], reads[0][1])) rounds++;
            return [other];
          };
        }
        return [reply];
      };
      rig.run(12000);
      assert.deepEqual(rig.journal.active, [FAULT], `while piece ${piece} was read`);
      assert.equal(rounds, 2, `read again, piece ${piece}`);
    }
  });

  it("is read again when the counter went back and nothing new is told", () => {
    const rig = uartRig(),
      [first, count] = readsOf(EVENTS)[0];
    rig.simulator.battery.lifetime_s = 100000;
    const rounds = (): number => rig.asked.filter(({ request }) => request === readBlock(7, first, count)).length;
    rig.run(6000);
    const before = rounds();
    rig.run(6000);
    assert.equal(rounds(), before, "not without a reason");
    rig.simulator.battery.lifetime_s -= 1000;
    rig.run(3000);
    assert.equal(rounds(), before + 1);
  });

  it("goes on with a unit whose 0x11 always tells too much", () => {
    const rig = uartRig();
    rig.pass = (reply) => (reply[1] === "\x11" ? [reply.slice(0, 5)] : [reply]);
    rig.run(8000);
    log(rig, FAULT);
    rig.run(8000);
    assert.deepEqual(rig.journal.active, [FAULT]);
    assert.ok(rig.snapshot.fastAt > 15000);
  });

  it("beginning again keeps the command in use", () => {
    const poller = pollerOf(pollPlan());
    for (const exchange of poller.plan) exchange.request = exchange.request.replace("\xaa\x07", "\xaa\x03");
    Object.assign(poller.plan[EVENTS], newestEvents());
    beginGroup(poller, EVENTS);
    assert.equal(poller.plan[EVENTS].request, readBlock(3, 200, 28));
    assert.equal(poller.plan[EVENTS].turned, true);
    assert.ok(!poller.plan[EVENTS].list);
  });
});
