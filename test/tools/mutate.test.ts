// The mutants of the tool `mutate`: what it changes, that it leaves types and texts alone, and that a seed chooses the
// same ones again.
import assert from "node:assert/strict";
import { chosen, mutantsOf, mutated } from "../../tools/mutate/mutants";
import { seededRandom } from "../../tools/simulator/random";

const made = (text: string): string[] => mutantsOf("a.ts", text).map((mutant) => mutated(text, mutant));

describe("mutants", () => {
  const rows: [string, string, string[]][] = [
    ["a comparison", "const x = a < b;", ["const x = a <= b;"]],
    ["either side of a condition", "const x = a && b;", ["const x = a;", "const x = b;"]],
    ["a number", "const x = 3;", ["const x = 4;"]],
    ["a flag", "const x = true;", ["const x = false;"]],
    ["a bit", "const x = a | b;", ["const x = a & b;"]],
    ["a branch and a statement", "if (a) b();", ["if (!(a)) b();", "if (a) ;"]],
    ["an assignment and its sum", "a += b;", [";", "a -= b;"]],
    ["no text", 'const x = "a" + b;', []],
    ["no type", "type A = 1 | 2; interface B { a: 3; } let c: 4;", []],
    ["no import", 'import { a } from "./a";', []],
  ];
  for (const [name, text, wanted] of rows) it(name, () => assert.deepEqual(made(text), wanted));

  it("the same seed chooses the same, each at most once", () => {
    const all = Array.from({ length: 50 }, (_, i) => i),
      pick = (seed: number): number[] => chosen(all, 20, seededRandom(seed));
    assert.deepEqual(pick(1), pick(1));
    assert.notDeepEqual(pick(1), pick(2));
    assert.equal(new Set(pick(1)).size, 20);
    assert.deepEqual(
      chosen(all, 99, seededRandom(1)).sort((a, b) => a - b),
      all,
    );
  });
});
