// JSON at the boundary in the interpreter, whose own parser takes far more: the same answers as in node, to every text.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { root } from "../../tools/build/board";
import type { Image } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { buildProject } from "../build/project";
import { once, randomTexts, twice } from "./json-texts";

const SEED = 20261129;
const texts = [...twice.map(([text]) => text), ...once, ...randomTexts(240, SEED), '{"__proto__":{"a":1}}'];

/** Texts to be quoted: of UTF-8, cut short, and of other bytes. */
const bytes = [
  "",
  "plain ~",
  'a"b\\c\n\x7f',
  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x8b",
  "a\xf0\x9f\x94",
  "\xed\xa0\x80",
  "\x80\xff]",
];

const literal = (value: string): string =>
  JSON.stringify(value).replace(/[\x7f-\xff]/g, (char) => "\\x" + char.charCodeAt(0).toString(16));

/** Prints what each text is: why it is refused, or its names and values as numbers of their characters. */
const program = (): string => `
import { parseObject, quote, quoteBytes } from "${root}firmware/kernel/json.cold";
function shown(value: unknown): string {
  if (typeof value === "string") {
    let out = "s";
    for (let i = 0; i < value.length; i++) out += "." + value.charCodeAt(i);
    return out;
  }
  if (typeof value !== "object" || value === null) return "" + value;
  return "(" + Object.keys(value).map(function (key) { return shown(key) + "=" + shown((value as Record<string, unknown>)[key]); }).join(",") + ")";
}
function say(text: string): void {
  const parsed = parseObject(text);
  print("~" + (parsed.value ? "takes " + shown(parsed.value) : parsed.reason));
}
${texts.map((text) => `say(${literal(text)});`).join("\n")}
for (const text of [${bytes.map(literal).join()}]) print("~" + shown(quote(text)) + " " + shown(quoteBytes(text)));
print("~end");
`;

describe("JSON in the interpreter", () => {
  let interpreter: string, image: Image;
  before(async function () {
    const found = findInterpreter();
    if (!found) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    interpreter = found;
    image = await buildProject({ "main.ts": program() });
  });

  it("takes and refuses what node does, names that stand twice among it", async () => {
    const lines: string[] = [],
      directory = temporaryDirectory();
    runInNewContext(image.code, { print: (line: string) => lines.push(line) });
    assert.equal(lines.length, texts.length + bytes.length + 1);
    assert.ok(lines.filter((line) => line.startsWith("~takes")).length > 60, "many are taken");
    assert.deepEqual(
      lines.slice(0, twice.length),
      twice.map(([, name]) => `~has the name ${name} twice`),
    );
    try {
      writeFileSync(join(directory.path, "script.js"), image.code, "latin1");
      const printed = await runScript({ interpreter }, directory.path, join(directory.path, "script.js"));
      assert.doesNotMatch(printed, /Uncaught|ERROR/);
      const said = printed
        .split("\n")
        .flatMap((line) => (line.includes("~") ? [line.slice(line.indexOf("~")).trimEnd()] : []));
      assert.deepEqual(said, lines);
    } finally {
      directory.remove();
    }
  });
});
