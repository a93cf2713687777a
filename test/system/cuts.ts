// A device whose way to its broker is cut again and again at random moments, and what must come through all the same:
// each answer (QoS 1), the newest limits (QoS 1, critical), each register message once (QoS 2). The broker itself keeps
// running, so it remembers.
import assert from "node:assert/strict";
import type { RigBroker } from "../../tools/rig/broker";
import type { Gate } from "../../tools/rig/gate";
import { randomInteger, type Random } from "../../tools/simulator/random";

/** The device, wherever it runs; times are ms of its own clock, but the gate's, which are real. */
export interface CutDevice {
  broker: RigBroker;
  gate: Gate;
  random: Random;
  put(settings: object): Promise<void>;
  isConnected(): Promise<boolean>;
  wait(ms: number): Promise<void>;
  until(what: string, look: () => Promise<boolean>, limit_ms: number): Promise<void>;
  now(): number;
}

/**
 * `again`: answers that came a second time, as QoS 1 may; `once`: messages of QoS 2; the longest time from an open gate
 * to a connection.
 */
export interface CutReport {
  cuts: number;
  commands: number;
  answers: number;
  again: number;
  once: number;
  longestReturn_ms: number;
}

/** Settings under which the broker keeps what the device misses, and nothing waits long. */
export const CUT_SETTINGS = {
  mqtt: { clean_session: false, cmd_qos: 2, default_qos: 2, reconnect_interval_ms: 500, reconnect_max_ms: 2000 },
};

/**
 * Most bytes that still pass, and time for them; most time that the gate is shut; largest charge current before and
 * after all cuts, A.
 */
const MOST_BYTES = 2500,
  CUT_MS = 4000,
  MOST_SHUT_MS = 3000,
  FIRST_CCL = 130,
  LAST_CCL = 10,
  RETURN_MS = 30000;

interface Run {
  device: CutDevice;
  asked: number;
  report: CutReport;
}

const topic = ({ broker }: CutDevice, suffix: string) =>
  broker.messages.filter((message) => message.topic.endsWith(`/${suffix}`));
const answered = (device: CutDevice): number[] =>
  topic(device, "ack").map(({ payload }) => (JSON.parse(payload) as { id: number }).id);
const newest = (device: CutDevice, suffix: string): Record<string, unknown> =>
  JSON.parse(topic(device, suffix).at(-1)?.payload ?? "{}") as Record<string, unknown>;

/** One command at QoS 1 or 2; the broker keeps it while the device is away. */
async function ask({ device, asked }: Run): Promise<void> {
  const base = topic(device, "status")[0]!.topic.replace(/\/status$/, ""),
    qos = randomInteger(device.random, 1, 2) as 1 | 2;
  await device.broker.publish(`${base}/cmd`, JSON.stringify({ cmd: "system.ping", id: asked }), qos);
}

/** One cut: commands and a new limit around it, then all of it must be there. */
async function cutOnce(run: Run, ccl: number): Promise<void> {
  const { device, report } = run,
    { gate, random } = device;
  const say = async (): Promise<void> => {
    run.asked++;
    await ask(run);
  };
  await say();
  await device.wait(randomInteger(random, 0, 1500));
  const shut = gate.cut(randomInteger(random, 1, MOST_BYTES), CUT_MS),
    isBefore = random() < 0.5;
  await say();
  if (isBefore) await device.put({ "can/limits": { cclMax: ccl } });
  await shut;
  if (!isBefore) await device.put({ "can/limits": { cclMax: ccl } });
  await say();
  await device.wait(randomInteger(random, 0, MOST_SHUT_MS));
  const opened = device.now();
  await gate.open();
  await device.until("the connection", () => device.isConnected(), RETURN_MS);
  report.longestReturn_ms = Math.max(report.longestReturn_ms, device.now() - opened);
  await device.until(`limits of ${ccl} A`, async () => newest(device, "rt/limits").ccl === ccl, RETURN_MS);
  await device.until("all answers", async () => new Set(answered(device)).size === run.asked, RETURN_MS);
  assert.equal(newest(device, "status").online, true, "said to be there");
}

/** Cuts the connection `cuts` times. Throws with what was lost or came twice. */
export async function cutAtRandom(
  device: CutDevice,
  cuts: number,
  told: (done: number) => unknown = () => undefined,
): Promise<CutReport> {
  const run = { device, asked: 0, report: { cuts, commands: 0, answers: 0, again: 0, once: 0, longestReturn_ms: 0 } };
  const passed = device.gate.passed;
  for (let done = 1; done <= cuts; done++) {
    await cutOnce(run, Math.round((FIRST_CCL - ((FIRST_CCL - LAST_CCL) * done) / cuts) * 10) / 10);
    await told(done);
  }
  const once = device.broker.messages
    .filter(({ qos }) => qos === 2)
    .filter((message) => !message.topic.endsWith("/cmd"));
  const texts = once.map(({ topic: name, payload }) => `${name} ${payload}`),
    seen = new Set<string>();
  assert.deepEqual(
    texts.filter((text) => seen.size === seen.add(text).size),
    [],
    "QoS 2 came twice",
  );
  assert.ok(once.length >= cuts, `${once.length} messages of QoS 2`);
  assert.ok(device.gate.passed >= passed + cuts, `${device.gate.passed - passed} connections`);
  const answers = answered(device),
    different = new Set(answers).size;
  return {
    ...run.report,
    commands: run.asked,
    answers: different,
    again: answers.length - different,
    once: once.length,
  };
}
