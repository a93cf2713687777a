// Cold modules: private parts move into each exported function that needs them, and what can't be moved is refused.
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { wrapCold } from "../../tools/build/cold";
import { buildProject } from "./project";

const squeeze = (code: string): string => code.replace(/\s+/g, " ").trim();
const wrapped = (code: string): string => squeeze(wrapCold(code).toString());

describe("a cold module", () => {
  it("has its private parts inside each exported function that needs them, in their order", () => {
    const code = `import { hot } from "./hot";
      const LIMIT = 3;
      function inner(x) { return hot(x) + LIMIT; }
      function outer(x) { return inner(x) * 2; }
      const UNUSED = make();
      export function a(x) { return outer(x); }
      export function b(x) { return a(x) + LIMIT; }
      export function c(x) { return x.LIMIT; }`;
    assert.equal(
      wrapped(code),
      squeeze(`import { hot } from "./hot";
      export function a(x) { "~a"; const LIMIT = 3; function inner(x) { return hot(x) + LIMIT; } function outer(x) { return inner(x) * 2; } return outer(x); }
      export function b(x) { "~b"; const LIMIT = 3; return a(x) + LIMIT; }
      export function c(x) { "~c"; return x.LIMIT; }`),
    );
  });

  it("may leave an empty export behind, as TypeScript does of types", () => {
    assert.equal(
      wrapped("export function a() { return 1; }\nexport {};"),
      'export function a() { "~a"; return 1; } export {};',
    );
  });

  const refusedModules: [string, string, RegExp][] = [
    ["state", "let count = 0;\nexport function a() { return ++count; }", /module state \(let count\)/],
    ["an exported constant", "export const a = 1;", /exports a, which is not a function declaration/],
    ["an exported arrow function", "export const a = () => 1;", /exports a, which/],
    ["an exported class", "export class A {}", /exports A, which/],
    ["a default export", "export default function a() {}", /default export/],
    ["an export list", "function a() {}\nexport { a };", /an export list/],
    ["a passing on", 'export * from "./b";', /export \*/],
    ["code of its own", "export function a() {}\na();", /a statement of its own \(ExpressionStatement\)/],
    ["nothing", "const a = 1;", /exports no function/],
    [
      "a name that is a parameter too",
      "const x = 1;\nfunction f() { return x; }\nexport function a(x) { return f() + x; }",
      /x: also a parameter or local of a/,
    ],
    [
      "a name that is a local too",
      "function f() { return 1; }\nfunction g() { return f(); }\nexport function a() { const f = g(); return f; }",
      /f: also a parameter or local of a/,
    ],
  ];
  for (const [name, code, reason] of refusedModules) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => wrapCold(code), reason);
    });
  }
});

describe("a cold module in the image", () => {
  it("leaves only its exported functions at the top level, and each has only what it uses", async () => {
    const { code, functions } = await buildProject({
      "main.ts":
        'import { first, second } from "./parts.cold";\nfor (let i = 0; i < 2; i++) print(first(i) + second(i));\n',
      "hot.ts": '/** Hot. */\nexport function hot(x: number): string {\n  return x ? "hot" + x : "cool";\n}\n',
      "parts.cold.ts":
        'import { hot } from "./hot";\nconst NAMES = "a,b".split(",");\n' +
        'function name(i: number): string {\n  return NAMES[i] + hot(i);\n}\nfunction only(i: number): string {\n  let text = "";\n  for (let j = 0; j <= i; j++) text += "only" + hot(j);\n  return text;\n}\n' +
        "export function first(i: number): string {\n  return name(i) + name(1 - i);\n}\n" +
        "export function second(i: number): string {\n  return first(i) + only(i) + only(0);\n}\n",
    });
    const lines: unknown[] = [];
    runInNewContext(code, { print: (line: unknown) => lines.push(line) });
    assert.deepEqual(lines, ["acoolbhot1acoolbhot1onlycoolonlycool", "bhot1acoolbhot1acoolonlycoolonlyhot1onlycool"]);
    assert.deepEqual(
      functions
        .filter(({ cold }) => cold)
        .map(({ name }) => name)
        .sort(),
      ["first", "second"],
    );
    assert.equal(functions.length, 3);
    assert.equal(code.split('"only"').length, 2, "once: only in second");
    assert.equal(code.split('"a,b"').length, 2, "once: only in first");
  });

  it("calls those of another cold module, each of which stands in the image once", async () => {
    const { code, functions } = await buildProject({
      "main.ts": 'import { outer } from "./outer.cold";\nouter(1);\nouter(2);\n',
      "outer.cold.ts":
        'import { inner } from "./inner.cold";\nexport function outer(x: number): void {\n  print(inner(x) + inner(x + 1));\n}\n',
      "inner.cold.ts":
        "const STEP = 10;\nfunction times(x: number): number {\n  let sum = 0;\n  for (let i = 0; i < x; i++) sum += STEP;\n  return sum;\n}\n" +
        "export function inner(x: number): number {\n  return times(x) + times(1);\n}\n",
    });
    assert.deepEqual(functions.map(({ name, cold }) => [name, cold]).sort(), [
      ["inner", true],
      ["outer", true],
    ]);
    const lines: unknown[] = [];
    runInNewContext(code, { print: (line: unknown) => lines.push(line) });
    assert.deepEqual(lines, [50, 70]);
  });

  it("loses nested functions that nothing calls", async () => {
    const { code } = await buildProject({
      "main.ts": 'import { run } from "./a.cold";\nrun(1);\nrun(2);\n',
      "a.cold.ts":
        'function spare(): void {\n  print("spare");\n}\nfunction user(): void {\n  spare();\n}\nexport function run(x: number): void {\n  if (x < 0 && x > 0) user();\n  if (false as boolean) user();\n  print(x);\n}\n'.replace(
          "x < 0 && x > 0",
          "false",
        ),
    });
    assert.ok(!code.includes("spare"), code);
  });
});
