// Tasks on a clock of the test's own: order by courtesy, lateness, bursts, a step that throws; and the queue of
// samples.
import assert from "node:assert/strict";
import { startTask, taskOf } from "../../firmware/kernel/tasks.cold";
import { hurryTask, runTask, type Scheduler, type Task } from "../../firmware/kernel/tasks";

interface Bench {
  scheduler: Scheduler;
  clock: { now: number };
  ran: string[];
  failures: unknown[];
  periods: number[];
  add(name: string, period: number, step?: () => number): Task;
}

function bench(): Bench {
  const clock = { now: 0 },
    ran: string[] = [],
    failures: unknown[] = [],
    periods: number[] = [];
  const scheduler: Scheduler = {
    clock: () => clock.now / 1000,
    start: 0,
    tasks: [],
    every: () => 1,
    change: (_, period) => {
      periods.push(period);
    },
    failed: (_, error) => {
      failures.push(error);
    },
  };
  const add = (name: string, period: number, step?: () => number): Task => {
    const task = taskOf(name, period, null, () => {
      ran.push(name);
      return step?.() ?? 0;
    });
    startTask(scheduler, task);
    return task;
  };
  return { scheduler, clock, ran, failures, periods, add };
}

describe("tasks", () => {
  it("a task that is late lets more urgent ones run first when they are due, and no others", () => {
    const b = bench(),
      [, , slow] = [b.add("uart", 100), b.add("can", 300), b.add("slow", 200), b.add("slowest", 100)];
    b.clock.now = 215;
    runTask(b.scheduler, slow);
    assert.deepEqual(b.ran, ["uart", "slow"]);
    b.clock.now = 500;
    runTask(b.scheduler, slow);
    assert.deepEqual(b.ran, ["uart", "slow", "uart", "can", "slow"]);
  });

  it("nothing runs before its time, and a task in time goes by itself: its timer is the first that is due", () => {
    const b = bench(),
      [, slow] = [b.add("uart", 100), b.add("slow", 200)];
    b.clock.now = 120;
    runTask(b.scheduler, slow);
    assert.deepEqual(b.ran, []);
    b.clock.now = 202;
    runTask(b.scheduler, slow);
    assert.deepEqual(b.ran, ["slow"]);
  });

  it("a burst of made-up intervals is one step and at most one more", () => {
    const b = bench(),
      task = b.add("uart", 100);
    b.clock.now = 5000;
    for (let i = 0; i < 50; i++) runTask(b.scheduler, task);
    assert.ok(b.ran.length <= 2);
    assert.equal(task.late, 1);
    b.ran.length = 0;
    b.clock.now = 5101;
    runTask(b.scheduler, task);
    assert.equal(b.ran.length, 1);
  });

  it("counts starts more than 50 ms late and keeps the longest step; 3 ms early is in time", () => {
    const b = bench(),
      task = b.add("uart", 100, () => {
        b.clock.now += 7;
        return 0;
      });
    b.clock.now = 97;
    runTask(b.scheduler, task);
    b.clock.now = 260;
    runTask(b.scheduler, task);
    assert.deepEqual([b.ran.length, task.late, task.longest], [2, 1, 7]);
  });

  it("a step that throws is told and counted, and goes on; the others run", () => {
    const b = bench(),
      bad = b.add("bad", 100, () => {
        throw new Error("x");
      }),
      good = b.add("good", 100);
    for (b.clock.now = 100; b.clock.now <= 300; b.clock.now += 100)
      for (const task of [bad, good]) runTask(b.scheduler, task);
    assert.deepEqual([bad.faults, b.failures.length, b.ran.join(" ")], [3, 3, "bad good bad good bad good"]);
  });

  it("a task that waits can be hurried, one that is due sooner is left alone", () => {
    const b = bench(),
      task = b.add("can", 200);
    b.clock.now = 50;
    hurryTask(b.scheduler, task, 20);
    assert.deepEqual([task.due, task.period, b.periods], [70, 20, [20]]);
    b.clock.now = 60;
    hurryTask(b.scheduler, task, 20);
    assert.deepEqual([task.due, b.periods.length], [70, 1]);
  });

  it("a step may choose its next delay", () => {
    const b = bench(),
      task = b.add("can", 200, () => 20);
    b.clock.now = 200;
    runTask(b.scheduler, task);
    assert.deepEqual([b.periods, task.due], [[20], 220]);
  });
});
