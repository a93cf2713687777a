// The image on the interpreter in real time, under MQTT and HTTP load, with a broker and a battery that go away: the
// beat of the limits, late tasks, memory, answers. `npm run soak`; DURATION (s) makes it shorter than its 10 minutes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { buildImage } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System, type SystemMemory } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { spacingOf } from "../system/ages";
import { LIMITS, type Status } from "../system/rig";

const DURATION_S = Number(process.env.DURATION ?? 600);
/** Two HTTP clients with this pause between requests, and a command each so often; ms. */
const CLIENTS = 2,
  HTTP_PAUSE_MS = 300,
  COMMAND_MS = 500;
/** The broker is away, the battery silent, for so long (s); one after the other, each after a third of the time. */
const BROKER_AWAY_S = 10,
  SILENCE_S = 20;
const SPACING_MS = 1000,
  TOLERANCE_MS = 50,
  LONGEST_GAP_MS = 1500,
  GROWTH = 40;
/** The beat is judged when the interpreter had to wait for the processor for less than this part of the time. */
const BUSY = 0.02;

interface Load {
  isOver: boolean;
  answers: number;
  failures: number;
  slowest_ms: number;
}

const status = async (system: System): Promise<Status> => JSON.parse((await system.http("/api/status")).text) as Status;

async function ask(system: System, load: Load): Promise<void> {
  while (!load.isOver) {
    const from = performance.now();
    const isGood = await system.http("/api/status").then(
      ({ status: code, text }) => code === 200 && !!JSON.parse(text),
      () => false,
    );
    if (isGood) load.answers++;
    else load.failures++;
    load.slowest_ms = Math.max(load.slowest_ms, performance.now() - from);
    await sleep(HTTP_PAUSE_MS);
  }
}

async function command(system: System, load: Load, topic: string): Promise<void> {
  while (!load.isOver) {
    await system.broker!.publish(topic, '{"cmd":"system.ping","args":{}}').catch(() => undefined); // the broker may be away
    await sleep(COMMAND_MS);
  }
}

/** The value that a part of the sorted numbers stays below. */
const partOf = (sorted: number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];

/** The figures, one a line. */
function print(rows: [string, string | number][]): void {
  for (const [name, value] of rows) console.log(`    ${name.padEnd(34)} ${value}`);
}

async function troubles(system: System): Promise<void> {
  const third = (DURATION_S * 1000) / 3;
  await sleep(third - BROKER_AWAY_S * 1000);
  await system.broker!.stop();
  await sleep(BROKER_AWAY_S * 1000);
  await system.broker!.start();
  await sleep(third - SILENCE_S * 1000);
  system.simulator.faults.set("silence");
  await sleep(SILENCE_S * 1000);
  const { data } = system.frames(LIMITS).at(-1)!;
  system.simulator.faults.clear();
  assert.equal(Buffer.from(data).toString("hex"), "100200000000d001", "limits of lost data: 52.8 V, 0 A, 0 A");
  await sleep(third);
}

/** How the limits went out, and the figures of it. */
function beatOf(frames: { at: number; id: number }[]): {
  off_ms: number;
  longest_ms: number;
  rows: [string, string | number][];
} {
  const spacing: number[] = [],
    grid = spacingOf(spacing),
    all = frames.filter(({ id }) => id === LIMITS).map(({ at }) => at);
  for (const { at, id } of frames) grid.heard({ at, id });
  const sorted = spacing.slice().sort((a, b) => a - b),
    off = spacing.map((gap) => Math.abs(gap - SPACING_MS)).sort((a, b) => a - b);
  const longest_ms = Math.max(...all.slice(1).map((at, i) => at - all[i]));
  const at = (part: number): string => partOf(sorted, part).toFixed(1);
  const off_ms = partOf(off, 0.999),
    rows: [string, string | number][] = [
      ["0x351, periods", sorted.length],
      ["spacing p50, p99, p99.9, max, ms", [0.5, 0.99, 0.999, 1].map(at).join("  ")],
      ["off 1000 ms at 99.9 %, ms", off_ms.toFixed(1)],
      ["longest without 0x351, ms", longest_ms.toFixed(1)],
    ];
  return { off_ms, longest_ms, rows };
}

/** How long the interpreter was ready to run and did not get the processor, ms (proc(5), schedstat). */
const waited_ms = (system: System): number =>
  Number(readFileSync(`/proc/${system.child.pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;

describe("the image under load, in real time", () => {
  let system: System;
  after(async () => {
    await system?.stop();
  });

  it(`keeps its beat for ${DURATION_S} s`, async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      return this.skip();
    }
    system = await startSystem({
      image: (await buildImage({ board: "host" })).code,
      settings: { mqtt: { reconnect_interval_ms: 500 } },
    });
    await until("connected", 60000, async () => (await status(system).catch(() => null))?.mqtt.connected === true);
    await sleep(10000);
    const load: Load = { isOver: false, answers: 0, failures: 0, slowest_ms: 0 },
      first: SystemMemory = await system.memory(true);
    const waitedBefore_ms = waited_ms(system),
      from = system.frames().length,
      messages = system.broker!.messages.length;
    const topic = system
      .broker!.messages.find((message) => message.topic.endsWith("/status"))!
      .topic.replace(/status$/, "cmd");
    const clients = [...Array.from({ length: CLIENTS }, () => ask(system, load)), command(system, load, topic)];
    await troubles(system);
    load.isOver = true;
    await Promise.all(clients);
    const { tasks, live_data: live, mqtt } = await status(system),
      last = await system.memory();
    const beat = beatOf(system.frames().slice(from)),
      waited = (waited_ms(system) - waitedBefore_ms) / DURATION_S / 1000;
    const published = system.broker!.messages.length - messages;
    const acks = system.broker!.messages.slice(messages).filter((message) => message.topic.endsWith("/ack")).length;
    print([
      ["JsVars at start, end, peak", [first.steady, last.steady, last.most].join("  ")],
      ["late steps", tasks.map(({ name, late }) => `${name} ${late}`).join("  ")],
      ["longest steps, ms", tasks.map(({ name, longest_ms: longest }) => `${name} ${longest}`).join("  ")],
      ["HTTP answers, failures, slowest", `${load.answers}  ${load.failures}  ${load.slowest_ms.toFixed(0)} ms`],
      ["MQTT messages, answered commands", `${published}  ${acks}`],
      ...beat.rows,
      ["waited for the processor", `${(100 * waited).toFixed(1)} % of the time`],
    ]);
    if (waited < BUSY) {
      // on a machine that others keep busy the beat says nothing of the image
      assert.ok(beat.off_ms <= TOLERANCE_MS, `off its second by ${beat.off_ms} ms at 99.9 %`);
      assert.ok(beat.longest_ms <= LONGEST_GAP_MS, `${beat.longest_ms} ms without 0x351`);
    }
    assert.deepEqual([live.phase, mqtt.connected, load.failures], ["normal", true, 0]);
    assert.ok(
      load.answers > DURATION_S && acks > DURATION_S / 2 && published > acks,
      `${load.answers} answers, ${acks} commands answered`,
    );
    assert.ok(last.steady <= first.steady + GROWTH, `${first.steady} JsVars, afterwards ${last.steady}`);
    assert.deepEqual(
      system.errors().filter((line) => !line.startsWith("ERROR: Connect failed")),
      [],
    );
  });
});
