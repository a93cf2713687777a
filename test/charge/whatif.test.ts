// The tool whatif as a program: lines in, lines out, what is carried, bad lines.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { root } from "../../tools/build/board";
import { configHelp } from "../../tools/charge/config";
import { cellsAt } from "../fixtures/charge";

type Answer = Record<string, unknown>;

function whatif(lines: unknown[]): { status: number | null; answers: Answer[]; stderr: string } {
  const input = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n") + "\n";
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "tools/whatif.ts"], {
    cwd: root,
    encoding: "utf8",
    input,
  });
  return {
    status,
    answers: stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Answer),
    stderr,
  };
}

const near = { cells: cellsAt(3.44), current: 50, soc: 92 };

describe("whatif", () => {
  it("prints one line each and carries the state", () => {
    const { status, answers } = whatif([...new Array(9).fill(near), "", near]);
    assert.equal(status, 0);
    assert.deepEqual(
      answers.map(({ state }) => state),
      [...new Array(9).fill("BULK"), "ABS"],
    );
    assert.deepEqual(answers[0], { state: "BULK", cvl: 55.2, ccl: 135, dcl: 180, reason: "bms_max" });
  });

  it("previous and config replace what was carried, and stay", () => {
    const { answers } = whatif([
      { ...near, previous: { state: "ABS", t: 10, cvl: 54, ccl: 50, dcl: 60 }, config: { r318: 100 } },
      near,
      { ...near, previous: {} },
      { ...near, config: {} },
      { cells: cellsAt(3.3, 3.3, 8), soc: 50, previous: {} },
    ]);
    assert.deepEqual(
      answers.map(({ state, ccl }) => [state, ccl]),
      [
        ["ABS", 50],
        ["ABS", 50],
        ["BULK", 90],
        ["BULK", 90],
        ["BULK", 135],
      ],
    );
    assert.equal(answers[4].cvl, 27.6);
  });

  it("previous as after lost data: the ramps begin at once", () => {
    const { answers } = whatif(
      ["LOST", "SILENT"].map((state) => ({ cells: cellsAt(3.3), soc: 50, previous: { state } })),
    );
    for (const answer of answers)
      assert.deepEqual(answer, { state: "BULK", cvl: 52.8, ccl: 2.7, dcl: 3.6, reason: "recovering" });
  });

  it("a bad line is told, changes nothing, and makes the exit status 1", () => {
    const bad: [unknown, RegExp][] = [
      ["{", /not JSON/],
      ["[1]", /not an object/],
      [{}, /cells/],
      [{ cells: [3.3, 3.3, 3.3] }, /cells/],
      [{ cells: new Array(17).fill(3.3) }, /cells/],
      [{ cells: ["3.3", 3.3, 3.3, 3.3] }, /cells\[0\]/],
      [{ cells: [3300, 3300, 3300, 3300] }, /cells\[0\]/],
      [{ ...near, current: "5" }, /current/],
      [{ ...near, soc: 101 }, /soc/],
      [{ ...near, status: "charging" }, /status/],
      [{ ...near, faults: 3 }, /faults/],
      [{ ...near, faults: ["x"] }, /faults\[0\]/],
      [{ ...near, dt: -1 }, /dt/],
      [{ ...near, age: null }, /age/],
      [{ ...near, config: 5 }, /config/],
      [{ ...near, config: { N: 15 } }, /config\.N/],
      [{ ...near, config: { r318: "150" } }, /config\.r318/],
      [
        {
          ...near,
          config: {
            t_chg: [
              [5, 1],
              [4, 0],
            ],
          },
        },
        /config\.t_chg/,
      ],
      [{ ...near, previous: { state: "FULL" } }, /previous\.state/],
      [{ ...near, previous: { cvl: "x" } }, /previous\.cvl/],
    ];
    const { status, answers, stderr } = whatif([near, ...bad.map(([line]) => line), ...new Array(9).fill(near)]);
    assert.equal(status, 1);
    assert.equal(stderr, "");
    bad.forEach(([line, reason], i) => {
      assert.deepEqual(Object.keys(answers[i + 1]), ["error"], JSON.stringify(line));
      assert.match(answers[i + 1]["error"] as string, reason);
    });
    assert.equal(answers.at(-1)!["state"], "ABS", "the tenth good line");
  });

  it("numbers or hex text, names it does not know on standard error", () => {
    const { status, answers, stderr } = whatif([
      { ...near, status: "9b", faults: ["03"] },
      { ...near, status: 155, faults: [3], config: { colour: 1 } },
    ]);
    assert.equal(status, 0);
    assert.deepEqual(
      answers.map(({ state }) => state),
      ["BULK/CHG_BLOCK", "BULK/CHG_BLOCK"],
    );
    assert.match(stderr, /config\.colour is not known/);
  });

  it("--help says of each name what it is in", () => {
    for (const line of configHelp().split("\n")) assert.match(line, /^ {4}\S+( \S+)? +\S/, line);
  });

  it("takes any age, and tells names of a line and of previous that it does not know", () => {
    const { status, answers, stderr } = whatif([
      { ...near, age: 1e7, curent: 5, previous: { state: "BULK", reason: "bulk", ct: 1 } },
    ]);
    assert.deepEqual([status, answers[0]["state"]], [0, "SILENT"]);
    assert.deepEqual(stderr.trim().split("\n"), [
      "curent is not known and has no effect",
      "previous.ct is not known and has no effect",
    ]);
  });
});
