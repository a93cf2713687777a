// Cold functions in the comment at the image's head: each is found where the image looks for it, and works as before.
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { COLD_MARK } from "../../tools/build/cold";
import { farImage, farPlaces, withKeptFunctions } from "../../tools/build/far";
import { functionsOf } from "../../tools/build/sizes";

const OPEN = "/*~T~",
  CLOSE = "*/\n";
const image = (code: string, text = "a\nb\n"): string =>
  farImage(`!function () {\n${code}\n}();\n`, OPEN, text, CLOSE).toString();
const cold = (name: string, body: string, parameters = ""): string =>
  `function ${name}(${parameters}) { "${COLD_MARK}${name}"; ${body} }`;

/** What the image prints when it runs from its flash. */
function printed(code: string): unknown[] {
  const lines: unknown[] = [];
  const flash = { read: (name: string) => (name === ".bootcde" ? code : undefined) };
  runInNewContext(code, {
    print: (line: unknown) => lines.push(line),
    require: (name: string) => (name === "Storage" ? flash : undefined),
  });
  return lines;
}

describe("far", () => {
  it("makes a cold function from the text when it is called, in the image's scope", () => {
    const code = image(
      `let count = 1;\n${cold("add", "count += x; return count;", "x")}\nfunction hot() { return add(2); }\nprint(hot());\nprint(add(3));\nprint(count);`,
    );
    assert.deepEqual(printed(code), [3, 6, 6]);
  });

  it("may make each once, where memory is nothing", () => {
    const code = image(`let n = 0;\n${cold("add", "n += x; return n;", "x")}\nadd(1);\nprint(add === add, add(2));`);
    const kept = withKeptFunctions(code);
    assert.deepEqual([printed(code), printed(kept)], [[false], [true]]);
  });

  it("puts the text first, then the functions, into one comment", () => {
    const code = image(`${cold("one", "return 1;")}\n${cold("two", "return 2;")}\nprint(one() + two());`);
    const head = code.slice(0, code.indexOf(CLOSE));
    assert.ok(head.startsWith(`${OPEN}a\nb\n(function`), head);
    assert.deepEqual([head.split("(function").length - 1, code.slice(head.length).includes("return 2")], [2, false]);
    assert.deepEqual(printed(code), [3]);
  });

  it("finds each by its place, also those that call others, whatever is longer or shorter then", () => {
    const calls = ["b(x)", "c(x) + b(x)", "x"],
      names = ["a", "b", "c"];
    const functions = names.map((name, i) =>
      cold(name, `return "${name}" + (${i === 0 ? calls[0] : i === 1 ? "c(x)" : calls[2]});`, "x"),
    );
    const long = cold("a_name_that_is_longer_than_any_call_of_it_would_ever_be", `return a(${1}) + c(2) + c(3);`);
    const code = image(
      `${[...functions, long].join("\n")}\nprint(a_name_that_is_longer_than_any_call_of_it_would_ever_be());`,
    );
    assert.deepEqual(printed(code), ["abc1c2c3"]);
    const places = farPlaces(code);
    assert.equal(places.length, 4);
    for (const { at, length } of places)
      assert.match(code.slice(at, at + length), /^\(function ?\([a-z]*\) \{ "[^]*\}\)$/);
    assert.deepEqual(
      functionsOf(code)
        .filter((one) => one.cold)
        .map(({ name }) => name)
        .sort(),
      ["a", "a_name_that_is_longer_than_any_call_of_it_would_ever_be", "b", "c"],
    );
  });

  it("takes a function as a value too, and leaves properties of its name", () => {
    const code = image(`${cold("f", "return 4;")}\nconst o = { f: f };\nprint(o.f());\nprint([f].length);`);
    assert.deepEqual(printed(code), [4, 1]);
  });

  it("changes the length of nothing when the image is longer", () => {
    const code = image(`${cold("f", "return 5;")}\nprint(f());`, "x".repeat(20000));
    assert.deepEqual(printed(code), [5]);
  });

  it("refuses a text that would end the comment", () => {
    assert.throws(() => image(`${cold("f", 'return "*/";')}\nprint(f());`), /would end the comment/);
    assert.throws(() => image(`${cold("f", "return 1;")}\nprint(f());`, "a*/b"), /would end the comment/);
  });
});
