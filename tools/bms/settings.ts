// The settings of a TinyBMS on the command line: shown, changed, undone, kept in a file, compared and brought back.
// Every write is the firmware's own conversation (firmware/bms/settings-*.ts).
import { type SettingLine, rawSetting, settingsNext, settingsTalkOf } from "../../firmware/bms/settings.cold";
import { FIRST_WORDS, WRITE, type SettingsTalk } from "../../firmware/bms/settings";
import { settingsTook } from "./settings-took";
import { settings, SETTINGS_FIRST, type Setting } from "../bake/settings";
import { failureOf, talk as exchange, type Link } from "../tinybms/link";
import { readUndo, undoFile, writeUndo, type Backup } from "./files";
import { readIdentity } from "./read";

export type Changes = Record<string, unknown>;

/** A number in the setting's unit, or the name of an enum; null is unknown. */
export type SettingValue = number | string | null;

/**
 * One setting as it is shown. `changed`: not as the unit's default; null where that is unknown or makes no sense.
 * `limits_from`: whether the unit told minimum, maximum and default, or they are those of the register table.
 */
export interface Shown {
  register: number;
  key: string;
  label: string;
  value: SettingValue;
  raw: number;
  unit: string;
  min: number | null;
  max: number | null;
  default: SettingValue;
  changed: boolean | null;
  limits_from: "bms" | "table";
}

/** One difference: what is, or was, and what will be, or is now. */
export interface Change {
  key: string;
  from: SettingValue;
  to: SettingValue;
  unit: string;
}

/** Settings that the unit keeps; the others are inputs that it takes over and forgets. */
export const kept = settings.filter(({ input }) => input === undefined);

function rawIn(words: Uint16Array, { register, lsb, width, signed }: Setting): number {
  return rawSetting(words, {
    r: register - SETTINGS_FIRST,
    l: lsb,
    w: width,
    s: signed ? 1 : undefined,
  } as SettingLine);
}

function valueOf(setting: Setting, raw: number): SettingValue {
  return raw === setting.input ? null : (setting.enum?.[raw] ?? raw / setting.per);
}

/** Runs a conversation to its end. `begin` is called once, when the check has passed and the first write is next. */
async function converse(link: Link, talk: SettingsTalk, begin: (talk: SettingsTalk) => void): Promise<SettingsTalk> {
  let isBegun = false;
  for (let request = settingsNext(talk); request; request = settingsNext(talk)) {
    if (talk.step === WRITE && !isBegun) {
      isBegun = true;
      begin(talk);
    }
    const reply = await exchange(link, request);
    if (talk.step < WRITE && reply.outcome !== "ok" && reply.outcome !== "nack")
      throw new Error(failureOf(link, reply));
    settingsTook(talk, reply.outcome, reply.payload, reply.error);
  }
  return talk;
}

async function readAll(link: Link): Promise<SettingsTalk> {
  const talk = await converse(link, settingsTalkOf(null, false, false, false), () => undefined);
  if (talk.outcome !== "ok") throw new Error(talk.reason);
  return talk;
}

/**
 * All settings with limits and defaults. The unit tells them for registers 300 to 328 (0x1D begins at 300, and of a
 * reply over 64 bytes some readers lose the rest); behind them, and for a unit that does not tell, they are those of
 * the register table.
 */
export async function readSettings(link: Link): Promise<Shown[]> {
  const { words, limits } = await readAll(link);
  return settings.map((setting) => {
    const { key, label, unit, register, per, input } = setting,
      raw = rawIn(words!, setting),
      isTold = register < SETTINGS_FIRST + FIRST_WORDS && limits.every((list) => list !== null);
    const [min, max, byDefault] = isTold
      ? limits.map((list) => rawIn(list!, setting))
      : [
          setting.min,
          setting.enum ? Math.max(...Object.keys(setting.enum).map(Number)) : setting.max,
          setting.factory ?? null,
        ];
    return {
      register,
      key,
      label,
      raw,
      unit,
      value: valueOf(setting, raw),
      min: min! / per,
      max: max! / per,
      default: byDefault === null ? null : valueOf(setting, byDefault),
      changed: byDefault === null || input !== undefined ? null : raw !== byDefault,
      limits_from: isTold ? "bms" : "table",
    };
  });
}

async function serialOf(link: Link): Promise<string> {
  return String((await readIdentity(link)).serial_number ?? "unknown");
}

/** A backup of what the unit keeps. */
export async function backup(link: Link): Promise<Backup> {
  const unit = await readIdentity(link),
    { words } = await readAll(link);
  return {
    format: "tinybms-settings",
    version: 1,
    time: new Date().toISOString(),
    unit,
    settings: Object.fromEntries(kept.map((setting) => [setting.key, valueOf(setting, rawIn(words!, setting))!])),
    words: Array.from(words!),
  };
}

/** Where a unit differs from a backup: from what it has, to what the backup says. */
export async function compare(link: Link, { settings: wanted }: Backup): Promise<Change[]> {
  const { words } = await readAll(link);
  return kept.flatMap((setting) => {
    const { key, unit } = setting,
      from = valueOf(setting, rawIn(words!, setting)),
      given = wanted[key];
    if (given === undefined) return [];
    // a name and its number are the same
    const to = typeof given === "number" ? (setting.enum?.[given] ?? given) : given;
    return to === from ? [] : [{ key, from, to, unit }];
  });
}

/** The conversation speaks of numbers in the unit; people read names. */
function named(key: string, value: unknown): SettingValue {
  const setting = settings.find((one) => one.key === key);
  return setting && typeof value === "number" ? valueOf(setting, Math.round(value * setting.per)) : null;
}

/**
 * What became of a change; `undo`: the file that keeps its undo, null when it cannot be undone; `range_by_table`:
 * settings whose range is that of the register table, because the unit cannot be asked for it (the read-back says what
 * it took).
 */
export interface Changed {
  changes: Change[];
  written: boolean;
  undo: string | null;
  range_by_table: string[];
}

/**
 * Changes settings, all or none; only checks when not confirmed. The undo is kept before the first write, so that it
 * survives whatever happens to this process. Rejects with the field and the reason.
 */
export async function change(link: Link, wanted: Changes, confirmed: boolean): Promise<Changed> {
  const serial = await serialOf(link),
    last = readUndo(serial);
  let isKept = false;
  const keep = ({ undo, done }: SettingsTalk, state: "begun" | "done"): void => {
    isKept = Object.keys(undo).length > 0;
    if (isKept)
      writeUndo(serial, { format: "tinybms-undo", time: new Date().toISOString(), serial, state, undo, done });
  };
  const talk = await converse(link, settingsTalkOf(wanted, !confirmed, true, confirmed), (begun) =>
    keep(begun, "begun"),
  );
  if (talk.outcome === "unsure")
    throw new Error(talk.reason + (isKept ? "; look with `settings`, then try `settings undo --confirm`" : ""));
  if (talk.outcome !== "ok") {
    if (isKept) writeUndo(serial, last);
    throw new Error(talk.reason);
  }
  const written = confirmed && talk.queue.length > 0;
  if (written) keep(talk, "done");
  const changes = Object.keys(talk.done).map((key) => ({
    key,
    from: named(key, talk.undo[key]),
    to: named(key, talk.done[key]),
    unit: settings.find((one) => one.key === key)?.unit ?? "",
  }));
  return { changes, written, undo: isKept ? undoFile(serial) : null, range_by_table: talk.byTable };
}

/** The change that takes the last one back; rejects when there is none, or when a setting has been changed since. */
export async function undoOf(link: Link): Promise<Changes> {
  const serial = await serialOf(link),
    last = readUndo(serial);
  if (!last)
    throw new Error(
      `nothing to undo: no change of the BMS with serial number ${serial} is known here (${undoFile(serial)})`,
    );
  const { words } = await readAll(link);
  for (const [key, value] of Object.entries(last.state === "done" ? last.done : {})) {
    const setting = settings.find((one) => one.key === key);
    if (!setting || rawIn(words!, setting) / setting.per === value) continue;
    const now = valueOf(setting, rawIn(words!, setting));
    throw new Error(`${key}: is ${now} now, not ${named(key, value)} as the last change left it; set it by hand`);
  }
  return last.undo;
}

/** KEY=VALUE pairs: numbers, true and false, else names. Rejects what is no pair, and a key that stands twice. */
export function changesFrom(pairs: string[]): Changes {
  const changes: Changes = {};
  for (const pair of pairs) {
    const at = pair.indexOf("="),
      key = pair.slice(0, at).trim(),
      text = pair.slice(at + 1).trim();
    if (at < 1) throw new Error(`${pair}: must be KEY=VALUE`);
    if (key in changes) throw new Error(`${key}: stands twice`);
    changes[key] =
      text === "true" || text === "false" ? text === "true" : text !== "" && !isNaN(Number(text)) ? Number(text) : text;
  }
  return changes;
}
