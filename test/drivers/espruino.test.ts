// Which Espruino is known, which warns, and what is taken for granted of each; and that the table for people has the
// same rows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { root } from "../../tools/build/board";
import { interpreterOf, versionRows } from "../../firmware/drivers/espruino.cold";

const facts = (version: string): string => {
  const { warning, uart, names, quiet } = interpreterOf(version);
  return `${warning || "known"}: ${[uart && "uart", names && "names", quiet && "quiet"].filter(Boolean).join(" ")}`;
};

describe("the table of Espruino's versions", () => {
  const expected: [version: string, facts: string][] = [
    ["2v26", "known: "],
    ["2v26.45", "known: "],
    ["2v27", "known: "],
    ["2v27.45", "known: "],
    ["2v28.3", "known: "],
    ["2v29", "known: "],
    ["2v29.1", "known: "],
    ["2v29.2", "known: names"],
    ["2v29.95", "known: names"],
    ["2v29.96", "known: uart names"],
    ["2v29.271", "known: uart names quiet"],
    ["2v29.277", "known: uart names quiet"],
    ["2v29.278", "is newer than any that was tried: uart names quiet"],
    ["2v30", "is newer than any that was tried: uart names quiet"],
    ["3v00.1", "is newer than any that was tried: uart names quiet"],
    ["2v25", "is too old: take 2v26 or newer: "],
    ["2v08.200", "is too old: take 2v26 or newer: "],
    ["1v99", "is too old: take 2v26 or newer: "],
    ["", "is unknown: take 2v26 or newer: "],
    ["nightly", "is unknown: take 2v26 or newer: "],
  ];
  for (const [version, text] of expected)
    it(`${version || "(nothing)"} ${text}`, () => {
      assert.equal(facts(version), text);
    });

  it("has the rows that boards/README.md shows to people", () => {
    const shown = readFileSync(root + "boards/README.md", "utf8");
    assert.deepEqual(
      [...shown.matchAll(/^\| 2v(\d+) \|/gm)].map(([, release]) => Number(release)),
      versionRows().map(({ release }) => release),
    );
    const newest = versionRows().at(-1)!,
      line = shown.split("\n").find((text) => text.startsWith(`| 2v${newest.release} |`))!;
    for (const build of [newest.uart, newest.names, newest.quiet, newest.known])
      assert.ok(line.includes(`2v${newest.release}.${build}`), `2v${newest.release}.${build}`);
  });
});
