// JSON at the boundary: the interpreter's own parser would take all of this.
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseObject, quote, quoteBytes } from "../../firmware/kernel/json.cold";
import { once, twice } from "./json-texts";

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const escaped = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => "\\u" + text.charCodeAt(i).toString(16).padStart(4, "0")).join("");

describe("parseObject", () => {
  it("takes numbers as JSON has them", () =>
    assert.deepEqual(parseObject('{"a":[0,-0.5,10.25,1e3,1E-2,2.5e+1]}').value, {
      a: [0, -0.5, 10.25, 1000, 0.01, 25],
    }));

  const refused: [string, string, RegExp][] = [
    ["trailing garbage", '{"a":1}x', /after/],
    ["a second object", '{"a":1}{}', /after/],
    ["a line comment", '{"a":1}//', /after/],
    ["a comment inside", '{/* c */"a":1}', /not JSON at \/\*/],
    ["a bare word", "{a:1}", /not JSON/],
    ["single quotes", "{'a':1}", /not JSON at 'a'/],
    ["an array", "[1]", /must be a JSON object/],
    ["a string", '"a"', /must be a JSON object/],
    ["nothing", "", /is empty/],
    ["blanks", " \n", /is empty/],
    ["cut short", '{"a":{"b":1}', /cut short/],
    ["a string without an end", '{"a":"b\\"}', /without an end/],
    ["a comma before the end", '{"a":1,}', /has a } too early/],
    ["a comma before the end of a list", '{"a":[1,]}', /has a \] too early/],
    ["a member without a value", '{"a":}', /has a } too early/],
    ["a comma too many", '{"a":1,,"b":2}', /not JSON at ,/],
    ["no comma", '{"a":1 "b":2}', /not JSON at "b"/],
    ["no colon", '{"a" 1}', /not JSON at 1/],
    ["a wrong bracket", '{"a":[1}', /bracket/],
    ["a number that begins with 0", '{"a":01}', /not JSON at 01/],
    ["a number that begins with +", '{"a":+1}', /not JSON at \+1/],
    ["a minus alone", '{"a":-}', /not JSON at -/],
    ["a number that ends with a point", '{"a":1.}', /not JSON at 1\./],
    ["an escape that JSON has not", '{"a":"\\x41"}', /bad escape in "\\x41"/],
    ["a short escape", '{"a":"\\u41"}', /bad escape/],
    ["a name that is the prototype", '{"__proto__":{"a":1}}', /has the name __proto__$/],
    ["too deep", '{"a":' + "[".repeat(9), /too deep/],
    ["a function call", '{"a":f()}', /not JSON at f\(/],
    ["a number that is none", '{"a":1e}', /not JSON/],
    ["undefined", '{"a":undefined}', /not JSON at undefined/],
  ];
  for (const [name, text, reason] of refused)
    it("refuses " + name, () => assert.match(parseObject(text).reason, reason));

  it("takes what JSON.parse takes", () => {
    const simple = fc.string({ unit: fc.constantFrom("a", "{", "}", "[", '"', "\\", "/", ",", ":", "n", "u", "\n") });
    fc.assert(
      fc.property(
        fc.dictionary(simple, fc.oneof(simple, fc.integer(), fc.boolean(), fc.constant(null), fc.array(simple))),
        (object) => {
          assert.deepEqual(parseObject(JSON.stringify(object, null, 1)), {
            value: JSON.parse(JSON.stringify(object)),
            reason: "",
          });
        },
      ),
    );
  });

  it("any text never throws, and what it takes is JSON", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\utrfalsen019 ex-.é') }), (text) => {
        const { value } = parseObject("{" + text);
        if (value)
          assert.doesNotThrow(() => {
            JSON.parse("{" + text);
          });
      }),
      { numRuns: 2000 },
    );
  });

  it("turns \\uXXXX into the bytes of UTF-8", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0x100, max: 0xd7ff }).map((code) => String.fromCharCode(code)) }),
        (text) => {
          assert.deepEqual(parseObject(`{"a":"${escaped(text)}"}`).value, { a: utf8(text) });
        },
      ),
    );
    assert.deepEqual(parseObject('{"a":"\\u0022\\u005c\\u0041\\u0007"}').value, { a: '"\\A\x07' });
    assert.deepEqual(parseObject('{"a":"\\\\u1234"}').value, { a: "\\u1234" }, "an escaped backslash is no escape");
  });

  it("two halves of a character become its four bytes, and a lone one stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const long = Array.from(text)
          .filter((one) => one.length > 1)
          .join("");
        assert.deepEqual(parseObject(`{"a":"${escaped(long)}"}`).value, { a: utf8(long) });
      }),
    );
    assert.equal((parseObject('{"a":"\\ud83dx"}').value!["a"] as string).length, 4);
  });

  it("\\u0080 to \\u00ff become two bytes too", () =>
    assert.deepEqual(parseObject('{"a":"caf\\u00e9"}').value, { a: utf8("café") }));

  it("a broken escape is refused", () => assert.match(parseObject('{"a":"\\uzzzz"}').reason, /bad escape/));

  it("refuses a name that stands twice in one object, at every depth and however it is spelled", () => {
    for (const [text, name] of twice) assert.equal(parseObject(text).reason, `has the name ${name} twice`, text);
    for (const text of once) assert.equal(parseObject(text).reason, "", text);
  });

  const bytes = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) });

  it("quoteBytes gives JSON back, bytes as they are", () => {
    fc.assert(fc.property(bytes, (text) => assert.equal(JSON.parse(quoteBytes(text)), text)));
  });

  it("quote gives UTF-8 as it is, and what is none as U+FFFD, wherever a text is cut", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true }),
      read = (text: string): string => JSON.parse(decoder.decode(Buffer.from(quote(text), "latin1"))) as string;
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(read(utf8(text)), text)));
    fc.assert(
      fc.property(bytes, (text) => {
        const plain = read(text);
        assert.ok(plain.length <= text.length);
      }),
    );
    for (const text of [
      "\u00e9",
      "\u20ac",
      "\u{1f50b}",
      "\ud7ff",
      "\ue000",
      "\u{10ffff}",
      "\u007f",
      "\u0080",
      "\u07ff",
    ]) {
      const whole = utf8(text);
      assert.equal(read(`a"${whole}\n`), `a"${text}\n`);
      for (let cut = 1; cut < whole.length; cut++) {
        assert.equal(read("a" + whole.slice(0, cut)), "a" + "\ufffd".repeat(cut), "its end is missing");
        assert.equal(read(whole.slice(cut) + "b"), "\ufffd".repeat(whole.length - cut) + "b", "its begin is missing");
      }
    }
    for (const bad of [
      "\xc0\x80",
      "\xc1\xbf",
      "\xe0\x9f\xbf",
      "\xed\xa0\x80",
      "\xf0\x8f\xbf\xbf",
      "\xf4\x90\x80\x80",
      "\xff",
    ])
      assert.equal(read(bad), "\ufffd".repeat(bad.length), Buffer.from(bad, "latin1").toString("hex"));
  });
});
