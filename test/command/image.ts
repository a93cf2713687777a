// The image with one global more: `received(suffix, payload, qos, retained)` hands a message to the commands as the
// client does, so that tests reach them without a subscription.
import { readFileSync } from "node:fs";
import { root } from "../../tools/build/board";
import type { Image } from "../../tools/build/image";
import { buildProject } from "../build/project";

let built: Promise<Image> | null = null;

/** Built once a run, for the host board. */
export function commandsImage(): Promise<Image> {
  const main = readFileSync(root + "firmware/main.ts", "utf8").replaceAll('from "./', `from "${root}firmware/`);
  const text = `import { mqttReceived } from "${root}firmware/command/command.cold";\n${main}
global["received"] = function (suffix: string, payload: string, qos: number, retained: boolean): void { if (app) mqttReceived(app, suffix, payload, qos, retained); };
`;
  built ??= buildProject(
    { "main.ts": text, "image.text": readFileSync(root + "firmware/image.text", "latin1") },
    "host",
  );
  return built;
}
