// What one piece of the image's work costs: the image itself with a handle on its parts, its timers stopped, one piece
// done many times. Figures are differences, so what the loop and the start cost is not in them.
import { createServer, type AddressInfo, type Server } from "node:net";
import { rollup, type OutputOptions, type Plugin } from "rollup";
import { crc16Table } from "../../firmware/kernel/crc16";
import { imageOptions } from "../build/options";
import type { System } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { slowClock } from "./slow-image";
import { addUp, markNow } from "./window";

/** How much slower its clock is under callgrind, on a machine that does other work as well. */
export const UNIT_SLOW = 16;

/** Frames of each second (two or three rarer ones come with them), and a payload of 45 bytes. */
const EACH_SECOND = 6,
  PAYLOAD = '{"value":52.84,"timestamp_ms":123456,"seq":1}';

/**
 * A second begins for the CAN task; then what a step does, as often as there are frames each second. The model's bus is
 * free by then.
 */
const CAN_SECOND = `const c = app.can; c.nextAt = c.limitsAt = c.alarmsAt = 0; c.waiting.fill(0); app.limits.at = app.limits.doneAt = natives.now();
    new Uint8Array(${EACH_SECOND})`;

/**
 * Pieces of work by name: code inside firmware/main.ts, with `session` and `ready` (a payload) at hand. `loop` is what
 * doing nothing costs.
 */
const units = {
  loop: "",
  poll: `const u = app.uart, p = u.poller; p.plan[0].due = 0; p.slowAt = 1e15; scheduler.dues[0] = scheduler.at = natives.now(); scheduler.first = 0;
    runNext(scheduler); uartReceived(u, reply);`,
  canSecond: `${CAN_SECOND}.forEach(() => c.task.step(c, natives.now()));`,
  canHarness: `const h = { task: { place: 0, at: 0, state: 0, step: nothing } }; ${CAN_SECOND}.forEach(() => h.task.step(c, natives.now()));`,
  canIdle: `const c = app.can; c.nextAt = 1e15; c.waiting.fill(0); c.task.step(c, natives.now());`,
  step: `const t = scheduler.tasks[4], s = t.step; t.step = nothing; scheduler.dues[4] = scheduler.at = natives.now(); scheduler.first = 4; runNext(scheduler); t.step = s;`,
  supervise: `app.limits.at = 0; scheduler.tasks[2].state.isSecond = true; scheduler.dues[2] = scheduler.at = natives.now(); scheduler.first = 2; runNext(scheduler);
    scheduler.dues[2] = scheduler.at = natives.now(); scheduler.first = 2; runNext(scheduler);`,
  publish0: `publish(session, "rt/x", ready, 0, 1);`,
  publish1: `session.inFlight = []; publish(session, "rt/x", ready, 2, 1);`,
  publish2: `session.inFlight = []; publish(session, "rt/x", ready, 4, 1);`,
  registerMessage: `const text = registerText(0), tab = text.indexOf("\\t");
    registerMessage(0, text.substr(tab + 1), app.snapshot.values[0], app.mqtt.raw, ',"timestamp_ms":123456,"seq":12,"quality":"');`,
  stateMessage: `stateMessage(app.snapshot, ["charging", "fresh", "normal"], "");`,
  nothingDue: "scheduler.isTaken = true; runNext(scheduler);",
  mqttPass: `const m = app.mqtt; m.fresh = false; m.limitsSeen = m.limits.at; m.heartbeatAt = m.stateAt = natives.now(); m.due.row = 1;
    m.due.refreshAt = 1e15; m.due.low.fill(-Infinity); m.due.high.fill(Infinity); scheduler.dues[3] = scheduler.at = natives.now(); scheduler.first = 3; runNext(scheduler);`,
};
export type Unit = keyof typeof units;

const handleText = `
import { publish } from "./mqtt/publish";
import { registerMessage, registerText, stateMessage } from "./publish/messages";
import { runNext } from "./kernel/tasks";
function nothing() {
  return 0;
}
function stopAll() {
  scheduler.change(scheduler.guard, 1e8);
  scheduler.dues.fill(1e9);
  setTimer(scheduler, natives.now());
  print("~unit");
}
const payload = ${JSON.stringify(PAYLOAD)};
global["bench"] = {
  "stop": stopAll,
  "stamp": function () {
    print("stamp " + (app.snapshot.fastAt + scheduler.start * 1000).toFixed(3));
  },
  "link": function (port) {
    const s = app.mqtt.session;
    s.free = s.socket = app.network.connect("127.0.0.1", port, function () {});
    s.state = 8;
    s.lookAt = 1e15;
    s.base = "tinybms/ESP32-A1B2C3/";
    stopAll();
  },
${Object.entries(units)
  .map(
    ([name, code]) => `  ${JSON.stringify(name)}: function (n, reply) {
    const session = app.mqtt.session, ready = payload;
    for (; n > 0; n--) { ${code} }
    stopAll();
  },`,
  )
  .join("\n")}
};`;

/** Puts the handle into the composition root, after TypeScript. */
function handle(): Plugin {
  return {
    name: "bench-handle",
    transform: (code, id) => (id.endsWith("/firmware/main.ts") ? { code: code + handleText, map: null } : null),
  };
}

/** The host's image with a global \`bench\` of the units, its clock `slow` times slower. */
export async function buildUnitImage(slow = 1): Promise<string> {
  const options = imageOptions({ board: "host", check: false }),
    plugins = options.plugins as Plugin[];
  plugins.splice(
    plugins.findIndex((plugin) => plugin.name === "typescript") + 1,
    0,
    handle(),
    ...(slow > 1 ? [slowClock(slow)] : []),
  );
  const bundle = await rollup(options);
  try {
    return (await bundle.generate(options.output as OutputOptions)).output[0].code;
  } finally {
    await bundle.close();
  }
}

/** A reply to the fast block: 17 registers and the CRC. */
export function replyBytes(words: ArrayLike<number>): number[] {
  const bytes = [0xaa, 0x07, 2 * words.length, ...Array.from(words).flatMap((word) => [word & 255, word >> 8])];
  const crc = bytes.reduce((sum, byte) => (sum >> 8) ^ crc16Table[(sum ^ byte) & 255], 0xffff);
  return [...bytes, crc & 255, crc >> 8];
}

/** The same as a string literal. */
const replyText = (words: ArrayLike<number>): string =>
  replyBytes(words)
    .map((byte) => "\\x" + byte.toString(16).padStart(2, "0"))
    .join("");

/** Stops everything that the image does by itself, and gives it a connection that swallows what is published. */
export async function prepareUnits(system: System): Promise<Server> {
  const sink = createServer((socket) => socket.on("error", () => undefined).resume());
  await new Promise<void>((resolve) => sink.listen(0, "127.0.0.1", resolve));
  system.tell("bench.stop()");
  await sleep(500);
  const done = system.console.lines.length;
  system.tell(`setTimeout(bench.link,1,${(sink.address() as AddressInfo).port})`);
  await until("the link", 300_000, () => system.console.lines.slice(done).some((line) => line.includes("~unit")));
  for (let i = 0; i < 3; i++) await unitTotal(system, "loop", 10, []); // what was left to do
  return sink;
}

export async function unitTotal(system: System, unit: Unit, times: number, words: ArrayLike<number>): Promise<number> {
  const from = await markNow(system),
    done = system.console.lines.length;
  system.tell(`setTimeout(bench.${unit},1,${times},"${replyText(words)}")`);
  await until(`unit ${unit}`, 900_000, () => system.console.lines.slice(done).some((line) => line.includes("~unit")));
  return addUp(system.directory, from, await markNow(system)).counted;
}

/** How often a unit is counted. */
export const TRIES = 3;

/** The least of them: what happens beside it (collecting garbage, the link's events) only adds. */
async function least(
  system: System,
  unit: Unit,
  times: number,
  words: ArrayLike<number>,
  tries: number,
): Promise<number> {
  let most = Infinity;
  for (let i = 0; i < tries; i++) most = Math.min(most, await unitTotal(system, unit, times, words));
  return most;
}

/** Instructions of one unit, the loop around it subtracted. */
export async function unitCost(
  system: System,
  unit: Unit,
  times: number,
  words: ArrayLike<number>,
  tries = TRIES,
): Promise<number> {
  const loop = await least(system, "loop", times, words, tries);
  return Math.round(((await least(system, unit, times, words, tries)) - loop) / times);
}

/** Instructions of one /api/status from the connection to its end; the answer is read whole. */
export async function statusCost(system: System): Promise<number> {
  const counts: number[] = [];
  for (let i = 0; i < 3; i++) {
    const from = await markNow(system);
    await system.http("/api/status");
    counts.push(addUp(system.directory, from, await markNow(system)).counted);
  }
  return Math.min(...counts);
}
