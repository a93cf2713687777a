// The settings block (registers 300..343, command 0x03) into the snapshot, and where it says the cells are.
// Enepaq "TinyBMS Communication Protocols" Rev D, 3.4; cells of packs with fewer than 16: user manual, wiring rule.

import { chargeOverCurrentCutoff, dischargeOverCurrentCutoff } from "../battery/registers.baked";
import { MOST_CURRENT_A, type Snapshot } from "../battery/snapshot";
import { textSlice } from "../kernel/text";
import { FIRST_SETTING } from "./places";
import { readBlock, readBounds, writeBlock, writeEach } from "./requests.cold";
import { SETTING_LINES_AT, SETTING_LINES_END } from "./setting-lines.baked";
import {
  CHECK,
  CONFIRM,
  DEFAULTS,
  FIRST_WORDS,
  MAXIMA,
  MINIMA,
  OVER,
  READ,
  ROLLBACK,
  SETTINGS_WORDS,
  type SettingsTalk,
  VERIFY,
  WRITE,
} from "./settings";
import { decodeSettings } from "./settings.baked.cold";

const MOST_CELLS = 16,
  FEWEST_CELLS = 4,
  SERIES_CELLS = 307 - FIRST_SETTING;

/**
 * Take the settings, words as numbers. False, and nothing changed, when a value or the number of cells cannot be.
 * `isOnce`: they are not what was read before; then only what narrows counts, and the group stays as old as it was.
 */
export function acceptSettings(snapshot: Snapshot, words: Uint16Array, now: number, isOnce?: boolean): boolean {
  const cells = snapshot.expectedCells || words[SERIES_CELLS],
    values = snapshot.values;
  if (!(cells >= FEWEST_CELLS && cells <= MOST_CELLS) || !decodeSettings(words, values, !!isOnce)) {
    snapshot.dropped++;
    return false;
  }
  const cutoff = Math.max(values[dischargeOverCurrentCutoff], values[chargeOverCurrentCutoff]);
  snapshot.mostCurrent = cutoff > 0 ? cutoff * 1.5 : MOST_CURRENT_A;
  if (isOnce) return true;
  snapshot.cells = cells;
  snapshot.firstCell = snapshot.lowOrder !== snapshot.cellsMoved ? 0 : MOST_CELLS - cells;
  snapshot.settingsAt = now;
  return true;
}

// One line a setting in the image's text: where its bits lie in registers 300..343, and what it may be.
// Enepaq "TinyBMS Communication Protocols" Rev D, 3.4; baked from tables/registers.ts.

/**
 * Offset from 300, lowest bit, width (32: two words), signed, raw value a unit, raw range, names (",0:fet,1:aido1,").
 */
export interface SettingLine {
  "k": string;
  "r": number;
  "l": number;
  "w": number;
  "s"?: 1;
  "p": number;
  "a": number;
  "b": number;
  "u": string;
  /** The raw word for "no value": an input of the unit, no state of it. */
  "n"?: number;
  "e"?: string;
}

/** Call `visit` with each line, in the order of the registers. */
export function eachSetting(visit: (line: SettingLine) => void): void {
  const text = textSlice(SETTING_LINES_AT, SETTING_LINES_END);
  let at = 0,
    end = text.indexOf("\n");
  while (end > 0) {
    visit(JSON.parse(text.substring(at, end)) as SettingLine);
    at = end + 1;
    end = text.indexOf("\n", at);
  }
}

/** The raw number that a setting has in the words of 300..343. */
export function rawSetting(words: Uint16Array, line: SettingLine): number {
  const word = words[line["r"]],
    width = line["w"];
  if (width === 32) return word + words[line["r"] + 1] * 65536;
  const raw = (word >> line["l"]) & ((1 << width) - 1);
  return line["s"] ? (raw << 16) >> 16 : raw;
}

// The check of a change set: names, values, rules between settings, ranges. What passes becomes words and the order of
// their writes. Enepaq "TinyBMS Communication Protocols" Rev D, 3.4 and 1.1.9 (0x1D); user manual v2.2, order of the
// voltages.

/** Offsets of a setting that must lie above another by so much: upper, lower, distance. */
const RULES = [
  [15, 0, 10],
  [0, 1, 10],
  [1, 16, 10],
  [5, 17, 0],
];
/** Register 340: the unit restarts when it changes. */
const RESTARTS = 40;

/**
 * The raw number of a wanted value: NaN with the reason in `said` when there is none. A stop stands behind the names,
 * because the interpreter also finds what only begins at the end of a text.
 */
function rawOf(line: SettingLine, value: unknown, said: string[]): number {
  const names = line["e"] && line["e"] + ".",
    per = line["p"],
    unit = line["u"] && " " + line["u"];
  let raw = NaN;
  if (typeof value === "boolean" && line["w"] === 1) raw = value ? 1 : 0;
  else if (typeof value === "number") raw = Math.round(value * per);
  else if (names && typeof value === "string") {
    const at = names.indexOf(":" + value + ",");
    if (at >= 0) raw = +names.substring(names.substring(0, at).lastIndexOf(",") + 1, at);
  }
  if (names && (isNaN(raw) || names.indexOf("," + raw + ":") < 0)) {
    said.push(
      "must be one of " +
        names
          .substring(1, names.length - 2)
          .replaceAll(":", "=")
          .replaceAll(",", ", "),
    );
    return NaN;
  }
  const top = line["w"] === 32 ? 4294967295 : line["s"] ? 32767 : (1 << line["w"]) - 1;
  if (isNaN(raw)) said.push("must be a number");
  else if (raw > top || raw < (line["s"] ? -32768 : 0))
    said.push("must be " + line["a"] / per + " to " + line["b"] / per + unit);
  else if (typeof value === "number" && Math.abs(value * per - raw) > 0.0001) {
    said.push(per === 1 ? "must be a whole number" : "must be a multiple of " + 1 / per + unit);
    raw = NaN;
  }
  return raw;
}

/** The words with a raw number put in; the other bits of a shared word stay. */
function put(words: Uint16Array, line: SettingLine, raw: number): void {
  const at = line["r"],
    width = line["w"],
    mask = (1 << width) - 1;
  if (width === 32) {
    words[at] = raw & 65535;
    words[at + 1] = Math.floor(raw / 65536);
  } else {
    words[at] = (words[at] & ~(mask << line["l"])) | ((raw & mask) << line["l"]);
  }
}

/** Whether a neighbour that limits this setting moves too: then the unit's own limit is out of date. */
function neighbourMoves(talk: SettingsTalk, offset: number, upper: number): boolean {
  return RULES.some(function (rule) {
    const other = rule[upper ? 0 : 1];
    return rule[upper ? 1 : 0] === offset && talk.target![other] !== talk.words![other];
  });
}

/** Places in `SettingsTalk.limits`: what the steps MINIMA and MAXIMA read. */
const LIMITS_MINIMA = 0,
  LIMITS_MAXIMA = MAXIMA - MINIMA;

/**
 * Why a raw number is out of its range; "" when it is not. The unit's own limits count, the printed ones where it tells
 * none.
 */
function outOfRange(talk: SettingsTalk, line: SettingLine, raw: number): string {
  const isAsked = line["r"] < FIRST_WORDS,
    low = isAsked ? rawSetting(talk.limits[LIMITS_MINIMA]!, line) : 0,
    high = isAsked ? rawSetting(talk.limits[LIMITS_MAXIMA]!, line) : 0,
    told = high > low;
  const isBelow = told && !neighbourMoves(talk, line["r"], 0),
    isAbove = told && !neighbourMoves(talk, line["r"], 1);
  const from = isBelow ? low : line["a"],
    to = isAbove ? high : line["b"];
  const unit = (line["u"] && " " + line["u"]) + (isAsked && !(isBelow && isAbove) ? " as printed" : "");
  if (raw < from) return raw / line["p"] + " is below the minimum " + from / line["p"] + unit;
  return raw > to ? raw / line["p"] + " is above the maximum " + to / line["p"] + unit : "";
}

/** Places in a rule: the setting that is above, the one below (offsets from 300), the least gap (mV). */
const RULE_UPPER = 0,
  RULE_LOWER = 1,
  RULE_GAP = 2;

/** The first rule between settings that a change breaks, told by a setting that is changed; "" when all hold. */
function brokenRule(target: Uint16Array, changed: SettingLine[], names: Record<string, string>): string {
  for (const rule of RULES) {
    const upper = target[rule[RULE_UPPER]],
      lower = target[rule[RULE_LOWER]],
      gap = rule[RULE_GAP] ? " " + rule[RULE_GAP] + " mV" : "";
    if (upper >= lower + rule[RULE_GAP]) continue;
    for (const line of changed) {
      const at = line["r"];
      if (at === rule[RULE_UPPER])
        return line["k"] + ": " + upper + " is below " + names[rule[RULE_LOWER]] + " " + lower + (gap && " +" + gap);
      if (at === rule[RULE_LOWER])
        return line["k"] + ": " + lower + " is above " + names[rule[RULE_UPPER]] + " " + upper + (gap && " -" + gap);
    }
  }
  return "";
}

/**
 * When an offset is written: outer voltages first when they widen, last when they narrow; the restart comes at the end.
 */
function rankOf(offset: number, rises: boolean): number {
  if (offset === RESTARTS) return 4;
  if (offset === 15 || offset === 5) return rises ? 0 : 3;
  if (offset === 16) return rises ? 3 : 0;
  if (offset === 0) return rises ? 1 : 2;
  return offset === 1 && rises ? 2 : 1;
}

/** The offsets to write, in their order. Both words of a 32-bit value go as one, under the first. */
function orderOf(words: Uint16Array, target: Uint16Array, changed: SettingLine[]): number[] {
  const queue: number[] = [];
  for (let rank = 0; rank < 5; rank++) {
    for (const line of changed) {
      const at = line["r"];
      if (rankOf(at, target[at] > words[at]) === rank && queue.indexOf(at) < 0) queue.push(at);
    }
  }
  return queue;
}

/** Check `talk.changes` against what was read: then the step is WRITE with its queue, or OVER with the outcome. */
export function settingsCheck(talk: SettingsTalk): void {
  const words = talk.words!,
    target = new Uint16Array(words),
    changed: SettingLine[] = [],
    found: string[] = [],
    names: Record<string, string> = {};
  const keys = Object.keys(talk.changes!);
  let reason =
    talk.limits[LIMITS_MINIMA] && talk.limits[LIMITS_MAXIMA]
      ? ""
      : "the BMS does not tell its limits (0x1D), so nothing is written";
  eachSetting(function (line) {
    const key = line["k"],
      value = talk.changes![key],
      said: string[] = [];
    names[line["r"]] = key;
    if (keys.indexOf(key) < 0) return;
    found.push(key);
    const raw = rawOf(line, value, said),
      old = rawSetting(words, line);
    if (line["n"] !== undefined && keys.length > 1) said.push("must be changed alone, because it cannot be taken back");
    if (said.length) {
      reason = reason || key + ": " + said[0];
    } else if (raw !== old) {
      put(target, line, raw);
      changed.push(line);
      talk.done[key] = raw / line["p"];
      if (line["r"] >= FIRST_WORDS) talk.byTable.push(key);
      if (line["n"] === undefined) talk.undo[key] = old / line["p"];
    }
  });
  for (const key of keys) if (found.indexOf(key) < 0) reason = reason || key + ": is no setting";
  talk.target = target;
  reason = reason || brokenRule(target, changed, names);
  for (const line of changed) {
    const range = reason ? "" : outOfRange(talk, line, rawOf(line, talk.changes![line["k"]], []));
    if (range) reason = line["k"] + ": " + range;
  }
  talk.queue = orderOf(words, target, changed);
  talk.step = reason || talk.dry || talk.queue.length === 0 ? OVER : WRITE;
  if (talk.step === OVER) talk.outcome = reason ? "refused" : "ok";
  talk.reason = reason;
}

// Steps of the settings conversation: read all and the limits, write, read back, and bring everything back when that is
// not what was written. The unit may refuse a value or limit it silently, so only the read-back counts. Enepaq "TinyBMS
// Communication Protocols" Rev D, 1.1.9 (0x1D), 1.1.5 and 1.2 (writes), 3.4.

/** Offset of the setting that takes two words. */
const TWO_WORDS = 12;
/** Command that reads a block. */
const READ_MODBUS = 3;

/**
 * Why nothing may be written or reset (0x02): the setting bms.allow_write and a confirmation in the call are both
 * needed.
 */
export function writeRefusal(allowed: boolean, confirmed: boolean): string {
  if (!allowed) return "bms.allow_write: is false, so nothing is written to the BMS";
  return confirmed ? "" : "confirm: must be true, because this changes the BMS";
}

/**
 * Begin: `changes` null only reads, `dry` stops after the check, else both permissions are needed (see `writeRefusal`).
 */
export function settingsTalkOf(
  changes: Record<string, unknown> | null,
  dry: boolean,
  allowed: boolean,
  confirmed: boolean,
): SettingsTalk {
  const reason = changes && !dry ? writeRefusal(allowed, confirmed) : "";
  return {
    step: reason ? OVER : READ,
    changes: changes,
    dry: dry,
    half: null,
    words: null,
    limits: [null, null, null],
    target: null,
    actual: null,
    queue: [],
    at: 0,
    undo: {},
    done: {},
    byTable: [],
    outcome: reason ? "refused" : "",
    reason: reason,
  };
}

/** The bytes to send now, "" when it is over. The same again until `settingsTook` was told of them. */
export function settingsNext(talk: SettingsTalk): string {
  const step = talk.step;
  if (step === OVER) return "";
  if (step >= MINIMA && step <= DEFAULTS) return readBounds(step, FIRST_WORDS);
  if (step !== WRITE && step !== ROLLBACK)
    return talk.half
      ? readBlock(READ_MODBUS, FIRST_SETTING + FIRST_WORDS, SETTINGS_WORDS - FIRST_WORDS)
      : readBlock(READ_MODBUS, FIRST_SETTING, FIRST_WORDS);
  const words = step === WRITE ? talk.target! : talk.words!,
    at = talk.queue[talk.at];
  if (at === TWO_WORDS) return writeBlock(FIRST_SETTING + at, [words[at], words[at + 1]]);
  return writeEach([FIRST_SETTING + at], [words[at]]);
}

/** The words of a reply: 0x03 sends them high byte first, 0x1D low byte first. */
function numbersOf(payload: string, highFirst: boolean): Uint16Array {
  const words = new Uint16Array(payload.length / 2),
    high = highFirst ? 0 : 1;
  let i = 0;
  for (; i < words.length; i++)
    words[i] = (payload.charCodeAt(2 * i + high) << 8) | payload.charCodeAt(2 * i + 1 - high);
  return words;
}

/** Whether an offset's words differ (both of a 32-bit value). */
function differs(one: Uint16Array, other: Uint16Array, at: number): boolean {
  return one[at] !== other[at] || (at === TWO_WORDS && one[at + 1] !== other[at + 1]);
}

/** The first setting that is not as in `wanted`, with what it reads; "" when all are. Inputs may read "no value". */
function mismatch(talk: SettingsTalk, wanted: Uint16Array): string {
  const actual = talk.actual!;
  let said = "",
    part = "";
  eachSetting(function (line) {
    const at = line["r"],
      raw = rawSetting(actual, line),
      right = rawSetting(wanted, line),
      queued = talk.queue.indexOf(at) >= 0;
    if (said || !differs(actual, wanted, at) || (line["n"] !== undefined && (raw === line["n"] || !queued))) return;
    if (raw !== right) said = line["k"] + ": reads back " + raw / line["p"] + " instead of " + right / line["p"];
    else if (queued) part = line["k"] + ": another part of its register has changed";
  });
  return said || part;
}

/** The setting at an offset: the one that is changed where several share it. */
function nameAt(talk: SettingsTalk, offset: number): string {
  let name = "";
  eachSetting(function (line) {
    if (line["r"] === offset && (!name || talk.done[line["k"]] !== undefined)) name = line["k"];
  });
  return name;
}

/** Offsets to write so that all is as it was: what was written in reverse order, then what changed beside it. */
function wayBack(talk: SettingsTalk): number[] {
  const back: number[] = [];
  let i = talk.queue.length - 1;
  for (; i >= 0; i--) if (differs(talk.actual!, talk.words!, talk.queue[i])) back.push(talk.queue[i]);
  eachSetting(function (line) {
    const at = line["r"];
    if (
      line["n"] === undefined &&
      back.indexOf(at) < 0 &&
      rawSetting(talk.actual!, line) !== rawSetting(talk.words!, line)
    )
      back.push(at);
  });
  return back;
}

/** What a failed exchange means, for people. */
function meaning(outcome: string, error: number): string {
  if (outcome === "timeout") return "the BMS does not answer";
  return outcome === "nack"
    ? "the BMS refuses it (" + (error ? "CRC" : "CMD") + " ERROR)"
    : "the answer was no good (" + outcome + ")";
}

function endTalk(talk: SettingsTalk, outcome: SettingsTalk["outcome"], reason: string): void {
  talk.step = OVER;
  talk.outcome = outcome;
  talk.reason = reason;
}

/** A write was answered: the next one, or the look at what the unit holds now. */
function written(talk: SettingsTalk, good: boolean, outcome: string, error: number): void {
  if (good) {
    talk.at++;
    if (talk.at < talk.queue.length) return;
  } else {
    talk.reason = nameAt(talk, talk.queue[talk.at]) + ": " + meaning(outcome, error);
    if (outcome === "nack" && talk.at === 0)
      return endTalk(talk, "refused", talk.reason + "; it may be locked; nothing was changed");
  }
  talk.step = VERIFY;
}

/** The settings after writing: right, or the way back. */
function verified(talk: SettingsTalk): void {
  const failed = talk.reason || mismatch(talk, talk.target!);
  talk.reason = failed;
  if (!failed) return endTalk(talk, "ok", "");
  if (Object.keys(talk.undo).length === 0) return endTalk(talk, "unsure", failed + "; it cannot be taken back");
  talk.queue = wayBack(talk);
  talk.at = 0;
  talk.step = ROLLBACK;
  if (talk.queue.length === 0) endTalk(talk, "refused", failed + "; nothing was changed");
}

/** Both halves of a read, when `words` is the second one; null when it is the first. */
function wholeOf(talk: SettingsTalk, words: Uint16Array): Uint16Array | null {
  const whole = talk.half;
  if (whole) {
    whole.set(words, FIRST_WORDS);
    talk.half = null;
    return whole;
  }
  talk.half = new Uint16Array(SETTINGS_WORDS);
  talk.half.set(words);
  return null;
}

/** One step on, by the outcome of an exchange (see `settingsTook`). After the limits it stops at CHECK. */
export function settingsStep(talk: SettingsTalk, outcome: string, payload: string, error: number): void {
  const step = talk.step,
    good = outcome === "ok" || outcome === "ack",
    isRead = step === READ || step === VERIFY || step === CONFIRM;
  let words: Uint16Array | null = numbersOf(payload, step < MINIMA || step > DEFAULTS);
  if (good && isRead) words = wholeOf(talk, words);
  if (!words) return;
  if (isRead) talk.half = null;
  if (step <= DEFAULTS) {
    if (!good && !(step > READ && outcome === "nack")) {
      return endTalk(
        talk,
        "refused",
        (step === READ ? "settings: " : "limits of the settings: ") + meaning(outcome, error),
      );
    }
    if (step === READ) talk.words = words;
    else talk.limits[step - MINIMA] = good ? words : null;
    talk.step++;
    if (talk.step === CHECK && !talk.changes) endTalk(talk, "ok", "");
  } else if (step === WRITE) {
    written(talk, good, outcome, error);
  } else if (step === ROLLBACK) {
    talk.at++;
    if (talk.at === talk.queue.length) talk.step = CONFIRM;
  } else if (!good) {
    endTalk(
      talk,
      "unsure",
      (talk.reason ? talk.reason + "; and then: " : "settings after writing: ") + meaning(outcome, error),
    );
  } else {
    talk.actual = words;
    if (step === VERIFY) return verified(talk);
    const left = mismatch(talk, talk.words!);
    if (left) endTalk(talk, "unsure", talk.reason + "; and not everything could be brought back: " + left);
    else endTalk(talk, "refused", talk.reason + "; all settings are as before");
  }
}
