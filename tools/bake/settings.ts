// The settings one by one, as people know them: a register that several share is one entry a field. Baked into the
// image's text (firmware/bms/settings.cold.ts reads it), and used by the host tools as it is.
import { registers, type Register } from "../../firmware/tables/registers";

/** First register of the settings. */
export const SETTINGS_FIRST = 300;

/** One setting. `input`: the raw word for "no value", of settings that the unit takes over and forgets. */
export interface Setting {
  key: string;
  label: string;
  unit: string;
  register: number;
  lsb: number;
  width: number;
  signed: boolean;
  per: number;
  digits: number;
  min: number;
  max: number;
  input?: number;
  enum?: Record<number, string>;
  factory?: number;
  note?: string;
}

function whole(row: Register): Setting {
  const width = row.words === 2 ? 32 : row.type === "u8" ? 8 : 16,
    signed = row.type === "i16";
  return {
    key: row.key,
    label: row.label,
    unit: row.unit,
    register: row.at ?? 0,
    lsb: 0,
    width,
    signed,
    per: row.per ?? 1,
    digits: row.digits ?? 0,
    min: row.min ?? 0,
    max: row.max ?? (width === 32 ? 0xffffffff : signed ? 0x7fff : 2 ** width - 1),
    input: row.invalid,
    enum: row.enum,
    factory: row.factory,
    note: row.note,
  };
}

/** The fields of a shared register; reserved bits are no setting. */
function parts(row: Register): Setting[] {
  return (row.bits ?? [])
    .filter(({ key }) => key !== "reserved")
    .map((bits) => ({
      key: bits.key,
      label: `${row.label}: ${bits.key.replaceAll("_", " ")}`,
      unit: bits.unit ?? "",
      register: row.at ?? 0,
      lsb: bits.lsb,
      width: bits.width,
      signed: false,
      per: 1,
      digits: 0,
      min: bits.min ?? 0,
      max: bits.max ?? 2 ** bits.width - 1,
      enum: bits.enum,
      factory: row.factory === undefined ? undefined : (row.factory >> bits.lsb) & (2 ** bits.width - 1),
    }));
}

/** Every writable setting, in the order of the registers. */
export const settings: Setting[] = registers
  .filter(({ write }) => write)
  .flatMap((row) => (row.bits ? parts(row) : [whole(row)]));

/** One line of the image's text: short names, what is usual is left out. */
export function settingText({
  key: k,
  register,
  lsb: l,
  width: w,
  signed,
  per: p,
  min: a,
  max: b,
  unit: u,
  input: n,
  enum: names,
}: Setting): string {
  const e =
    names &&
    "," +
      Object.entries(names)
        .map(([raw, name]) => `${raw}:${name},`)
        .join("");
  return JSON.stringify({ k, r: register - SETTINGS_FIRST, l, w, s: signed ? 1 : undefined, p, a, b, u, n, e });
}
