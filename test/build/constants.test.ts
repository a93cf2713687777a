// Named numbers as numbers: where the name means the number, and nowhere else.
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { inlineConstants } from "../../tools/build/constants";

/** Statements of the image -> the same with numbers inside; declarations of the numbers stay. */
const cases: [string, string, string][] = [
  ["a number", "const A = 3; print(A);", "const A = 3; print(3);"],
  ["a negative number", "const A = -3; print(5 -A);", "const A = -3; print(5 -(-3));"],
  [
    "what numbers make",
    "const A = 3, B = A * 2 + 1, C = (B - 1) / A; print(B, C);",
    "const A = 3, B = 3 * 2 + 1, C = (7 - 1) / 3; print(7, 2);",
  ],
  [
    "inside functions, however deep",
    "const A = 3; function f() { return () => A; } print(f()());",
    "const A = 3; function f() { return () => 3; } print(f()());",
  ],
  ["a shorthand property", "const A = 3; print({ A });", "const A = 3; print({ A: 3 });"],
  [
    "not a name of a property",
    "const A = 3, o = { A: 1 }; o.A++; print(o.A, o);",
    "const A = 3, o = { A: 1 }; o.A++; print(o.A, o);",
  ],
  ["an index", "const A = 1, o = [5, 6]; print(o[A]);", "const A = 1, o = [5, 6]; print(o[1]);"],
  ["not a variable", "let a = 3; a++; print(a);", "let a = 3; a++; print(a);"],
  [
    "not a text, nor what is known only at run time",
    'const A = "3", B = print(1), C = B + 1; print(A, C);',
    'const A = "3", B = print(1), C = B + 1; print(A, C);',
  ],
  ["not a number that is longer than its name is slow", "const A = 1 / 3; print(A);", "const A = 1 / 3; print(A);"],
  [
    "not a constant of a function",
    "function f() { const A = 3; return A; } print(f());",
    "function f() { const A = 3; return A; } print(f());",
  ],
];

/**
 * Another thing of the same name: `A` of the module is 3 and is used beside it, but not in the same statement of the
 * module.
 */
const shadows: [string, string][] = [
  ["a parameter", "function f(A) { return A; } print(f(7));"],
  ["a parameter of an arrow function", "print([7].map((A) => A));"],
  ["a constant of a function", "function f() { const A = 7; return A; } print(f());"],
  [
    "a constant of an inner function",
    "function f() { function g() { const A = 7; return A; } return g(); } print(f());",
  ],
  ["a variable of a block", "if (x) { let A = 7; A++; print(A); }"],
  ["a variable of a loop", "for (let A = 7; A < 9; A++) print(A);"],
  ["an inner function", "function f() { function A() { return 7; } return A(); } print(f());"],
  ["what was caught", "try { boom(); } catch (A) { print(A.message.length > 0); }"],
  ["a named function expression", "print((function A() { return typeof A; })());"],
  ["a parameter of a function in a value", "const f = function (A) { return A; }; print(f(7));"],
];

function printed(code: string): unknown[] {
  const lines: unknown[][] = [];
  runInNewContext(code, { x: 1, print: (...line: unknown[]) => lines.push(line) });
  return JSON.parse(JSON.stringify(lines)) as unknown[];
}

const around = (code: string): string => `!function () { ${code} }();`;
const inlined = (code: string): string => inlineConstants(around(code)).toString();

describe("constants", () => {
  for (const [name, code, expected] of cases) {
    it(name, () => {
      assert.equal(inlined(code), around(expected));
      assert.deepEqual(printed(around(expected)), printed(around(code)));
    });
  }

  for (const [name, code] of shadows) {
    it(`leaves ${name} of the same name`, () => {
      const whole = (a: string): string => `const A = 3; print(${a}); ${code}`;
      assert.equal(inlined(whole("A")), around(whole("3")));
      assert.deepEqual(printed(inlined(whole("A"))), printed(around(whole("A"))));
    });
  }

  it("leaves all of a statement of the module in which the name has two meanings", () => {
    const code = "const A = 3; function f(x) { return x ? A : (function (A) { return A; })(7); } print(f(0), f(1), A);";
    assert.equal(inlined(code), around(code.replace("f(1), A", "f(1), 3")));
    assert.deepEqual(printed(inlined(code)), [[7, 3, 3]]);
  });
});
