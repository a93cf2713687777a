// What one piece of the image's work costs: the image itself with a handle on its parts, its timers stopped, one piece done many
// times. Figures are differences, so what the loop and the start cost is not in them.
import { rollup, type OutputOptions, type Plugin } from "rollup";
import { crc16Table } from "../../firmware/kernel/crc16";
import { imageOptions } from "../build/options";
import type { System } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { addUp, markNow } from "./window";

/** Frames that are due each second (rows 0..4 of the frame table), and a payload of 45 bytes. */
const EACH_SECOND = 5, PAYLOAD = '{"value":52.84,"timestamp_ms":123456,"seq":12}';

/** Pieces of work by name: code inside firmware/main.ts. `loop` is what doing nothing costs. */
const units = {
  loop: "",
  poll: `const u = app.uart, p = u.poller; p.plan[0].due = u.task.due = 0; p.plan[1].due = p.plan[2].due = 1e15;
    runTask(scheduler, u.task); uartReceived(u, reply);`,
  canSecond: `const c = app.can; c.due.fill(c.nextAt = 0, 0, ${EACH_SECOND});
    for (let i = 0; i < ${EACH_SECOND}; i++) { c.task.due = app.canPort.flying = 0; runTask(scheduler, c.task); }`,
  supervise: "app.limits.at = 0; scheduler.tasks[2].due = 0; runTask(scheduler, scheduler.tasks[2]);",
  publish0: `publish(app.mqtt.session, "rt/x", payload, 0, 1);`,
  publish1: `app.mqtt.session.inFlight = []; publish(app.mqtt.session, "rt/x", payload, 2, 1);`,
  registerMessage: "registerMessage(0, app.snapshot, app.mqtt.raw, 123456);",
  stateMessage: "stateMessage(app.snapshot, app.limits);",
  nothingDue: "for (const task of scheduler.tasks) task.due = 1e15; for (const task of scheduler.tasks) runTask(scheduler, task);",
  mqttIdle: "app.mqtt.fresh = false; app.mqtt.task.due = 0; app.mqtt.due.times.fill(65535); runTask(scheduler, app.mqtt.task);",
};
export type Unit = keyof typeof units;

const handleText = `
import { publish } from "./mqtt/session";
import { registerMessage, stateMessage } from "./mqtt/messages";
import { runTask } from "./kernel/tasks";
const payload = ${JSON.stringify(PAYLOAD)};
global["bench"] = {
${Object.entries(units).map(([name, code]) => `  ${JSON.stringify(name)}: function (n, reply) { for (; n > 0; n--) { ${code} } print("~unit"); },`).join("\n")}
};`;

/** Puts the handle into the composition root, after TypeScript. */
function handle(): Plugin {
  return { name: "bench-handle", transform: (code, id) => (id.endsWith("/firmware/main.ts") ? { code: code + handleText, map: null } : null) };
}

/** The host's image with a global \`bench\` of the units. */
export async function buildUnitImage(): Promise<string> {
  const options = imageOptions({ board: "host" }), plugins = options.plugins as Plugin[];
  plugins.splice(plugins.findIndex((plugin) => plugin.name === "typescript") + 1, 0, handle());
  const bundle = await rollup(options);
  try {
    return (await bundle.generate(options.output as OutputOptions)).output[0].code;
  } finally {
    await bundle.close();
  }
}

/** A reply to the fast block as the simulator's battery gives it: 17 registers and the CRC. */
function replyOf(words: ArrayLike<number>): string {
  const bytes = [0xaa, 0x07, 2 * words.length, ...Array.from(words).flatMap((word) => [word & 255, word >> 8])];
  const crc = bytes.reduce((sum, byte) => sum >> 8 ^ crc16Table[(sum ^ byte) & 255], 0xffff);
  return [...bytes, crc & 255, crc >> 8].map((byte) => "\\x" + byte.toString(16).padStart(2, "0")).join("");
}

/** Stops everything that the image does by itself. */
export async function stopTimers(system: System): Promise<void> {
  system.tell("clearInterval()");
  await sleep(500);
  await unitTotal(system, "loop", 1, []); // what was left to do
}

export async function unitTotal(system: System, unit: Unit, times: number, words: ArrayLike<number>): Promise<number> {
  const from = await markNow(system), done = system.console.lines.length;
  system.tell(`setTimeout(bench.${unit},1,${times},"${replyOf(words)}")`);
  await until(`unit ${unit}`, 120_000, () => system.console.lines.slice(done).some((line) => line.includes("~unit")));
  return addUp(system.directory, from, await markNow(system)).counted;
}

/** Instructions of one unit, the loop around it subtracted. */
export async function unitCost(system: System, unit: Unit, times: number, words: ArrayLike<number>): Promise<number> {
  const loop = await unitTotal(system, "loop", times, words);
  return Math.round((await unitTotal(system, unit, times, words) - loop) / times);
}
