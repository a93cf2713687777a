// Register messages of the groups that have no slots in the snapshot: statistics, versions, the serial number. The
// words are those of the last reply; what they mean stands in lines of the image's text (tools/bake/topics.ts).

import { textSlice } from "../kernel/text";
import { GROUPS_AT, GROUPS_END } from "./topics.baked";

/**
 * Address, words, kind (word, signed, unsigned of two words, float, bytes), divisor, decimals, suffix, members, names,
 * parts of a word.
 */
export interface GroupLine {
  a: number;
  w: number;
  k: "w" | "i" | "u" | "f" | "b";
  p?: number;
  d: number;
  t: string;
  m: string;
  e?: string;
  b?: { k: string; l: number; w: number; s?: number; e?: string }[];
}

/** Whether the message of a register carries text. */
export function isText(line: GroupLine): boolean {
  return line["k"] === "b" || !!line["e"];
}

/**
 * The name of a value in ",0:none,1:some,", null without one. (The interpreter finds a text whose begin is the end of
 * the list.)
 */
function nameOf(names: string | undefined, value: number): string | null {
  const at = names ? (names + ";").indexOf("," + value + ":") + 1 : 0;
  return names && at ? names.substring(names.indexOf(":", at) + 1, names.indexOf(",", at)) : null;
}

/** The parts of a word that mean something of their own. */
function partsText(parts: NonNullable<GroupLine["b"]>, word: number): string {
  return (
    ',"bits":{' +
    parts
      .map(function (part) {
        let value = (word >> part["l"]) & ((1 << part["w"]) - 1);
        if (part["s"] && value >> (part["w"] - 1)) value -= 1 << part["w"];
        const name = nameOf(part["e"], value);
        return `"${part["k"]}":` + (name === null ? value : `"${name}"`);
      })
      .join(",") +
    "}"
  );
}

function valueText(line: GroupLine, words: number[]): string {
  const word = words[0],
    kind = line["k"],
    raw = line["w"] === 2 ? word + words[1] * 65536 : word,
    signed = kind === "i" ? (word << 16) >> 16 : raw;
  const name = nameOf(line["e"], signed);
  let value = signed / (line["p"] || 1);
  if (kind === "b")
    return (
      ',"text":"' +
      words
        .map(function (one) {
          return (65536 + one).toString(16).substr(1).toUpperCase();
        })
        .join("") +
      '"'
    );
  if (kind === "f") value = new Float32Array(new Uint16Array(words).buffer)[0];
  return (
    `,"value":${value === value ? value.toFixed(line["d"]) : null},"raw":${raw}` +
    (name === null ? "" : `,"text":"${name}"`) +
    (line["b"] ? partsText(line["b"], word) : "")
  );
}

/**
 * The next register at or behind place `from` of the table that lies in `count` registers from `first` on: the place
 * behind it, its suffix, its payload, and whether that carries text ("" when there is none left). `tail` closes the
 * payload.
 */
export function groupMessage(
  words: ArrayLike<number>,
  first: number,
  count: number,
  from: number,
  tail: string,
): [number, string, string, boolean] {
  const text = textSlice(GROUPS_AT, GROUPS_END);
  let end = text.indexOf("\n", from);
  while (end >= 0) {
    const line = JSON.parse(text.substring(from, end)) as GroupLine,
      at = line["a"] - first,
      own: number[] = [];
    from = end + 1;
    if (at >= 0 && at + line["w"] <= count) {
      for (let i = 0; i < line["w"]; i++) own.push(words[at + i]);
      const all = own.length > 1 ? ',"words":' + JSON.stringify(own) : "";
      return [
        from,
        line["t"],
        `{"address":${line["a"]},` + line["m"] + valueText(line, own) + all + tail + 'ok"}',
        isText(line),
      ];
    }
    end = text.indexOf("\n", from);
  }
  return [-1, "", "", false];
}
