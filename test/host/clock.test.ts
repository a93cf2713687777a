// The virtual clock: what is due happens in order, as fast as it can, and nothing happens by itself.
import assert from "node:assert/strict";
import fc from "fast-check";
import { hostClock, patientClock, virtualClock } from "../../tools/host/clock";

describe("virtual clock", () => {
  it("runs what is due by time, what is due at once in the order in which it was asked for, and takes back", () => {
    const clock = virtualClock(),
      log: string[] = [],
      say = (what: string) => () => log.push(`${what} ${clock.now()}`);
    clock.schedule(20, say("c"));
    clock.schedule(10, () => {
      say("a")();
      clock.soon(say("soon"));
      clock.schedule(5, say("b"));
    });
    clock.schedule(10, say("a2"));
    const cancel = clock.schedule(15, say("never"));
    cancel();
    clock.schedule(31, say("later"));
    clock.run(30);
    assert.deepEqual([log, clock.now()], [["a 10", "a2 10", "soon 10", "b 15", "c 20"], 30]);
  });

  it("is late after a block, as a thread that stood still, and loses nothing", () => {
    const clock = virtualClock(),
      at: number[] = [];
    clock.schedule(5, () => clock.block(100));
    for (const due of [10, 20]) clock.schedule(due, () => at.push(clock.now()));
    clock.run(50);
    assert.deepEqual([at, clock.now()], [[105, 105], 105]);
  });

  it("keeps the order of any times", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), (delays) => {
        const clock = virtualClock(),
          seen: number[] = [];
        delays.forEach((delay) => clock.schedule(delay, () => seen.push(delay)));
        clock.run(50);
        assert.deepEqual(
          seen,
          delays.slice().sort((a, b) => a - b),
        );
      }),
      { seed: 1 },
    );
  });
});

/** Keep node from doing anything, as a busy machine does. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("clocks that real time pulls along", () => {
  it("say the time that is due, in order, however late node is", async () => {
    for (const clock of [hostClock(), patientClock(), patientClock(10)]) {
      const seen: number[] = [];
      await new Promise<void>((resolve) => {
        clock.soon(() => {
          const from = clock.now(),
            note = () => seen.push(Math.round((clock.now() - from) * 10) / 10);
          for (const due of [7, 5, 5.5])
            clock.schedule(due, () => {
              note();
              clock.schedule(0.5, note);
            });
          clock.schedule(40, resolve);
          stall(20);
        });
      });
      assert.deepEqual(seen, [5, 5.5, 5.5, 6, 7, 7.5]);
    }
  });

  it("stand still with the process when they are patient, and else go with the world", async () => {
    const patient = patientClock(10),
      host = hostClock(),
      from = [patient.now(), host.now()];
    stall(200);
    assert.ok(patient.now() - from[0] < 100, `${patient.now() - from[0]} ms`);
    assert.ok(host.now() - from[1] >= 199, `${host.now() - from[1]} ms`);
  });

  it("make what falls due late while the thread works", async () => {
    const clock = patientClock();
    const at = await new Promise<number>((resolve) => {
      clock.schedule(2, () => clock.spend(30));
      clock.schedule(10, () => resolve(clock.now()));
    });
    assert.ok(at >= 32, `${at}`);
  });
});
