// `npm run -s encode`: one JSON object a line from standard input, {"id_hex":"0x351","inputs":{"cvl_V":55.2,...}}, as
// in the CAN vectors; prints ID#DATA a line, made by the firmware's own encoders, or "-" where the frame would not be
// sent.
import { createInterface } from "node:readline";
import process from "node:process";
import { Command } from "commander";
import { encodeInputs, type Inputs } from "./can/inputs";

/** One line: `ID#DATA`, or "-". Throws an Error with the field and the reason. */
export function encodeLine(line: string): string {
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
  const bytes = encodeInputs(id, inputs as Inputs);
  if (!bytes) return "-";
  return id.toString(16).toUpperCase().padStart(3, "0") + "#" + Buffer.from(bytes).toString("hex").toUpperCase();
}

async function main(): Promise<void> {
  new Command("encode")
    .description(
      'reads {"id_hex","inputs"} a line from standard input, prints ID#DATA a line, "-" where the frame would not be sent',
    )
    .parse();
  let number = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    number++;
    if (line.trim() === "") continue;
    try {
      process.stdout.write(encodeLine(line) + "\n");
    } catch (error) {
      process.stderr.write(`line ${number}: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.url === `file://${process.argv[1]}`) await main();
