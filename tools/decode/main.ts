// decode: what a reply of a TinyBMS to a request means, as JSON; one exchange from the command line or one a line from
// stdin.
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { type Exchange, exchangeOf, requestFault } from "../tinybms/exchange";
import { endWithReader } from "../stdout";
import { bytesOf, hexFault } from "../tinybms/hex";

/** A byte string from what was given as hex; throws an Error that names the part and the reason. */
function part(name: "request" | "reply", hex: unknown): string {
  if (typeof hex !== "string")
    throw new Error(`${name}: ${hex === undefined ? "is missing" : "must be a text of hex digits"}`);
  const fault = hexFault(hex);
  if (fault) throw new Error(`${name}: ${fault}`);
  return bytesOf(hex);
}

/**
 * Decodes one exchange given as hex. Throws an Error with one line of reason for bad hex and for a request that is
 * none.
 */
export function decode(requestHex: unknown, replyHex: unknown): Exchange {
  const request = part("request", requestHex),
    fault = requestFault(request);
  if (fault) throw new Error(`request: ${fault}`);
  return exchangeOf(request, part("reply", replyHex));
}

/** Decodes a line of JSON, `{"request":HEX,"reply":HEX}`; for a bad one `{error}` with the reason. */
export function decodeLine(line: string): Exchange | { error: string } {
  try {
    const given: unknown = JSON.parse(line);
    if (typeof given !== "object" || given === null || Array.isArray(given))
      throw new Error('must be {"request":HEX,"reply":HEX}');
    const { request, reply } = given as Record<string, unknown>;
    return decode(request, reply);
  } catch (error) {
    return { error: error instanceof SyntaxError ? `not JSON: ${error.message}` : (error as Error).message };
  }
}

/** Each line of stdin; blank ones are passed over. Exit status 1 when a line was bad. */
async function decodeStdin(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() === "") continue;
    const result = decodeLine(line);
    if (!("outcome" in result)) process.exitCode = 1;
    process.stdout.write(JSON.stringify(result) + "\n");
  }
}

function fail(reason: string): void {
  process.stderr.write(`decode: ${reason}\n`);
  process.exitCode = 1;
}

async function run(
  request: string | undefined,
  reply: string | undefined,
  options: { stdin?: boolean },
): Promise<void> {
  if (options.stdin) return request === undefined ? decodeStdin() : fail("give either an exchange or --stdin");
  if (request === undefined) return fail("give a request and its reply as hex, or --stdin (see --help)");
  if (reply === undefined) return fail('reply: is missing (give "" when nothing came)');
  try {
    process.stdout.write(JSON.stringify(decode(request, reply), null, process.stdout.isTTY ? 2 : 0) + "\n");
  } catch (error) {
    fail((error as Error).message);
  }
}

/** The command line. */
function commandLine(): Command {
  return new Command("decode")
    .description("What a reply of a TinyBMS means, as JSON: outcome, registers (raw words), values, discardedBytes.")
    .argument("[request]", "the request as hex, with its CRC; blanks are allowed inside quotes")
    .argument("[reply]", 'all bytes that came after it as hex; "" when none came')
    .option("--stdin", 'read one JSON {"request":HEX,"reply":HEX} a line, print one JSON result a line')
    .addHelpText("after", '\nExample:\n  npm run -s decode -- "AA 14 7F 1F" "AA 14 B8 1E 5F 42 D5 75"')
    .action(run);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  endWithReader();
  await commandLine().parseAsync();
}
