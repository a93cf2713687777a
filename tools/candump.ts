// `npm run -s candump -- FILE|-`: names every field of a log of can-utils' candump, in its two forms.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";
import { Command } from "commander";
import { isError, parseLine } from "./can/candump";
import { decodeFrame, describe } from "./can/decode";
import { errorClasses } from "./can/errors";
import { endWithReader } from "./stdout";

interface Options {
  json?: boolean;
}

/**
 * What is printed for one line of a log; null for an empty line, a comment, and the indented line that `candump -e`
 * prints below an error frame. Throws an Error with the reason.
 */
export function candumpLine(line: string, options: Options = {}): string | null {
  if (line.trim() === "" || line.trim().startsWith("#") || line.startsWith("\t")) return null;
  const record = parseLine(line);
  if (!record) throw new Error(`is no frame: ${line.trim()}`);
  const { seconds, channel, frame } = record,
    when = seconds === null ? "" : `(${seconds.toFixed(6)}) `;
  const isOurs = !frame.ext && !frame.rtr,
    errors = isError(frame) ? errorClasses(frame.id, frame.data) : null,
    data = Buffer.from(frame.data).toString("hex").toUpperCase();
  if (options.json) {
    const decoded = isOurs ? decodeFrame(frame.id, frame.data) : null;
    const fields = decoded?.fields.map(({ label, value, unit, raw }) => ({ label, value, unit, raw }));
    const id = frame.id.toString(16).toUpperCase(),
      told = { seconds, channel, id, data, fields: fields ?? [] };
    return JSON.stringify(errors ? { ...told, errors } : told);
  }
  const name = frame.id
    .toString(16)
    .toUpperCase()
    .padStart(frame.ext ? 8 : 3, "0");
  if (errors) return `${when}${channel} ${name} error frame: ${errors.join(", ")}`;
  return `${when}${channel} ${isOurs ? describe(frame.id, frame.data) : `${name} ${frame.rtr ? "remote request" : `extended frame: ${data}`}`}`;
}

async function main(): Promise<void> {
  const command = new Command("candump")
    .description("names every field of the frames in a candump log")
    .argument("<file>", 'a log of candump, "-" for standard input')
    .option("--json", "one JSON object a line")
    .addHelpText(
      "after",
      `
Lines as "candump -l" writes them,  (1700000000.250000) can0 351#280246050807D001
or as candump prints them,          can0  351   [8]  28 02 46 05 08 07 D0 01
An error frame (20000040#..., ERRORFRAME) is named by its class. Values have the unit that they are printed with.`,
    )
    .parse();
  const [file] = command.args,
    input = file === "-" ? process.stdin : createReadStream(file);
  input.on("error", (error: NodeJS.ErrnoException) => {
    process.stderr.write(`${file}: ${error.code === "ENOENT" ? "there is no such file" : error.message}\n`);
    process.exit(1);
  });
  let number = 0;
  for await (const line of createInterface({ input })) {
    number++;
    try {
      const text = candumpLine(line, command.opts());
      if (text !== null) process.stdout.write(text + "\n");
    } catch (error) {
      process.stderr.write(`${file} line ${number}: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.url === `file://${process.argv[1]}`) {
  endWithReader();
  await main();
}
