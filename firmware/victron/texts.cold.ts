// The texts of the slow CAN frames, 8 bytes each in the order of the frame table: manufacturer, serial number (two),
// family, name (two). Victron "CAN-bus BMS Protocol" (2021): 7-bit ASCII, filled up with zeros; a text that begins with
// 0 is not sent.

import { TEXTS } from "./frames.baked";

const NOTHING = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
  WIDTH = 8;

/** At most `length` characters, each that is no ASCII as "?", then zeros. */
export function padded(text: string, length: number): string {
  let out = "",
    i = 0;
  for (; i < length && i < text.length; i++) out += text[i] >= " " && text[i] <= "~" ? text[i] : "?";
  return (out + NOTHING).substr(0, length);
}

/**
 * All six from the settings. A name of more than 8 characters is sent, and its beginning stands for the manufacturer
 * too: both must be the same; a shorter one stands for the manufacturer alone.
 */
export function settingTexts(manufacturer: string, name: string): string {
  return (
    padded(name || manufacturer, WIDTH) +
    NOTHING +
    padded("", WIDTH) +
    padded(name.length > WIDTH ? name : "", 2 * WIDTH)
  );
}

/** The three that the battery gives: 16 digits of the serial number, and chemistry with the number of cells. */
export function batteryTexts(serial: string, chemistry: string, cells: number): string {
  return padded(serial, 2 * WIDTH) + padded(cells ? chemistry + cells + "S" : "", WIDTH);
}

// The frames whose bytes are texts: names, serial number, family.

/**
 * The bytes of a text frame by its row, undefined without a text; `texts` holds 8 bytes a frame, a 0 first where there
 * is none.
 */
export function textFrame(texts: Uint8Array, row: number): Uint8Array | undefined {
  const at = row * 8 - TEXTS * 8;
  return texts[at] ? texts.subarray(at, at + 8) : undefined;
}
