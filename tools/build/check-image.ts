// The last step of the build: is this image something that the device's interpreter can run, and reads as JavaScript
// does?
import { parse } from "acorn";
import { Linter } from "eslint";
import { statementLists } from "./lines";
import { refused } from "./refused";
import { espruino } from "./rules";

const rules = Object.fromEntries(Object.keys(espruino.rules).map((name) => ["espruino/" + name, "error" as const]));

const config: Linter.Config = {
  plugins: { espruino },
  languageOptions: { ecmaVersion: 2022, sourceType: "script" },
  linterOptions: { noInlineConfig: true },
  rules: { ...rules, "no-restricted-syntax": ["error", ...refused] },
};

/** What stands around an offset, for a person. */
function excerpt(code: string, offset: number): string {
  return code.slice(Math.max(0, offset - 20), offset + 40).replaceAll("\n", " ");
}

/** Statements that do not begin a line. */
function notALine(code: string): number[] {
  const starts = statementLists(parse(code, { ecmaVersion: 2022 }))
    .flat()
    .map(({ start }) => start);
  return starts.filter((start) => start > 0 && code[start - 1] !== "\n");
}

/** Why the image `code` can't run on the device, one line a finding; empty when it can. */
export function checkImage(code: string): string[] {
  const lineStarts = [0, ...[...code.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const say = (line: number, column: number, why: string): string =>
    `${line}:${column} ${why}: ${excerpt(code, lineStarts[line - 1]! + column - 1)}`;
  const findings = new Linter().verify(code, [config]).map(({ line, column, message }) => say(line, column, message));
  if (findings.some((finding) => finding.includes("Parsing error"))) return findings;
  const foreign = /[^\n\x09\x20-\x7e]/.exec(code);
  if (foreign) findings.push(`not ASCII: ${excerpt(code, foreign.index)}`);
  return [...findings, ...notALine(code).map((start) => `two statements in a line: ${excerpt(code, start)}`)];
}
