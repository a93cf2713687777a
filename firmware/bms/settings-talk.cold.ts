// Steps of the settings conversation: read all and the limits, write, read back, and bring everything back when that is not what
// was written. The unit may refuse a value or limit it silently, so only the read-back counts.
// Enepaq "TinyBMS Communication Protocols" Rev D, 1.1.9 (0x1D), 1.1.5 and 1.2 (writes), 3.4.
import { readBlock, readBounds, writeBlock, writeEach } from "./requests.cold";
import { eachSetting, rawSetting } from "./settings-rows.cold";
import { CHECK, CONFIRM, DEFAULTS, MINIMA, OVER, READ, ROLLBACK, SETTINGS_WORDS, VERIFY, WRITE, type SettingsTalk } from "./settings-steps";

/** Register of the first setting; offset of the one that takes two words. */
const FIRST = 300, TWO_WORDS = 12, READ_MODBUS = 3;

/** Why nothing may be written or reset (0x02): the setting bms.allow_write and a confirmation in the call are both needed. */
export function writeRefusal(allowed: boolean, confirmed: boolean): string {
  if (!allowed) return "bms.allow_write: is false, so nothing is written to the BMS";
  return confirmed ? "" : "confirm: must be true, because this changes the BMS";
}

/** Begin: `changes` null only reads, `dry` stops after the check, else both permissions are needed (see `writeRefusal`). */
export function settingsTalkOf(changes: Record<string, unknown> | null, dry: boolean, allowed: boolean, confirmed: boolean): SettingsTalk {
  const reason = changes && !dry ? writeRefusal(allowed, confirmed) : "";
  return { step: reason ? OVER : READ, changes: changes, dry: dry, words: null, limits: [null, null, null], target: null, actual: null,
    queue: [], at: 0, undo: {}, done: {}, outcome: reason ? "refused" : "", reason: reason };
}

/** The bytes to send now, "" when it is over. The same again until `settingsTook` was told of them. */
export function settingsNext(talk: SettingsTalk): string {
  const step = talk.step;
  if (step === OVER) return "";
  if (step >= MINIMA && step <= DEFAULTS) return readBounds(step, SETTINGS_WORDS);
  if (step !== WRITE && step !== ROLLBACK) return readBlock(READ_MODBUS, FIRST, SETTINGS_WORDS);
  const words = step === WRITE ? talk.target! : talk.words!, at = talk.queue[talk.at];
  if (at === TWO_WORDS) return writeBlock(FIRST + at, [words[at], words[at + 1]]);
  return writeEach([FIRST + at], [words[at]]);
}

/** The words of a reply: 0x03 sends them high byte first, 0x1D low byte first. */
function numbersOf(payload: string, highFirst: boolean): Uint16Array {
  const words = new Uint16Array(payload.length / 2), high = highFirst ? 0 : 1;
  let i = 0;
  for (; i < words.length; i++) words[i] = payload.charCodeAt(2 * i + high) << 8 | payload.charCodeAt(2 * i + 1 - high);
  return words;
}

/** Whether an offset's words differ (both of a 32-bit value). */
function differs(one: Uint16Array, other: Uint16Array, at: number): boolean {
  return one[at] !== other[at] || at === TWO_WORDS && one[at + 1] !== other[at + 1];
}

/** The first setting that is not as in `wanted`, with what it reads; "" when all are. Inputs may read "no value". */
function mismatch(talk: SettingsTalk, wanted: Uint16Array): string {
  const actual = talk.actual!;
  let said = "", part = "";
  eachSetting(function (line) {
    const at = line["r"], raw = rawSetting(actual, line), right = rawSetting(wanted, line), queued = talk.queue.indexOf(at) >= 0;
    if (said || !differs(actual, wanted, at) || line["n"] !== undefined && (raw === line["n"] || !queued)) return;
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
    if (line["n"] === undefined && back.indexOf(at) < 0 && rawSetting(talk.actual!, line) !== rawSetting(talk.words!, line)) back.push(at);
  });
  return back;
}

/** What a failed exchange means, for people. */
function meaning(outcome: string, error: number): string {
  if (outcome === "timeout") return "the BMS does not answer";
  return outcome === "nack" ? "the BMS refuses it (" + (error ? "CRC" : "CMD") + " ERROR)" : "the answer was no good (" + outcome + ")";
}

function end(talk: SettingsTalk, outcome: SettingsTalk["outcome"], reason: string): void {
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
    if (outcome === "nack" && talk.at === 0) return end(talk, "refused", talk.reason + "; it may be locked; nothing was changed");
  }
  talk.step = VERIFY;
}

/** The settings after writing: right, or the way back. */
function verified(talk: SettingsTalk): void {
  const failed = talk.reason || mismatch(talk, talk.target!);
  talk.reason = failed;
  if (!failed) return end(talk, "ok", "");
  if (Object.keys(talk.undo).length === 0) return end(talk, "unsure", failed + "; it cannot be taken back");
  talk.queue = wayBack(talk);
  talk.at = 0;
  talk.step = ROLLBACK;
  if (talk.queue.length === 0) end(talk, "refused", failed + "; nothing was changed");
}

/** One step on, by the outcome of an exchange (see `settingsTook`). After the limits it stops at CHECK. */
export function settingsStep(talk: SettingsTalk, outcome: string, payload: string, error: number): void {
  const step = talk.step, good = outcome === "ok" || outcome === "ack", words = numbersOf(payload, step < MINIMA || step > DEFAULTS);
  if (step <= DEFAULTS) {
    if (!good && !(step > READ && outcome === "nack")) {
      return end(talk, "refused", (step === READ ? "settings: " : "limits of the settings: ") + meaning(outcome, error));
    }
    if (step === READ) talk.words = words;
    else talk.limits[step - MINIMA] = good ? words : null;
    talk.step++;
    if (talk.step === CHECK && !talk.changes) end(talk, "ok", "");
  } else if (step === WRITE) {
    written(talk, good, outcome, error);
  } else if (step === ROLLBACK) {
    talk.at++;
    if (talk.at === talk.queue.length) talk.step = CONFIRM;
  } else if (!good) {
    end(talk, "unsure", (talk.reason ? talk.reason + "; and then: " : "settings after writing: ") + meaning(outcome, error));
  } else {
    talk.actual = words;
    if (step === VERIFY) return verified(talk);
    const left = mismatch(talk, talk.words!);
    if (left) end(talk, "unsure", talk.reason + "; and not everything could be brought back: " + left);
    else end(talk, "refused", talk.reason + "; all settings are as before");
  }
}
