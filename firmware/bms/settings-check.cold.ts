// The check of a change set: names, values, rules between settings, ranges. What passes becomes words and the order of their
// writes. Enepaq "TinyBMS Communication Protocols" Rev D, 3.4 and 1.1.9 (0x1D); user manual v2.2, order of the voltages.
import { eachSetting, rawSetting, type SettingLine } from "./settings-rows.cold";
import { OVER, WRITE, type SettingsTalk } from "./settings-steps";

/** Offsets of a setting that must lie above another by so much: upper, lower, distance. */
const RULES = [[15, 0, 10], [0, 1, 10], [1, 16, 10], [5, 17, 0]];
/** Register 340: the unit restarts when it changes. */
const RESTARTS = 40;

/**
 * The raw number of a wanted value: NaN with the reason in `said` when there is none. A stop stands behind the names, because the
 * interpreter also finds what only begins at the end of a text.
 */
function rawOf(line: SettingLine, value: unknown, said: string[]): number {
  const names = line["e"] && line["e"] + ".", per = line["p"], unit = line["u"] && " " + line["u"];
  let raw = NaN;
  if (typeof value === "boolean" && line["w"] === 1) raw = value ? 1 : 0;
  else if (typeof value === "number") raw = Math.round(value * per);
  else if (names && typeof value === "string") {
    const at = names.indexOf(":" + value + ",");
    if (at >= 0) raw = +names.substring(names.substring(0, at).lastIndexOf(",") + 1, at);
  }
  if (names && (isNaN(raw) || names.indexOf("," + raw + ":") < 0)) {
    said.push("must be one of " + names.substring(1, names.length - 2).replaceAll(":", "=").replaceAll(",", ", "));
    return NaN;
  }
  const top = line["w"] === 32 ? 4294967295 : line["s"] ? 32767 : (1 << line["w"]) - 1;
  if (isNaN(raw)) said.push("must be a number");
  else if (raw > top || raw < (line["s"] ? -32768 : 0)) said.push("must be " + line["a"] / per + " to " + line["b"] / per + unit);
  else if (typeof value === "number" && Math.abs(value * per - raw) > 0.0001) {
    said.push(per === 1 ? "must be a whole number" : "must be a multiple of " + 1 / per + unit);
    raw = NaN;
  }
  return raw;
}

/** The words with a raw number put in; the other bits of a shared word stay. */
function put(words: Uint16Array, line: SettingLine, raw: number): void {
  const at = line["r"], width = line["w"], mask = (1 << width) - 1;
  if (width === 32) {
    words[at] = raw & 65535;
    words[at + 1] = Math.floor(raw / 65536);
  } else {
    words[at] = words[at] & ~(mask << line["l"]) | (raw & mask) << line["l"];
  }
}

/** Whether a neighbour that limits this setting moves too: then the unit's own limit is out of date. */
function neighbourMoves(talk: SettingsTalk, offset: number, upper: number): boolean {
  return RULES.some(function (rule) {
    const other = rule[upper ? 0 : 1];
    return rule[upper ? 1 : 0] === offset && talk.target![other] !== talk.words![other];
  });
}

/** Why a raw number is out of its range; "" when it is not. The unit's own limits count, the printed ones where it tells none. */
function outOfRange(talk: SettingsTalk, line: SettingLine, raw: number): string {
  const low = rawSetting(talk.limits[0]!, line), high = rawSetting(talk.limits[1]!, line), told = high > low;
  const from = told && !neighbourMoves(talk, line["r"], 0) ? low : line["a"], to = told && !neighbourMoves(talk, line["r"], 1) ? high : line["b"];
  const unit = line["u"] && " " + line["u"];
  if (raw < from) return raw / line["p"] + " is below the minimum " + from / line["p"] + unit;
  return raw > to ? raw / line["p"] + " is above the maximum " + to / line["p"] + unit : "";
}

/** The first rule between settings that a change breaks, told by a setting that is changed; "" when all hold. */
function brokenRule(target: Uint16Array, changed: SettingLine[], names: Record<string, string>): string {
  for (const rule of RULES) {
    const upper = target[rule[0]], lower = target[rule[1]], gap = rule[2] ? " " + rule[2] + " mV" : "";
    if (upper >= lower + rule[2]) continue;
    for (const line of changed) {
      const at = line["r"];
      if (at === rule[0]) return line["k"] + ": " + upper + " is below " + names[rule[1]] + " " + lower + (gap && " +" + gap);
      if (at === rule[1]) return line["k"] + ": " + lower + " is above " + names[rule[0]] + " " + upper + (gap && " -" + gap);
    }
  }
  return "";
}

/** When an offset is written: outer voltages first when they widen, last when they narrow; the restart comes at the end. */
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
  const words = talk.words!, target = new Uint16Array(words), changed: SettingLine[] = [], found: string[] = [], names: Record<string, string> = {};
  const keys = Object.keys(talk.changes!);
  let reason = talk.limits[0] && talk.limits[1] ? "" : "the BMS does not tell its limits (0x1D), so nothing is written";
  eachSetting(function (line) {
    const key = line["k"], value = talk.changes![key], said: string[] = [];
    names[line["r"]] = key;
    if (keys.indexOf(key) < 0) return;
    found.push(key);
    const raw = rawOf(line, value, said), old = rawSetting(words, line);
    if (line["n"] !== undefined && keys.length > 1) said.push("must be changed alone, because it cannot be taken back");
    if (said.length) {
      reason = reason || key + ": " + said[0];
    } else if (raw !== old) {
      put(target, line, raw);
      changed.push(line);
      talk.done[key] = raw / line["p"];
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
