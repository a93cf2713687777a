// The model of the UART's way to JavaScript against what was seen on the ESP32 build in an emulator (boards/README.md),
// and its limits.
import assert from "node:assert/strict";
import fc from "fast-check";
import { releaseOf } from "../../tools/host/espruino";
import { BYTE_MS } from "../../tools/simulator/line";
import {
  QUIET_LINE_MS,
  SLEEPY_AFTER,
  SLEEPY_ROUND_MS,
  uartAdvance,
  uartDue,
  uartHear,
  uartLook,
  uartModel,
  uartTake,
  type UartModel,
  type UartRelease,
} from "../../tools/host/uart-model";

const CHUNK = 8;
const LOSSY = releaseOf("2v29").uart,
  MENDED = releaseOf("newest").uart,
  ROUND_MS = MENDED.roundMs;

/** Bytes on the wire from `at` on, in chunks as the simulated line makes them; returns when the last bit was there. */
function send(u: UartModel, bytes: string, at: number): number {
  let end = at;
  for (let from = 0; from < bytes.length; from += CHUNK) {
    const chunk = bytes.slice(from, from + CHUNK);
    end += chunk.length * BYTE_MS;
    uartHear(u, chunk, end);
  }
  return end;
}

/** All that one look of the main loop at `now` gives to the handler. */
function look(u: UartModel, now: number): string[] {
  const events: string[] = [];
  uartLook(u, now);
  for (let data = uartTake(u, now); data !== ""; data = uartTake(u, now)) events.push(data);
  return events;
}

/** Bytes that reach JavaScript, which looks after each round of the releases, of so many that were sent. */
function arrive(release: UartRelease, count: number): number {
  const u = uartModel(release, 0);
  send(u, "x".repeat(count), 1);
  return [150, 250, 350].map((at) => look(u, at).join("").length).reduce((sum, got) => sum + got);
}

const pattern = (length: number): string => Array.from({ length }, (_, i) => String.fromCharCode(i & 255)).join("");

describe("host: the way from the wire to JavaScript", () => {
  it("loses on 2v26 to 2v29 what waits behind a first long event: 39 and 64 bytes arrive, of 65 to 200 only 64, of 500 twice 64", () => {
    for (const [sent, got] of [
      [39, 39],
      [64, 64],
      [65, 64],
      [93, 64],
      [120, 64],
      [200, 64],
      [500, 128],
    ])
      assert.equal(arrive(LOSSY, sent), got, `${sent} bytes sent`);
  });

  it("loses nothing on the mended source", () => {
    for (const sent of [39, 64, 65, 93, 120, 200]) assert.equal(arrive(MENDED, sent), sent);
  });

  it("loses on those releases too what came in pieces since the last look of the task, 100 ms ago", () => {
    for (const [pieces, pause, got] of [
      [[39, 39], 25, 64],
      [[64, 64], 35, 64],
      [[30, 30, 30], 10, 64],
    ] as const) {
      const u = uartModel(LOSSY, 0);
      let now = 1;
      for (const piece of pieces) now = send(u, "x".repeat(piece), now) + pause;
      assert.deepEqual(
        look(u, 200).map(({ length }) => length),
        [got],
        `${pieces}`,
      );
    }
  });

  it("looks each 100 ms on the releases", () => {
    const u = uartModel(LOSSY, 0);
    for (const at of [103, 250, 399, 60020, 86400e3 + 50]) {
      uartHear(u, "x", at);
      assert.deepEqual(
        [look(u, Math.ceil(at / 100) * 100 - 0.1), look(u, Math.ceil(at / 100) * 100 + 100)],
        [[], ["x"]],
      );
    }
  });

  it("appends to a short first event, which then is longer than 64 bytes", () => {
    const u = uartModel({ ...MENDED, appends: true }, 0);
    const first = send(u, "a".repeat(19), 0);
    const then = send(u, "b".repeat(60), first + 20);
    assert.deepEqual(look(u, then + 20), ["a".repeat(19) + "b".repeat(60)]);
    assert.equal(u.lost.appended, 0);
  });

  it("makes events of at most 64 bytes, each of them a call, and none before the line is quiet and a round has ended", () => {
    const u = uartModel(MENDED, 0);
    const end = send(u, pattern(93), 0);
    assert.deepEqual(look(u, end + QUIET_LINE_MS - 0.01), []);
    const due = uartDue(u);
    assert.ok(due >= end + QUIET_LINE_MS - 0.02 && due <= end + QUIET_LINE_MS + ROUND_MS, `${due}`);
    assert.deepEqual(
      look(u, end + QUIET_LINE_MS + ROUND_MS).map(({ length }) => length),
      [64, 29],
    );
  });

  it("hands on 120 bytes as soon as they are in the FIFO, though more are coming", () => {
    const u = uartModel(MENDED, 0);
    send(u, pattern(176), 0);
    const early = look(u, 176 * BYTE_MS);
    assert.equal(early.join(""), pattern(120));
  });

  it("looks each 5 ms, after 25 quiet seconds each 100 ms, and is awake again after one byte", () => {
    const wait = (u: UartModel, at: number): number => {
      uartHear(u, "x", at);
      let now = at;
      while (look(u, now).length === 0) now += 0.25;
      return now - at;
    };
    const waits = (from: number): number[] => {
      const found: number[] = [];
      for (let i = 0; i < 40; i++) {
        const u = uartModel(MENDED, 0);
        found.push(wait(u, from + i * 3.7));
      }
      return found.sort((a, b) => a - b);
    };
    const fresh = waits(1000),
      slept = waits(ROUND_MS * (SLEEPY_AFTER + 1) + 500);
    assert.ok(fresh[0] < 2 && fresh[39] > 4 && fresh[39] <= ROUND_MS + QUIET_LINE_MS + 0.25, `${fresh}`);
    assert.ok(slept[39] > 90 && slept[39] <= SLEEPY_ROUND_MS + QUIET_LINE_MS + 0.25, `${slept}`);
    const u = uartModel(MENDED, 0),
      late = ROUND_MS * SLEEPY_AFTER + 1000;
    wait(u, late);
    assert.ok(wait(u, late + 150) <= ROUND_MS + QUIET_LINE_MS + 0.25);
  });

  it("reads nothing while fewer than 256 places are free; then bytes are lost at the wire, and nothing in the queue", () => {
    const u = uartModel(MENDED, 0);
    send(u, "x".repeat(8000), 0);
    const u1 = { ...u };
    assert.ok(u.used <= 4096 - 4 && u.used > 4096 - 4 - 256 - 70, `${u.used} bytes in the queue`);
    assert.equal(u.lost.queue, 0);
    const got = look(u, 8000 * BYTE_MS + 1).join("").length,
      rest = look(u, 8000 * BYTE_MS + 500).join("").length;
    assert.equal(got + rest + u.lost.wire, 8000);
    assert.ok(u.lost.wire > 2000 && u1.fifo.length <= 256, `${u.lost.wire} lost`);
  });

  it("drops events when the queue is full on the releases, and says so", () => {
    const u = uartModel({ ...LOSSY, appends: false }, 0);
    send(u, "x".repeat(25000), 0);
    assert.ok(u.isOverflowed && u.lost.queue > 0 && u.used <= 4096 - 4, `${u.lost.queue} lost, ${u.used} in the queue`);
  });

  it("is at rest for days in no time", () => {
    const u = uartModel(LOSSY, 0);
    uartAdvance(u, 10 * 86400e3);
    assert.equal(uartDue(u), Infinity);
  });

  it("keeps the order of bytes, and loses none without saying where, whatever comes and whenever anybody looks", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 400, noNaN: true })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom(LOSSY, MENDED, releaseOf("2v25").uart), (pieces, uart) => {
        const u = uartModel(uart, 0);
        let now = 0,
          sent = 0,
          got = "";
        for (const [count, pause] of pieces) {
          now = send(u, pattern(4096).slice(sent % 256, (sent % 256) + count), now);
          sent += count;
          now += pause;
          got += look(u, now).join("");
        }
        for (let i = 0; i < 40; i++) got += look(u, (now += 110)).join("");
        const { wire, queue, appended } = u.lost;
        assert.equal(got.length + wire + queue + appended, sent);
        if (!uart.appends && wire + queue === 0) assert.equal(got, pattern(sent));
      }),
    );
  });
});
