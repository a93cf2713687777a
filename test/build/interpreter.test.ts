// What the build makes does the same in the interpreter as in node: guards, cold modules, and every construct that is
// allowed.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { constructs } from "./constructs";
import { buildProject } from "./project";

/** What a script prints in the interpreter, lines that begin with "~" only. */
async function inInterpreter(interpreter: string, code: string): Promise<string[]> {
  const directory = temporaryDirectory();
  try {
    const script = join(directory.path, "script.js");
    writeFileSync(script, code, "latin1");
    const printed = await runScript({ interpreter }, directory.path, script);
    assert.doesNotMatch(printed, /Uncaught|ERROR/);
    return [...printed.matchAll(/~.*/g)].map(([line]) => line.trim());
  } finally {
    directory.remove();
  }
}

function inNode(code: string): string[] {
  const lines: string[] = [];
  runInNewContext(code, { print: (line: string) => lines.push(line) });
  return lines;
}

/** The ways in which a guard leaves a function, each followed by what must not run then. */
const guards = `
function say(text: string): void {
  print("~" + text);
}
function first(a: number): void {
  if (!a) return;
  say("first");
}
function inLoop(list: number[]): void {
  for (const x of list) {
    if (x === 2) return;
    say("loop " + x);
    if (x < 0) {
      say("negative");
      return;
    }
  }
  say("loop done");
}
function inSwitch(a: number): void {
  switch (a) {
    case 1: say("one"); return;
    case 2: say("two"); break;
    default: return;
  }
  say("after switch");
}
function whole(list: number[]): void {
  for (const x of list) if (x) return;
  say("all zero");
}
function inTry(a: number): void {
  try {
    if (a) return;
    say("tried");
  } finally {
    say("finally");
  }
  say("after try");
}
for (const a of [0, 1, 2]) {
  say("with " + a);
  first(a);
  inLoop([a, 1, a]);
  inLoop([-a]);
  inSwitch(a);
  whole([0, a]);
  inTry(a);
}
`;

describe("the build's code in the interpreter", () => {
  let interpreter: string;
  before(function () {
    const found = findInterpreter();
    if (!found) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    interpreter = found;
  });

  it("leaves a guarded function where node does", async () => {
    const { code } = await buildProject({ "main.ts": guards });
    assert.match(code, /return;/);
    const expected = inNode(code);
    assert.ok(expected.length > 20 && expected.length < 40, `${expected.length} lines`);
    assert.deepEqual(await inInterpreter(interpreter, code), expected);
  });

  it("runs cold modules as node does", async () => {
    const { code } = await buildProject({
      "main.ts":
        'import { outer, plain } from "./outer.cold";\nfor (let i = 0; i < 3; i++) {\n  print("~" + outer(i));\n  print("~" + plain(i));\n}\n',
      "outer.cold.ts":
        'import { inner } from "./inner.cold";\nconst NAMES = "a,b,c".split(",");\nfunction name(i: number): string {\n  return NAMES[i] + inner(i);\n}\n' +
        "export function plain(i: number): string {\n  return NAMES[i] + name(i);\n}\nexport function outer(i: number): string {\n  return plain(i) + name(0);\n}\n",
      "inner.cold.ts":
        "const STEP = 10;\nfunction times(x: number): number {\n  return x * STEP;\n}\nexport function inner(x: number): number {\n  return times(x) + times(1);\n}\n",
    });
    const expected = inNode(code);
    assert.equal(expected.length, 6);
    assert.deepEqual(await inInterpreter(interpreter, code), expected);
  });

  it("takes every construct that the checks let through", async () => {
    const loose = /require|Interval/; // modules and timers of the device are not what is tried here
    const samples = constructs.flatMap(({ good }) => good).filter((code) => !loose.test(code));
    const code = samples.map(
      (sample, i) =>
        `try{(function(){var x=1,g=function(){return 1},a=[1,2],o={x:1},s="a";\n${sample}\n})()}catch(e){print("~${i} "+e);}\n`,
    );
    const failed = await inInterpreter(interpreter, code.join("") + 'print("~end");\n');
    assert.deepEqual(
      failed.map((line) => samples[parseInt(line.slice(1))] ?? line),
      ["~end"],
    );
  });
});
