// One line a setting in the image's text: where its bits lie in registers 300..343, and what it may be.
// Enepaq "TinyBMS Communication Protocols" Rev D, 3.4; baked from battery/registers.ts.
import { textSlice } from "../kernel/text";
import { SETTING_LINES_AT, SETTING_LINES_END } from "./setting-lines.baked";

/** Offset from 300, lowest bit, width (32: two words), signed, raw value a unit, raw range, names (",0:fet,1:aido1,"). */
export interface SettingLine {
  "k": string; "r": number; "l": number; "w": number; "s"?: 1; "p": number; "a": number; "b": number; "u": string;
  /** The raw word for "no value": an input of the unit, no state of it. */
  "n"?: number;
  "e"?: string;
}

/** Call `visit` with each line, in the order of the registers. */
export function eachSetting(visit: (line: SettingLine) => void): void {
  const text = textSlice(SETTING_LINES_AT, SETTING_LINES_END);
  let at = 0, end = text.indexOf("\n");
  while (end > 0) {
    visit(JSON.parse(text.substring(at, end)) as SettingLine);
    at = end + 1;
    end = text.indexOf("\n", at);
  }
}

/** The raw number that a setting has in the words of 300..343. */
export function rawSetting(words: Uint16Array, line: SettingLine): number {
  const word = words[line["r"]], width = line["w"];
  if (width === 32) return word + words[line["r"] + 1] * 65536;
  const raw = word >> line["l"] & (1 << width) - 1;
  return line["s"] ? raw << 16 >> 16 : raw;
}
