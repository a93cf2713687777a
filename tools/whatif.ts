// What charge control would do: JSON lines from standard input, one JSON line of limits and reason each, through the
// firmware's own code.
//   echo '{"cells":[3.3,3.3,3.3,3.5],"current":20,"soc":80}' | npm run -s whatif
import { createInterface } from "node:readline";
import { Command } from "commander";
import { configHelp } from "./charge/config";
import { answered, type Session, sessionOf } from "./charge/whatif";
import { endWithReader } from "./stdout";

endWithReader();

new Command("whatif")
  .description(
    "reads JSON lines from standard input and prints state, limits and reason of each; state is carried from line to line",
  )
  .addHelpText(
    "after",
    `
A line, all but cells may be left out:
  cells             V, a list of 4 to 16; null is an unknown one
  current           A, positive charges (0)
  soc               % (50)
  tmin, tmax, tint  degC of coldest and hottest sensor and of the BMS itself; null is absent (20, 22, 30)
  status            register 50, a number or hex text (0x97); null is unknown
  faults            events of the BMS that hold, a list of numbers or hex text (none)
  age               s since the last good answer of the BMS (0.5)
  dt                s since the line before (1)
  days              d since the last full charge (1)
  config            replaces what was carried:
${configHelp()}
  previous          replaces what was carried: state, and of an answer cvl (V), ccl, dcl (A); timers and memories
                    t, tc, low, ch, dh (s), pf (V), integ, latch (V), susv
A name that is not known is told on standard error and has no effect.
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
