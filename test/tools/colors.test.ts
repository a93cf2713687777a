import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

/** What a host tool writes into a pipe for a word in red, with these variables beside PATH. */
function piped(environment: Record<string, string>): string {
  const program = 'import("./tools/colors.ts").then((colors) => process.stdout.write(colors.default.red("bad")));';
  return execFileSync(process.execPath, ["--import", "tsx", "-e", program], {
    cwd: new URL("../..", import.meta.url),
    env: { PATH: process.env.PATH, ...environment },
    encoding: "utf8",
  });
}

describe("colours of the host tools in a pipe", () => {
  const RED = "\x1b[31mbad\x1b[39m";
  const cases: [Record<string, string>, string][] = [
    [{}, "bad"],
    [{ CI: "true" }, "bad"],
    [{ FORCE_COLOR: "1" }, RED],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, "bad"],
  ];
  for (const [environment, text] of cases)
    it(`${JSON.stringify(environment)}: ${JSON.stringify(text)}`, () => assert.equal(piped(environment), text));
});
