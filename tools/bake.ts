// Turns the authored tables into what is cheapest on the device: straight code where it runs each second, and one text
// in flash where it is rare. `npm run bake` writes the files; the tidy test fails when one is stale.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bakeEvents } from "./bake/events";
import { bakeAlarms } from "./bake/alarms";
import { bakeFields } from "./bake/fields";
import { bakeFrames } from "./bake/frames";
import { bakePlan } from "./bake/plan";
import { bakeRegisters, bakeSettings } from "./bake/registers";
import { bakeEntities, bakeNames, bakeSettingLines, bakeText, bakeTextColumns, bakeTopicLines } from "./bake/text";
import { bakeGx } from "./bake/topics";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Every generated file: path from the project's root, and what stands in it. */
export function bakeAll(): Record<string, string> {
  return {
    "firmware/battery/registers.baked.ts": bakeRegisters(),
    "firmware/battery/alarms.baked.ts": bakeAlarms(),
    "firmware/bms/settings.baked.cold.ts": bakeSettings(),
    "firmware/bms/setting-lines.baked.ts": bakeSettingLines(),
    "firmware/bms/plan.baked.cold.ts": bakePlan(),
    "firmware/bms/events.baked.cold.ts": bakeEvents(),
    "firmware/victron/frames.baked.ts": bakeFrames(),
    "firmware/config/fields.baked.ts": bakeFields(),
    "firmware/mqtt/rows.baked.ts": bakeTextColumns(),
    "firmware/mqtt/entities.baked.ts": bakeEntities(),
    "firmware/battery/names.baked.ts": bakeNames(),
    "firmware/mqtt/topics.baked.ts": bakeTopicLines(),
    "firmware/mqtt/gx.baked.cold.ts": bakeGx(),
    "firmware/image.text": bakeText(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(bakeAll())) writeFileSync(root + path, text);
}
