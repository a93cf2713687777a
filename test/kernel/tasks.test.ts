// Tasks on a clock of the test's own: one step a turn, the most urgent first; lateness, bursts, a step that throws; and
// the queue of samples.
import assert from "node:assert/strict";
import { reviveTimer, schedulerOf, startTask, taskOf } from "../../firmware/kernel/tasks.cold";
import { hurryTask, runNext, setTimer, stepTask, type Scheduler, type Task } from "../../firmware/kernel/tasks";

/** When a timer that is not there fires. */
const GONE = Infinity;

interface Bench {
  scheduler: Scheduler;
  clock: { now: number };
  ran: string[];
  failures: unknown[];
  /** When the interpreter's timer fires, and how often it was changed. */
  timer: { due: number; changes: number };
  add(name: string, period: number, step?: () => number): Task;
  /** Turns of the main loop until `to`: in each the timer fires once when it is due. Whether each begins with bytes. */
  run(to: number, hasBytes?: boolean): void;
}

function bench(): Bench {
  const clock = { now: 0 },
    ran: string[] = [],
    failures: unknown[] = [],
    timer = { due: Infinity, changes: 0 };
  let isOwn = false,
    period = 0;
  const scheduler = schedulerOf({
    clock: () => clock.now / 1000,
    start: 0,
    every: (callback, first) => {
      if (callback === runNext) timer.due = clock.now + first;
      return 1;
    },
    // as the interpreter does: from now on, but from its old time when it is changed in its own callback
    change: (_, ms) => {
      if (timer.due === GONE) throw new Error("Unknown Interval");
      timer.changes++;
      period = Math.floor(ms * 1000) / 1000;
      if (!isOwn) timer.due = clock.now + period;
    },
    failed: (_, error) => {
      failures.push(error);
    },
  });
  const add = (name: string, period_ms: number, step?: () => number): Task => {
    const task = taskOf(name, period_ms, null, () => {
      ran.push(name);
      return step?.() ?? 0;
    });
    startTask(scheduler, task);
    return task;
  };
  const run = (to: number, hasBytes = false): void => {
    while (timer.due <= to) {
      clock.now = Math.max(clock.now, timer.due);
      scheduler.isTaken ||= hasBytes;
      isOwn = true;
      runNext(scheduler);
      isOwn = false;
      timer.due += period;
    }
    clock.now = Math.max(clock.now, to);
  };
  return { scheduler, clock, ran, failures, timer, add, run };
}

describe("tasks", () => {
  it("a turn runs the most urgent task that is due, and no other", () => {
    const b = bench();
    for (const [name, period] of [
      ["uart", 100],
      ["can", 300],
      ["slow", 200],
      ["slowest", 100],
    ] as const)
      b.add(name, period);
    b.clock.now = 305;
    for (const ran of ["uart", "uart can", "uart can slow", "uart can slow slowest"]) {
      runNext(b.scheduler);
      assert.equal(b.ran.join(" "), ran);
      b.clock.now += 1;
    }
  });

  it("a turn in which a reply was taken begins no step: the next one does", () => {
    const b = bench();
    b.add("uart", 100);
    b.scheduler.isTaken = true;
    b.clock.now = b.timer.due;
    runNext(b.scheduler);
    assert.deepEqual(b.ran, []);
    runNext(b.scheduler);
    assert.deepEqual(b.ran, ["uart"]);
  });

  it("bytes without end put a step off by 50 ms, not for ever", () => {
    const b = bench(),
      times: number[] = [];
    b.add("uart", 250, () => (times.push(b.clock.now), 0));
    b.add("can", 1000);
    b.run(3100, true);
    assert.deepEqual([b.ran.filter((name) => name === "can").length, times.length], [3, 12]);
    times.forEach((at, i) => assert.ok(at - 250 * (i + 1) <= 60, `${at} ms`));
  });

  it("a task that has always more to do lets less urgent ones run between", () => {
    for (const delay of [0, 20]) {
      const b = bench();
      b.add("mqtt", 20, () => ((b.clock.now += 114), delay));
      b.add("jobs", 5000, () => ((b.clock.now += 30), 0.1));
      b.add("diagnostics", 1000);
      b.run(10_000);
      const count = (name: string): number => b.ran.filter((ran) => ran === name).length;
      assert.ok(count("jobs") > 20, `${count("jobs")} jobs in the second half`);
      assert.ok(count("diagnostics") >= 8, `${count("diagnostics")} times diagnostics`);
    }
  });

  it("a timer that the interpreter made later is in time again when it is looked after", () => {
    const b = bench(),
      times: number[] = [];
    b.add("can", 100, () => (times.push(b.clock.now), 0));
    b.timer.due += 30;
    b.run(290);
    b.clock.now = 295;
    reviveTimer(b.scheduler);
    b.run(500);
    assert.deepEqual(times.map(Math.round), [130, 230, 300, 400, 500]);
  });

  it("each runs at its time, on its grid, and the timer fires for nothing else", () => {
    const b = bench(),
      times: number[] = [];
    b.add("can", 300, () => (times.push(b.clock.now), 0));
    b.add("slow", 200);
    b.run(3001);
    assert.deepEqual([b.ran.filter((name) => name === "can").length, b.ran.length], [10, 25]);
    assert.deepEqual(times.map(Math.round), [300, 600, 900, 1200, 1500, 1800, 2100, 2400, 2700, 3000]);
    assert.equal(b.timer.changes, 27, "one for each step, and for each task that begins");
  });

  it("what the interpreter rounds off makes nothing early or late, hours later", () => {
    const b = bench(),
      period = 1000 / 3;
    let most = 0,
      count = 0;
    b.add("can", period, () => {
      most = Math.max(most, Math.abs(b.clock.now - ++count * period));
      return 0;
    });
    b.run(7_200_000);
    assert.ok(count > 21_000 && most <= 1, `${most} ms`);
  });

  it("a burst of made-up intervals is one step and at most one more", () => {
    const b = bench(),
      task = b.add("uart", 100);
    b.clock.now = 5000;
    b.run(5099);
    assert.ok(b.ran.length <= 2);
    assert.equal(task.late, 1);
  });

  it("a task that is behind does not make the timer late for the others", () => {
    const b = bench(),
      times: number[] = [];
    b.add("can", 250, () => (times.push(b.clock.now), 0));
    b.add("slow", 100, () => {
      if (b.clock.now < 150) b.clock.now += 120;
      return 0;
    });
    b.run(1000);
    assert.deepEqual(times.map(Math.round), [250, 500, 750, 1000]);
  });

  it("counts starts more than 50 ms late and keeps the longest step", () => {
    const b = bench(),
      task = b.add("uart", 100, () => {
        b.clock.now += 7;
        return 0;
      });
    b.run(100);
    b.clock.now = 260;
    b.run(260);
    assert.deepEqual([b.ran.length, task.late, Math.round(task.longest)], [2, 1, 7]);
  });

  it("a step that throws is told and counted, and goes on; the others run", () => {
    const b = bench(),
      bad = b.add("bad", 100, () => {
        throw new Error("x");
      });
    b.add("good", 100);
    b.run(350);
    assert.deepEqual([bad.faults, b.failures.length, b.ran.join(" ")], [3, 3, "bad good bad good bad good"]);
  });

  it("a timer that the interpreter removed comes back, and others come before the task that was broken off", () => {
    const b = bench(),
      { clock } = b.scheduler;
    b.add("bad", 100, () => {
      b.scheduler.clock = () => {
        throw new Error("nothing behind the step runs");
      };
      return 0;
    });
    b.add("good", 110);
    assert.throws(() => b.run(100));
    b.scheduler.clock = clock;
    b.timer.due = GONE;
    reviveTimer(b.scheduler);
    assert.throws(() => b.run(300));
    assert.deepEqual([b.ran, b.clock.now], [["bad", "good", "bad"], 200]);
  });

  it("a task that waits can be hurried, one that is due sooner is left alone", () => {
    const b = bench(),
      task = b.add("can", 200);
    b.clock.now = 50;
    hurryTask(b.scheduler, task, 20);
    assert.deepEqual([b.scheduler.dues[0], b.timer.due], [70, 70]);
    b.clock.now = 60;
    hurryTask(b.scheduler, task, 20);
    assert.deepEqual([b.scheduler.dues[0], b.timer.changes], [70, 2]);
    b.run(70);
    assert.deepEqual(b.ran, ["can"]);
    b.run(271);
    assert.deepEqual(b.ran, ["can", "can"], "then it has its period again");
  });

  it("a task that is hurried in a step of another comes next", () => {
    const b = bench(),
      can = b.add("can", 1000);
    b.add("supervise", 500, () => (hurryTask(b.scheduler, can, 20), 0));
    b.run(530);
    assert.deepEqual(b.ran, ["supervise", "can"]);
  });

  it("a step outside of its turn sets the time of the next one", () => {
    const b = bench(),
      can = b.add("can", 1000, () => 20);
    b.clock.now = 100;
    stepTask(b.scheduler, can, 100);
    setTimer(b.scheduler, 100);
    b.run(121);
    assert.deepEqual([b.ran, b.scheduler.dues[0]], [["can", "can"], 140]);
  });

  it("a step may choose its next delay", () => {
    const b = bench();
    b.add("can", 200, () => 20);
    b.run(201);
    assert.deepEqual([Math.round(b.timer.due), b.scheduler.dues[0]], [220, 220]);
  });
});
