// What charge control would do: JSON lines from standard input, one JSON line of limits and reason each, through the
// firmware's own code.
//   echo '{"cells":[3.3,3.3,3.3,3.5],"current":20,"soc":80}' | npm run -s whatif
import { createInterface } from "node:readline";
import { Command } from "commander";
import { answered, type Session, sessionOf } from "./charge/whatif";

new Command("whatif")
  .description(
    "reads JSON lines from standard input and prints state, limits and reason of each; state is carried from line to line",
  )
  .addHelpText(
    "after",
    `
A line: cells (V, 4 to 16, required), current (A), soc (%), tmin, tmax, tint (degC, null: absent), status,
faults (numbers or hex text), age (s), dt (s), days (since the last full charge). "config" and "previous" replace
what was carried; names as in tools/charge/config.ts and the answers.
A bad line prints {"error"} and leaves what was carried alone; the exit status is 1 then.`,
  )
  .parse();

/** The answer to one line as text, and the session to go on with. */
function answerTo(session: Session, text: string): { session: Session; printed: string } {
  try {
    const { session: next, answer } = answered(session, JSON.parse(text));
    for (const note of next.notes) console.error(note);
    return { session: next, printed: JSON.stringify(answer) };
  } catch (error) {
    process.exitCode = 1;
    return {
      session,
      printed: JSON.stringify({ error: error instanceof SyntaxError ? "not JSON" : (error as Error).message }),
    };
  }
}

let session = sessionOf();
for await (const text of createInterface({ input: process.stdin })) {
  if (text.trim() === "") continue;
  const { session: next, printed } = answerTo(session, text);
  session = next;
  console.log(printed);
}
