// Where a steady second of the image goes: node --import tsx tools/bench/profile.ts [--seconds 10] [--settings
// '{"mqtt":{...}}']
import { Command } from "commander";
import type { Settings } from "../host/settings";
import { sleep } from "../rig/wait";
import { findBenchTools } from "./measure";
import { buildSlowImage } from "./slow-image";
import { countWindow, startCounted, type Window } from "./window";

/** How much slower the image's clock runs under callgrind, which must keep up with it. */
export const SLOW = 8;
/**
 * A broker hears a ping each 150 s of the image's clock at most; in slow motion the default would be too late for it.
 */
export const PATIENT: Settings = { mqtt: { keepalive_seconds: 3600 } };

const million = (count: number): string => (count / 1e6).toFixed(3);

/**
 * One line for each task and for what happens between steps: steps a second, instructions a step and a second
 * (millions).
 */
export function partLines(window: Window, slow: number): string[] {
  const seconds = window.seconds / slow;
  const rows = Object.entries(window.parts).sort(([, a], [, b]) => b.counted - a.counted);
  return rows.map(([name, part]) =>
    [
      name.padEnd(12),
      `${(part.steps / seconds).toFixed(1)}/s`.padStart(8),
      `${million(part.counted / part.steps)} M a step`.padStart(18),
      `${million(part.most)} M at most`.padStart(18),
      `${million(part.counted / seconds)} M a second`.padStart(21),
    ].join(" "),
  );
}

async function main(options: { seconds: number; settle: number; settings: string }): Promise<void> {
  if (!findBenchTools())
    return console.log("needs Espruino for Linux (ESPRUINO or espruino-linux on PATH) and valgrind");
  const image = await buildSlowImage({ board: "host" }, SLOW, true);
  const settings = JSON.parse(options.settings) as Settings;
  const system = await startCounted(image, { ...settings, mqtt: { ...PATIENT.mqtt, ...settings.mqtt } });
  try {
    await sleep(options.settle * SLOW * 1000);
    const window = await countWindow(system, options.seconds * SLOW),
      seconds = window.seconds / SLOW;
    console.log(
      `${million(window.counted / seconds)} M instructions a second; polls ${(window.polls / seconds).toFixed(1)}/s,` +
        ` frames ${(window.frames / seconds).toFixed(1)}/s, publications ${(window.publishes / seconds).toFixed(1)}/s`,
    );
    console.log(partLines(window, SLOW).join("\n"));
    system.errors().forEach((line) => console.log(line));
  } finally {
    await system.stop();
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const command = new Command("profile")
    .description("x86 instructions of a steady second, by task (callgrind, in slow motion)")
    .option("--seconds <s>", "seconds of the image's clock to count", Number, 10)
    .option("--settle <s>", "seconds of the image's clock before that", Number, 10)
    .option("--settings <json>", "settings of the image", "{}");
  await main(command.parse().opts());
}
