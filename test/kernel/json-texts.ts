// JSON texts for node and the interpreter: objects with a name twice, and others that only look so.
import { seededRandom } from "../../tools/simulator/random";

const nested = (text: string, depth: number): string => '{"o":'.repeat(depth) + text + "}".repeat(depth);

/** Texts, and the name that stands twice in one of their objects. */
export const twice: [text: string, name: string][] = [
  ['{"a":1,"a":2}', "a"],
  ['{"a":1,"b":2,"a":1}', "a"],
  ['{"can/limits":{"cclMax":10},"can/limits":{"dclMax":20}}', "can/limits"],
  ['{"cmd":"can.limits.override","args":{"ccl":50,"ttl_s":60,"ccl":5}}', "ccl"],
  ['{"a":[{"b":1},{"c":1,"c":null}]}', "c"],
  ['{"ccl":1,"\\u0063cl":2}', "ccl"],
  ['{"\\u0063\\u0063\\u006C":1,"\\u0063\\u0063\\u006c":2}', "ccl"],
  ['{"a/b":1,"a\\/b":2}', "a/b"],
  ['{"caf\\u00e9":1,"caf\xc3\xa9":2}', "caf\xc3\xa9"],
  ['{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}', "\xf0\x9f\x98\x80"],
  ['{"":1,"":2}', ""],
  ['{"1":1,"1":2}', "1"],
  ...[1, 3, 5, 6].map((depth): [string, string] => [nested('{"x":1,"y":{},"x":[]}', depth), "x"]),
];

/** Texts in which no name stands twice in one object. */
export const once: string[] = [
  '{"a":{"a":{"a":1}},"b":{"a":1}}',
  '{"a":[{"b":1},{"b":1}],"b":["a","a"]}',
  '{"a":"a","A":"a"}',
  '{"a":1,"a ":2,"\\u0000a":3}',
  '{"a\\"":1,"a":2,"a\\\\":3}',
  '{"constructor":1,"toString":2,"length":3}',
  nested('{"x":1,"y":{"x":2}}', 6),
];

/** Texts made of pieces that JSON has and pieces that it has not: what one reader takes another must not refuse. */
export function randomTexts(count: number, seed: number): string[] {
  const pieces =
    '{ } [ ] : , " "a" "b" "\\u0061" "\\x" 0 01 1 -1 -0.5 1e3 1. .5 + - true nul null false tru a // \\ 1e'.split(" ");
  const random = seededRandom(seed);
  const pick = <T>(list: T[]): T => list[Math.floor(random() * list.length)]!;
  const value = (depth: number): string => {
    if (depth > 2 || random() < 0.5)
      return pick(["0", "-1.5e2", "true", "null", '"a"', '"\\n\\u00e9"', '""', pick(pieces)]);
    const many = Array.from({ length: Math.floor(random() * 3) }, () => value(depth + 1));
    if (random() < 0.5) return `[${many.join(",")}]`;
    return `{${many.map((one) => `${pick(['"a"', '"b"', '"c"', '"\\u0061"'])}:${one}`).join(",")}}`;
  };
  return Array.from({ length: count }, (_, i) =>
    i % 2
      ? "{" + Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(pieces)).join("") + pick(["}", ""])
      : `{"x":${value(0)},"y":${value(0)}}`,
  );
}
