// The lint over firmware/ and the check of the built image, each fed with every construct that Espruino does not take.
import assert from "node:assert/strict";
import { ESLint } from "eslint";
import { root } from "../../tools/build/board";
import { checkImage } from "../../tools/build/check-image";
import { oneStatementALine } from "../../tools/build/lines";
import { constructs } from "./constructs";

const FREE = "let x = 1;\nlet g = function () {};\nlet a = [1];\nlet o = { x: 1 };\nlet s = '';\n";

/** Findings of the lint that concern the device, for a file of the firmware. */
async function lint(eslint: ESLint, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(FREE + code, { filePath: root + "firmware/drivers/sample.ts" });
  return result!.messages
    .filter(({ ruleId, fatal }) => fatal || ruleId === "no-restricted-syntax" || ruleId?.startsWith("espruino/"))
    .map(({ message }) => message);
}

/** Findings of the image check. What does not parse stays as it is. */
function image(code: string): string[] {
  try {
    return checkImage(oneStatementALine(FREE + code));
  } catch {
    return checkImage(FREE + code);
  }
}

describe("what the device does not take", () => {
  let eslint: ESLint;
  before(() => {
    eslint = new ESLint({ cwd: root });
  });

  for (const { name, bad, good } of constructs) {
    it(`${name}: refused by the lint`, async () => {
      for (const code of bad) assert.notDeepEqual(await lint(eslint, code), [], code);
      for (const code of good) assert.deepEqual(await lint(eslint, code), [], code);
    });
    it(`${name}: refused in the image`, () => {
      for (const code of bad) assert.notDeepEqual(image(code), [], code);
      for (const code of good) assert.deepEqual(image(code), [], code);
    });
  }

  it("takes no instruction to look away", async () => {
    const code = "// eslint-disable-next-line\ng(o?.x);";
    assert.notDeepEqual(await lint(eslint, code), []);
    assert.notDeepEqual(image(code), []);
  });

  async function findings(file: string, code: string): Promise<number> {
    const [result] = await eslint.lintText(code, { filePath: root + file });
    return result!.messages.length;
  }

  it("takes no local with the name of something around it", async () => {
    const code = "const a = 1;\nexport function f(b: number): number {\n  return b;\n}\nexport const c = a;\n";
    assert.deepEqual(
      [
        await findings("firmware/battery/sample.ts", code),
        await findings("firmware/battery/sample.ts", code.replace(/\bb\b/g, "a")),
      ],
      [0, 1],
    );
  });

  it("keeps Espruino's globals and the clock in drivers/", async () => {
    assert.equal(await findings("firmware/battery/sample.ts", "peek32(1);\n"), 1);
    assert.equal(await findings("firmware/main.ts", 'require("net");\n'), 1);
    assert.equal(await findings("firmware/drivers/sample.ts", "peek32(1);\n"), 0);
    assert.equal(await findings("firmware/drivers/sample.ts", "print(getTime());\n"), 1);
    assert.equal(await findings("firmware/drivers/natives.ts", "print(getTime());\n"), 0);
    assert.equal(await findings("firmware/battery/sample.ts", "export const now = Date.now();\n"), 1);
    assert.equal(await findings("firmware/battery/sample.ts", "export function f() { return this; }\n"), 1);
  });
});

describe("how the image is laid out", () => {
  const lineOf = (code: string): string[] => checkImage("function g(){}\n" + code);

  it("needs the semicolon after a bare return", () => {
    assert.notDeepEqual(lineOf("function f(a){\nif(a)return\ng();\n}"), []);
    assert.deepEqual(lineOf("function f(a){\nif(a)return;\ng()}"), []);
    assert.notDeepEqual(lineOf("function f(a){\nif(a){\ng();\nreturn}\ng()}"), []);
    assert.deepEqual(lineOf("function f(a){\nif(a){\ng();\nreturn;}\nreturn g()}"), []);
  });

  it("needs a semicolon wherever JavaScript would insert one", () => {
    for (const bad of [
      "let x=1,y=2\n++y;",
      "g()\n++g;",
      "for(;;){\nbreak\n}\nfor(;;)\nbreak\ng();",
      "throw 1\ng();",
      "let f=g\nf();",
    ])
      assert.notDeepEqual(lineOf(bad), [], bad);
    for (const good of [
      "let x=1,y=2;\n++y;",
      "for(let i=0;i<3;i++)g();",
      "for(const i of[1])g(i);",
      "do g();while(0);",
    ])
      assert.deepEqual(lineOf(good), [], good);
  });

  it("needs one statement a line, and ASCII", () => {
    assert.notDeepEqual(lineOf("g();g();"), []);
    assert.notDeepEqual(lineOf("g(function(){g()});"), []);
    assert.deepEqual(lineOf("g(function(){\ng()});"), []);
    assert.deepEqual(lineOf("if(g)g();else g(1);"), []);
    assert.notDeepEqual(lineOf("/*\u00e9*/\ng();"), []);
  });

  it("says where, and what stands there", () => {
    assert.deepEqual(checkImage("var o={};\nvar x=o?.y;"), ["2:7 ?. is not understood: var o={}; var x=o?.y;"]);
    assert.match(checkImage("var = 1")[0]!, /^1:5 Parsing error/);
  });
});
