// `npm run -s candump -- FILE|-`: names every field of a log of can-utils' candump, in its two forms.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";
import { Command } from "commander";
import { parseLine } from "./can/candump";
import { decodeFrame, describe } from "./can/decode";

interface Options {
  json?: boolean;
}

/** What is printed for one line of a log; null for an empty line or a comment. Throws an Error with the reason. */
export function candumpLine(line: string, options: Options = {}): string | null {
  if (line.trim() === "" || line.trim().startsWith("#")) return null;
  const record = parseLine(line);
  if (!record) throw new Error(`is no frame: ${line.trim()}`);
  const { seconds, channel, frame } = record,
    when = seconds === null ? "" : `(${seconds.toFixed(6)}) `;
  const isOurs = !frame.ext && !frame.rtr,
    data = Buffer.from(frame.data).toString("hex").toUpperCase();
  if (options.json) {
    const decoded = isOurs ? decodeFrame(frame.id, frame.data) : null;
    const fields = decoded?.fields.map(({ label, value, unit, raw }) => ({ label, value, unit, raw }));
    return JSON.stringify({ seconds, channel, id: frame.id.toString(16).toUpperCase(), data, fields: fields ?? [] });
  }
  const name = frame.id
    .toString(16)
    .toUpperCase()
    .padStart(frame.ext ? 8 : 3, "0");
  return `${when}${channel} ${isOurs ? describe(frame.id, frame.data) : `${name} ${frame.rtr ? "remote request" : `extended frame: ${data}`}`}`;
}

async function main(): Promise<void> {
  const command = new Command("candump")
    .description("names every field of the frames in a candump log")
    .argument("<file>", 'a log of candump, "-" for standard input')
    .option("--json", "one JSON object a line")
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

if (import.meta.url === `file://${process.argv[1]}`) await main();
