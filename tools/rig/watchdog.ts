// Mocha loads this in each of its processes: one whose thread stands still for 25 minutes is killed, so that a test
// that never gives the thread back fails its file instead of the whole run. Tests that wait too long are ended by
// mocha's own limits.
import { Worker } from "node:worker_threads";

const LOOK_MS = 5000,
  MOST_LOOKS = 300;

/**
 * Runs beside the thread that it looks after. It writes by itself: the other thread, which would write for it, stands
 * still.
 */
const BESIDE = `
const { workerData } = require("node:worker_threads"), { writeSync } = require("node:fs");
let seen = -1, same = 0;
setInterval(() => {
  const beat = Atomics.load(workerData.beats, 0);
  same = beat === seen ? same + 1 : 0;
  seen = beat;
  if (same < workerData.most) return;
  writeSync(2, "a test stands still: process " + process.pid + " is killed\\n");
  process.kill(process.pid, "SIGKILL");
}, workerData.look_ms);
`;

const beats = new Int32Array(new SharedArrayBuffer(4));
setInterval(() => Atomics.add(beats, 0, 1), LOOK_MS / 2).unref();
new Worker(BESIDE, { eval: true, workerData: { beats, look_ms: LOOK_MS, most: MOST_LOOKS } }).unref();
