// JSON at the boundary: the interpreter's own parser would take all of this.
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseObject } from "../../firmware/kernel/json.cold";
import { quote } from "../../firmware/kernel/quote.cold";

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const escaped = (text: string): string => Array.from({ length: text.length }, (_, i) => "\\u" + text.charCodeAt(i).toString(16).padStart(4, "0")).join("");

describe("parseObject", () => {
  const refused: [string, string, RegExp][] = [
    ["trailing garbage", '{"a":1}x', /after/], ["a second object", '{"a":1}{}', /after/], ["a line comment", '{"a":1}//', /after/],
    ["a comment inside", '{/* c */"a":1}', /character/], ["a bare word", "{a:1}", /not JSON/], ["single quotes", "{'a':1}", /character/],
    ["an array", "[1]", /must be a JSON object/], ["a string", '"a"', /must be a JSON object/], ["nothing", "", /is empty/], ["blanks", " \n", /is empty/],
    ["cut short", '{"a":{"b":1}', /cut short/], ["a string without an end", '{"a":"b\\"}', /without an end/], ["a comma before the end", '{"a":1,}', /comma/],
    ["a wrong bracket", '{"a":[1}', /bracket/], ["too deep", '{"a":' + "[".repeat(9), /too deep/], ["a function call", '{"a":f()}', /character/],
    ["a number that is none", '{"a":1e}', /not JSON/], ["undefined", '{"a":undefined}', /character/],
  ];
  for (const [name, text, reason] of refused) it("refuses " + name, () => assert.match(parseObject(text).reason, reason));

  it("takes what JSON.parse takes", () => {
    const simple = fc.string({ unit: fc.constantFrom("a", "{", "}", "[", '"', "\\", "/", ",", ":", "n", "u", "\n") });
    fc.assert(fc.property(fc.dictionary(simple, fc.oneof(simple, fc.integer(), fc.boolean(), fc.constant(null), fc.array(simple))), (object) => {
      assert.deepEqual(parseObject(JSON.stringify(object, null, 1)), { value: JSON.parse(JSON.stringify(object)), reason: "" });
    }));
  });

  it("any text never throws, and what it takes is JSON", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."{}[]\":,\\utrfalsen019 ex-.é") }), (text) => {
      const { value } = parseObject("{" + text);
      if (value) assert.doesNotThrow(() => { JSON.parse("{" + text); });
    }), { numRuns: 2000 });
  });

  it("turns \\uXXXX into the bytes of UTF-8", () => {
    fc.assert(fc.property(fc.string({ unit: fc.integer({ min: 0x100, max: 0xd7ff }).map((code) => String.fromCharCode(code)) }), (text) => {
      assert.deepEqual(parseObject(`{"a":"${escaped(text)}"}`).value, { a: utf8(text) });
    }));
    assert.deepEqual(parseObject('{"a":"\\u0022\\u005c\\u0041\\u0007"}').value, { a: '"\\A\x07' });
    assert.deepEqual(parseObject('{"a":"\\\\u1234"}').value, { a: "\\u1234" }, "an escaped backslash is no escape");
  });

  it("two halves of a character become its four bytes, and a lone one stays as it is", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      const long = Array.from(text).filter((one) => one.length > 1).join("");
      assert.deepEqual(parseObject(`{"a":"${escaped(long)}"}`).value, { a: utf8(long) });
    }));
    assert.equal((parseObject('{"a":"\\ud83dx"}').value!["a"] as string).length, 4);
  });

  it("\\u0080 to \\u00ff become two bytes too", () => assert.deepEqual(parseObject('{"a":"caf\\u00e9"}').value, { a: utf8("café") }));

  it("a broken escape is refused", () => assert.equal(parseObject('{"a":"\\uzzzz"}').reason, "is not JSON"));

  it("quote gives JSON back, bytes as they are", () => {
    fc.assert(fc.property(fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) }), (text) => assert.equal(JSON.parse(quote(text)), text)));
  });
});
