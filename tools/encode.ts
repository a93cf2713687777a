// `npm run -s encode`: one JSON object a line from standard input, {"id_hex":"0x351","inputs":{"cvl_V":55.2,...}}, as
// in the CAN vectors; prints ID#DATA a line, made by the firmware's own encoders, or "-" where the frame would not be
// sent.
import { createInterface } from "node:readline";
import process from "node:process";
import { Command } from "commander";
import { type CanFrame, canFrames } from "../firmware/tables/frames";
import { decodeFrame } from "./can/decode";
import { encodeInputs, givenFor, inputNames, type Inputs, inputsHelp } from "./can/inputs";
import { endWithReader } from "./stdout";

/** What is not as it was given: names that mean nothing in the frame and, where it is sent, values it cannot say. */
function notesOn(frame: CanFrame, inputs: Inputs, bytes: number[] | undefined): string[] {
  const { id } = frame,
    known = [...inputNames(frame), ...(id === 0x35a ? ALARM_INPUTS : [])];
  const strange = Object.keys(inputs).filter((name) => !known.includes(name)),
    useless = strange.map((name) => `${name}: is no input of this frame and has no effect`);
  if (!bytes) return useless;
  const changed = (decodeFrame(id, bytes)?.fields ?? []).flatMap(({ label, key, rowValue, shown }, i) => {
    const isFine = label.endsWith("high resolution") && inputs["soc_hires_pct"] !== undefined,
      given = givenFor(inputs, isFine ? "soc_hires_pct" : key);
    const step = 1 / (frame.fields[i].per ?? 1) + 1e-9;
    return given === null || isNaN(rowValue) || Math.abs(given.value - rowValue) <= step
      ? []
      : [`${given.name}: ${given.value} cannot be said, the frame has ${shown}`];
  });
  return [...useless, ...new Set(changed)];
}

const ALARM_INPUTS = ["alarms", "warnings", "supported_alarms", "supported_warnings", "system_status_bits"];

/**
 * One line: `ID#DATA`, or "-"; `note` is told what is sent otherwise than given. Throws an Error with the field and the
 * reason.
 */
export function encodeLine(line: string, note: (text: string) => void = () => undefined): string {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    throw new Error("is not JSON");
  }
  const { id_hex: hex, inputs } = (request ?? {}) as { id_hex?: unknown; inputs?: unknown };
  const id = typeof hex === "string" && /^(0x)?[0-9a-f]+$/i.test(hex) ? parseInt(hex, 16) : NaN;
  if (!(id <= 0x7ff)) throw new Error("id_hex: must be an 11-bit identifier as hex text");
  if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs))
    throw new Error("inputs: must be an object");
  const bytes = encodeInputs(id, inputs as Inputs),
    frame = canFrames.find((one) => one.id === id);
  if (frame) notesOn(frame, inputs as Inputs, bytes).forEach(note);
  if (!bytes) return "-";
  return id.toString(16).toUpperCase().padStart(3, "0") + "#" + Buffer.from(bytes).toString("hex").toUpperCase();
}

async function main(): Promise<void> {
  new Command("encode")
    .description(
      'reads {"id_hex","inputs"} a line from standard input, prints ID#DATA a line, "-" where the frame would not be sent',
    )
    .addHelpText(
      "after",
      `
A bad line prints {"error"} in its place, and the reason with its number on standard error; the exit status is 1 then.
What a frame cannot say, and names without a meaning, are told on standard error.

Inputs, null or "n/a" where a value is unknown:
${inputsHelp()}
Example:
  echo '{"id_hex":"0x351","inputs":{"cvl_V":55.2,"ccl_A":135,"dcl_A":180,"discharge_voltage_V":46.4}}' | npm run -s encode`,
    )
    .parse();
  let number = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    number++;
    if (line.trim() === "") continue;
    try {
      const text = encodeLine(line, (told) => process.stderr.write(`line ${number}: ${told}\n`));
      process.stdout.write(text + "\n");
    } catch (error) {
      process.stdout.write(JSON.stringify({ error: (error as Error).message }) + "\n");
      process.stderr.write(`line ${number}: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.url === `file://${process.argv[1]}`) {
  endWithReader();
  await main();
}
