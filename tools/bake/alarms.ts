// Bakes the table of alarms: straight code that looks at each row's condition, and judges the rows that are near.
import {
  chargeFaults,
  alarmFields,
  alarmNames,
  alarmRows,
  type AlarmField,
  type AlarmRow,
} from "../../firmware/tables/alarms";
import { camel, header, slots } from "./names";

/** Rows with thresholds or events come first; the others follow their conditions at once. */
const isPlain = (row: AlarmRow): boolean => row.warnWhile !== undefined || row.alarmWhile !== undefined;
const judged = alarmRows.filter((row) => !isPlain(row)),
  plain = alarmRows.filter(isPlain);

/** Fields whose alarm (warning) some row evaluates; of alarms also those that nothing but an event can raise. */
export const supported = {
  alarms: fieldsOf((row) => row.alarm !== undefined || row.events !== undefined),
  measured: fieldsOf((row) => row.also !== undefined || (row.alarm !== undefined && row.alarm.set !== "false")),
  warnings: fieldsOf((row) => row.warning !== undefined),
};

function fieldsOf(is: (row: AlarmRow) => boolean): AlarmField[] {
  return judged.filter((row) => row.field !== undefined && is(row)).map((row) => row.field!);
}

/** Two bits a field, `value` in each of these: 2 is inactive, 3 the mask. */
export const fieldBits = (fields: readonly AlarmField[], value: number): number =>
  fields.reduce((bits, field) => bits + value * 2 ** (2 * alarmFields.indexOf(field)), 0);

/** A condition as code: rows become slots of the snapshot, names their expression. Refuses what it does not know. */
function condition(text: string): string {
  return text.replace(/(?<![\w.])[a-z_][a-z_0-9]*(?![\w(])/g, (name) => {
    if (["true", "false"].includes(name)) return name;
    if (alarmNames[name]) return alarmNames[name];
    if (!slots.some((row) => row.key === name))
      throw new Error(`tables/alarms.ts: "${text}": ${name} is neither a row with a slot nor a name`);
    return `v[slot.${camel(name)}]`;
  });
}

/** Where the bit of an event id stands (battery/snapshot.ts). */
function eventTest(ids: number[]): string {
  const bits = (high: boolean): number =>
    ids.filter((id) => id > 31 === high).reduce((sum, id) => sum + 2 ** (id & 31), 0);
  return [bits(false) && `low & ${bits(false)}`, bits(true) && `high & ${bits(true)}`]
    .filter((test) => test !== 0)
    .join(" | ");
}

/** Takes back latches whose recovery event was missed. */
function releaseLines(row: AlarmRow): string[] {
  const release = (id: number, clear: string): string => {
    const word = id > 31 ? "high" : "low",
      bit = 2 ** (id & 31);
    return `    if (${word} & ${bit} && a.well >= 40${clear}) f.${word} = ${word} &= ~${bit};`;
  };
  const ends = (row.events ?? []).filter((id) => !row.lasting?.includes(id));
  const clear = ` && ${grouped(condition(row.alarm?.clear ?? "true"))}`;
  return [...ends.map((id) => release(id, clear)), ...(row.warningEvents ?? []).map((id) => release(id, ""))];
}

const grouped = (code: string): string => (/[&|]{2}/.test(code) ? `(${code})` : code);

/** Seconds of four debounces, six bits each, and whether there is a warning. */
function holdsOf({ alarm, warning }: AlarmRow): number {
  const times = [alarm?.after ?? 0, alarm?.hold ?? 0, warning?.after ?? 0, warning?.hold ?? 0];
  if (times.some((time) => time > 63)) throw new Error("alarms: a debounce has at most 63 s");
  return times.reduce((sum, time, i) => sum + time * 64 ** i, 0) + (warning ? 64 ** 4 : 0);
}

/** Conditions of measured values near which a row must be judged. */
function nearOf(row: AlarmRow): string[] {
  const conditions = [row.apart ? row.alarm?.set : undefined, row.warning?.set];
  return conditions.filter((text) => text !== undefined && text !== "false").map((text) => condition(text!));
}

function judgeLines(row: AlarmRow, i: number): string {
  const { alarm, warning } = row;
  const latches = [row.events && eventTest(row.events), row.also && condition(row.also)].filter(
    (code) => code !== undefined,
  );
  const warns = row.warningEvents ? [eventTest(row.warningEvents)] : [],
    near = [...nearOf(row), ...warns];
  const latch =
    latches.map((code) => (code.includes("|") && latches.length > 1 ? `(${code})` : code)).join(" || ") || "false";
  const field = row.field ? 2 * alarmFields.indexOf(row.field) : 30;
  const levels = [alarm?.set ?? "false", alarm?.clear ?? "true", warning?.set ?? "false", warning?.clear ?? "true"].map(
    condition,
  );
  if (warns.length) {
    levels[2] += ` || ${warns[0]}`;
    levels[3] += ` && !(${warns[0]})`;
  }
  const [set, clear, warn, calm] = levels,
    either = (bit: number, clears: string, sets: string): string =>
      clears === "true" && sets === "false" ? `on[${i}] & ${bit}` : `on[${i}] & ${bit} ? ${clears} : ${sets}`;
  return [
    `  // ${row.id} ${row.code}`,
    `  if (on[${i}] || ${[...near, ...latches].join(" || ")}) {`,
    ...releaseLines(row),
    `    judge(a, ${i}, ${field}, ${holdsOf(row)}, ${latch},`,
    `      ${either(2, clear, set)},`,
    `      ${either(1, calm, warn)});`,
    "  }",
  ].join("\n");
}

/** One bit a condition of the plain rows, in their order. */
const plainConditions = plain.flatMap((row, i) =>
  [row.warnWhile, row.alarmWhile].flatMap((text, level) => (text ? [{ text, i, level: level + 1 }] : [])),
);

function plainLines(): string {
  const mask = plainConditions.map(({ text }, bit) => `(${condition(text)} ? ${2 ** bit} : 0)`).join("\n      | ");
  const rows = plain.map((row, i) => {
    const on = `on[${judged.length + i}]`,
      bit = (level: number): string => {
        const at = plainConditions.findIndex((one) => one.i === i && one.level === level);
        return at < 0 ? "false" : `!(x & ${2 ** at}) === (${on} & ${level}) > 0`;
      };
    return `    judge(a, ${judged.length + i}, 30, 0, false, ${bit(2)}, ${bit(1)}); // ${row.id} ${row.code}`;
  });
  return `  if (key !== a.key) {
    a.key = key;
    x = ${mask};
${rows.join("\n")}
  }`;
}

/** What is measured and near any alarm; the conditions of the gateway itself are in the key. */
function nearLines(): string {
  const measured = judged.flatMap((row) =>
    (row.also ? (row.near ?? []) : []).map(condition).concat(row.also ? [] : nearOf(row)),
  );
  return [...new Set(measured)].map((code) => `    || ${code}`).join("\n");
}

/** firmware/battery/alarms.baked.ts */
export function bakeAlarms(): string {
  const internal = alarmFields.indexOf("bms_internal") * 2,
    row = judged.findIndex(({ field }) => field === "bms_internal");
  return `${header("tables/alarms.ts")}import { judge, type Alarms } from "./alarms";
import * as slot from "./registers.baked";
import type { Snapshot } from "./snapshot";

/** Rows of what says that the battery is lost, the field of the first of them, and the words of 0x35A then. */
export const BMS_INTERNAL = ${row}, BMS_INTERNAL_FIELD = ${internal}, BMS_OFFLINE = ${alarmOrder.findIndex(({ code }) => code === "BmsOffline")};
/** Faults that block the charge, a bit each id. */
export const CHARGE_FAULTS = ${chargeFaults};
export const LOST_BITS = ${2 ** internal};

/** Judge all rows that are near or active; then the fields, and the two words of 0x35A. */
function judgeAll(a: Alarms, s: Snapshot, key: number): void {
  const v = s.values, on = a.on, f = s.faults;
  let low = f.low, high = f.high, x;
  a.active = 0;
  if (f.fresh) a.well = 0;
  f.fresh = false;
${judged.map(judgeLines).join("\n")}
  const active = a.active;
${plainLines()}
  a.active = active;
  if (s.phase >= 3) {
    v[slot.alarmBits] = v[slot.warningBits] = LOST_BITS;
  } else {
    x = f.at < 0 ? ${fieldBits(supported.measured, 2)} : ${fieldBits(supported.alarms, 2)};
    v[slot.alarmBits] = x ^ a.raised & x * 1.5;
    x = a.systemStatus;
    if (x && v[slot.onlineStatus] === 155) x = 3 - x; // offline
    v[slot.warningBits] = (${fieldBits(supported.warnings, 2)} ^ a.warned & ${fieldBits(supported.warnings, 3)}) + x * ${2 ** 26};
  }
}

/**
 * A step of all alarms, \`a.step\` quarter seconds after the last one, at \`a.at\` (s). Cheap while nothing is near.
 */
export function alarmsStep(a: Alarms, s: Snapshot): void {
  const v = s.values, f = s.faults, status = v[slot.onlineStatus];
  const key = a.device | s.phase << 9 | a.config << 12 | (status === 155 ? 16384 : 0) | (f.at < 0 ? 0 : 32768);
  a.well = status > 0 && status !== 155 ? a.well + a.step : 0;
  if (a.active || key !== a.key || f.low | f.high
${nearLines()}) judgeAll(a, s, key);
  const internal = a.on[${row}] & 3;
  v[slot.internalFailure] = s.phase ? internal > 2 ? 2 : internal : NaN;
}
`;
}

/** Rows of the state in their order, as a reader sees them. */
export const alarmOrder: AlarmRow[] = [...judged, ...plain];
