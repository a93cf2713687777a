// Turns the authored tables into what is cheapest on the device: straight code where it runs each second, and one text
// in flash where it is rare. `npm run bake` writes the files; the tidy test fails when one is stale.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bakeEvents } from "./bake/events";
import { bakeAlarms } from "./bake/alarms";
import { bakeFields } from "./bake/fields";
import { bakeFrames } from "./bake/frames";
import { bakeMembers } from "./bake/members";
import { bakeMessages } from "./bake/messages";
import { bakePlan } from "./bake/plan";
import { bakeRegisters, bakeSettings, bakeWords } from "./bake/registers";
import {
  bakeApiLines,
  bakeEntities,
  bakeNames,
  bakeSettingLines,
  bakeText,
  bakeTextColumns,
  bakeTopicLines,
} from "./bake/text";
import { bakeGx } from "./bake/topics";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Every generated file: path from the project's root, and what stands in it. */
export function bakeAll(): Record<string, string> {
  return {
    "firmware/battery/registers.baked.ts": bakeRegisters(),
    "firmware/battery/words.baked.ts": bakeWords(),
    "firmware/battery/alarms.baked.ts": bakeAlarms(),
    "firmware/bms/settings.baked.cold.ts": bakeSettings(),
    "firmware/bms/setting-lines.baked.ts": bakeSettingLines(),
    "firmware/bms/plan.baked.cold.ts": bakePlan(),
    "firmware/bms/events.baked.cold.ts": bakeEvents(),
    "firmware/victron/frames.baked.ts": bakeFrames(),
    "firmware/config/fields.baked.ts": bakeFields(),
    "firmware/publish/rows.baked.ts": bakeTextColumns(),
    "firmware/publish/entities.baked.ts": bakeEntities(),
    "firmware/battery/names.baked.ts": bakeNames(),
    "firmware/publish/topics.baked.ts": bakeTopicLines(),
    "firmware/publish/gx.baked.cold.ts": bakeGx(),
    "firmware/api/text.baked.ts": bakeApiLines(),
    "firmware/publish/fields.md": bakeMessages(),
    "firmware/image.text": bakeText(),
    "tools/build/members.baked.ts": bakeMembers(),
  };
}

/**
 * Writes what `bake` gives, all of it, and gives the exit code 0; when it throws nothing is written, `say` gets the
 * reason as one line, and the exit code is 1.
 */
export function runBake(
  bake: () => Record<string, string>,
  write: (path: string, text: string) => void,
  say: (line: string) => void,
): number {
  try {
    for (const [path, text] of Object.entries(bake())) write(path, text);
    return 0;
  } catch (error) {
    say(`bake: ${(error as Error).message.replace(/\s+/g, " ")}\n`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = runBake(
    bakeAll,
    (path, text) => writeFileSync(root + path, text),
    (line) => process.stderr.write(line),
  );
