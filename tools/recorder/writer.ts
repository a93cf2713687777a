// Effects as SQL: one transaction a batch, each statement an upsert that gives the same tables in whatever order
// batches come, and however often. THE SEAM to another kind of store: everything that writes measurements goes through
// `statementsOf`.
import { createHash } from "node:crypto";
import { alarmStatement } from "./alarms";
import { REPLAYED } from "./clock";
import type { ConfigSeen, DeadReason, Effects, Happened, Latest, Message, Row } from "./effects";
import { aboutStatements, deviceStatements } from "./facts";
import type { Gap } from "./gaps";
import type { Ids } from "./ids";
import { jsonText } from "./normalize";
import { arrayText, type Statement } from "./sql";

const HOUR = 3_600_000;

/** Of two rows with one key the one that was told first-hand, then the higher: the same whoever comes first. */
function isBetter(a: Row, b: Row): boolean {
  if (a.flags !== b.flags) return a.flags < b.flags;
  return a.value !== null && (b.value === null || a.value > b.value);
}

interface Keyed {
  row: Row;
  device: number;
  sensor: number;
}

const byKey = (a: Keyed, b: Keyed): number => a.device - b.device || a.sensor - b.sensor || a.row.time - b.row.time;

/** Rows without doubles, in the order of the key. */
function sortedRows(rows: Row[], ids: Ids): Keyed[] {
  const sorted = rows
    .map((row): Keyed => ({ row, device: ids.device(row.device), sensor: ids.sensor(row.sensor) }))
    .sort(byKey);
  let last = -1;
  for (const one of sorted) {
    if (last < 0 || byKey(sorted[last], one) !== 0) sorted[++last] = one;
    else if (isBetter(one.row, sorted[last].row)) sorted[last] = one;
  }
  sorted.length = last + 1;
  return sorted;
}

const ROWS = `INSERT INTO measurements AS m (device_id, sensor_id, time, value, flags)
SELECT d, s, timestamptz 'epoch' + t * interval '1 millisecond', v, f
FROM unnest($1::text::int4[], $2::text::int4[], $3::text::int8[], $4::text::float8[], $5::text::int2[]) AS x(d, s, t, v, f)
ON CONFLICT (device_id, sensor_id, time) DO UPDATE SET value = excluded.value, flags = excluded.flags
WHERE excluded.flags < m.flags OR excluded.flags = m.flags AND excluded.value IS NOT NULL AND (m.value IS NULL OR excluded.value > m.value)`;
const HOURS = `INSERT INTO roll_up_due (device_id, hour)
SELECT d, to_timestamp(h / 1000.0) FROM unnest($1::text::int4[], $2::text::int8[]) AS x(d, h) ON CONFLICT DO NOTHING`;
const FILLED = `UPDATE gaps g SET replayed = true FROM jsonb_to_recordset($1::jsonb) AS x(device_id int, low float8, high float8)
WHERE g.device_id = x.device_id AND g.from_time < to_timestamp(x.high / 1000) AND g.to_time > to_timestamp(x.low / 1000)`;

/** The upsert of measured values alone: what a bench compares with COPY. */
export function rowsStatement(rows: Row[], ids: Ids): Statement {
  const sorted = sortedRows(rows, ids);
  let devices = "",
    sensors = "",
    times = "",
    values = "",
    flags = "";
  for (let i = 0; i < sorted.length; i++) {
    const { row, device, sensor } = sorted[i],
      comma = i ? "," : "";
    devices += comma + device;
    sensors += comma + sensor;
    times += comma + row.time;
    values += comma + (row.value ?? "NULL");
    flags += comma + row.flags;
  }
  return { name: "rows", text: ROWS, values: [devices, sensors, times, values, flags].map((all) => `{${all}}`) };
}

/** Hours that still run and are known to be due, by device. */
export type Running = Map<string, Set<number>>;

/** Roll-ups of these hours are to be made again. Hours that still run are told once: `running` remembers them. */
function hourStatements(rows: Row[], ids: Ids, now: number, running: Running): Statement[] {
  const due: Running = new Map();
  for (let i = 0; i < rows.length; i++) {
    const { device, time } = rows[i],
      hour = time - (time % HOUR);
    if (running.get(device)?.has(hour)) continue;
    noteHour(due, device, hour);
    if (hour + HOUR > now) noteHour(running, device, hour);
  }
  const pairs = [...due].flatMap(([device, hours]) => [...hours].map((hour) => [ids.device(device), hour]));
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  if (pairs.length === 0) return [];
  return [
    { text: HOURS, values: [arrayText(pairs.map(([device]) => device)), arrayText(pairs.map(([, hour]) => hour))] },
  ];
}

function noteHour(hours: Running, device: string, hour: number): void {
  const own = hours.get(device);
  if (own) own.add(hour);
  else hours.set(device, new Set([hour]));
}

function filledStatements(rows: Row[], ids: Ids): Statement[] {
  const spans = new Map<string, { device_id: number; low: number; high: number }>();
  for (const { device, time, flags } of rows) {
    if (!(flags & REPLAYED)) continue;
    const span = spans.get(device) ?? { device_id: ids.device(device), low: time, high: time };
    spans.set(device, { ...span, low: Math.min(span.low, time), high: Math.max(span.high, time) });
  }
  return spans.size === 0 ? [] : [{ text: FILLED, values: [JSON.stringify([...spans.values()])] }];
}

const LATEST = `INSERT INTO latest AS l (device_id, sensor_id, time, told_at, value, text, document, quality, seq)
SELECT d, s, to_timestamp(t / 1000), to_timestamp(told / 1000), v, txt, doc, q, seq
FROM jsonb_to_recordset($1::jsonb) AS x(d int, s int, t float8, told float8, v float8, txt text, doc jsonb, q text, seq int8)
ON CONFLICT (device_id, sensor_id) DO UPDATE SET time = excluded.time, told_at = excluded.told_at, value = excluded.value,
  text = excluded.text, document = excluded.document, quality = excluded.quality, seq = excluded.seq
WHERE (excluded.told_at, coalesce(excluded.seq, -1)) > (l.told_at, coalesce(l.seq, -1))`;
const CLEARED = `DELETE FROM latest l USING jsonb_to_recordset($1::jsonb) AS x(d int, s int, at float8)
WHERE l.device_id = x.d AND l.sensor_id = x.s AND l.told_at <= to_timestamp(x.at / 1000)`;

/** True when `a` is newer than `b`. */
function isNewer(a: Latest, b: Latest): boolean {
  return a.toldAt !== b.toldAt ? a.toldAt > b.toldAt : (a.seq ?? -1) > (b.seq ?? -1);
}

/** Member by member: numbers are written where the old ones stand. */
function overwrite(old: Latest, { time, toldAt, value, text, document, quality, seq, isDurable }: Latest): void {
  old.time = time;
  old.toldAt = toldAt;
  old.value = value;
  old.text = text;
  old.document = document;
  old.quality = quality;
  old.seq = seq;
  old.isDurable = isDurable;
}

/** The newest of each topic of each device, in records of its own: they grow old, and what comes for them does not. */
export class NewestOf {
  private readonly devices = new Map<string, Map<string, Latest>>();

  take(one: Latest): void {
    let own = this.devices.get(one.device);
    if (!own) this.devices.set(one.device, (own = new Map()));
    const before = own.get(one.sensor);
    if (!before) own.set(one.sensor, { ...one });
    else if (isNewer(one, before)) overwrite(before, one);
  }

  get size(): number {
    return this.devices.size;
  }

  /** All of them; nothing is left. */
  takeAll(): Latest[] {
    const all = [...this.devices.values()].flatMap((own) => [...own.values()]);
    this.devices.clear();
    return all;
  }
}

function latestStatements(latest: Latest[], ids: Ids): Statement[] {
  if (latest.length === 0) return [];
  const newest = new NewestOf();
  for (let i = 0; i < latest.length; i++) newest.take(latest[i]);
  const rows = newest.takeAll().map(({ device, sensor, time, toldAt, value, text, document, quality, seq }) => {
    const row = {
      d: ids.device(device),
      s: ids.sensor(sensor),
      t: time,
      told: toldAt,
      v: value,
      txt: text,
      q: quality,
      seq,
    };
    return { row, json: JSON.stringify(row).slice(0, -1) + `,"doc":${document ?? "null"}}` };
  });
  rows.sort((a, b) => a.row.d - b.row.d || a.row.s - b.row.s);
  return [{ name: "latest", text: LATEST, values: [`[${rows.map(({ json }) => json).join(",")}]`] }];
}

const EVENTS = `INSERT INTO events AS e (device_id, time, kind, key, data)
SELECT x.d, to_timestamp(x.t / 1000), x.kind, x.key, x.data
FROM jsonb_to_recordset($1::jsonb) AS x(d int, t float8, kind text, key text, data jsonb, asks boolean)
WHERE NOT x.asks OR x.data IS DISTINCT FROM (SELECT p.data FROM events p WHERE p.device_id = x.d AND p.kind = x.kind AND p.key = x.key
  AND p.time <= to_timestamp(x.t / 1000) ORDER BY p.time DESC LIMIT 1)
ON CONFLICT (device_id, kind, key, time) DO UPDATE SET data = excluded.data WHERE e.data::text < excluded.data::text`;

/**
 * Events without doubles. Those that count on change alone are compared within the batch here, with what came before in
 * SQL.
 */
function eventStatements(events: Happened[], ids: Ids): Statement[] {
  const series = new Map<string, Happened[]>();
  for (const event of events) {
    const key = `${event.device}\n${event.kind}\n${event.key}`,
      own = series.get(key);
    if (own) own.push(event);
    else series.set(key, [event]);
  }
  const rows = [...series.values()].flatMap((all) => {
    const kept: { event: Happened; text: string; asks: boolean }[] = [];
    for (const event of [...all].sort((a, b) => a.time - b.time)) {
      const text = jsonText(event.data),
        before = kept.at(-1);
      if (before && before.event.time === event.time) {
        if (text > before.text) Object.assign(before, { event, text });
      } else if (!event.onChange || before?.text !== text) kept.push({ event, text, asks: event.onChange && !before });
    }
    return kept.map(({ event: { device, time, kind, key, data }, asks }) => ({
      d: ids.device(device),
      t: time,
      kind,
      key,
      data,
      asks,
    }));
  });
  const alarms = alarmStatement(events, (device) => ids.device(device));
  return rows.length === 0 ? [] : [{ text: EVENTS, values: [jsonText(rows)] }, ...(alarms ? [alarms] : [])];
}

const ENERGY = `INSERT INTO energy_totals AS e (device_id, direction, period, date, kwh)
SELECT d, direction, period, date, max(kwh) FROM jsonb_to_recordset($1::jsonb) AS x(d int, direction text, period text, date date, kwh float8)
GROUP BY 1, 2, 3, 4 ON CONFLICT (device_id, direction, period, date) DO UPDATE SET kwh = greatest(e.kwh, excluded.kwh)`;
const CONFIG = `INSERT INTO config_versions (device_id, module, seen_at, document, hash, push_id)
SELECT x.d, x.module, to_timestamp(x.at / 1000), x.document, x.hash, (SELECT p.id FROM config_pushes p WHERE p.device_id = x.d
  AND p.patch ? x.module AND p.at BETWEEN to_timestamp(x.at / 1000) - interval '30 s' AND to_timestamp(x.at / 1000) ORDER BY p.at DESC LIMIT 1)
FROM jsonb_to_recordset($1::jsonb) AS x(d int, module text, at float8, document jsonb, hash text)
WHERE x.hash IS DISTINCT FROM (SELECT c.hash FROM config_versions c WHERE c.device_id = x.d AND c.module = x.module
  AND c.seen_at <= to_timestamp(x.at / 1000) ORDER BY c.seen_at DESC LIMIT 1) ON CONFLICT DO NOTHING`;

function configStatements(config: ConfigSeen[], ids: Ids): Statement[] {
  const last = new Map<string, string>(),
    rows: object[] = [];
  for (const { device, module, at, document } of [...config].sort((a, b) => a.at - b.at)) {
    const hash = createHash("sha256").update(document).digest("hex").slice(0, 16),
      key = `${device} ${module}`;
    if (last.get(key) === hash) continue;
    // One version a statement and module: a second one in the same batch comes with the next.
    if (last.has(key))
      rows.splice(
        rows.findIndex((row) => (row as { key: string }).key === key),
        1,
      );
    last.set(key, hash);
    rows.push({ key, d: ids.device(device), module, at, document: JSON.parse(document) as unknown, hash });
  }
  return rows.length === 0 ? [] : [{ text: CONFIG, values: [jsonText(rows)] }];
}

const GAPS = `INSERT INTO gaps (device_id, from_time, to_time, cause)
SELECT d, to_timestamp(f / 1000), to_timestamp(t / 1000), cause FROM jsonb_to_recordset($1::jsonb) AS x(d int, f float8, t float8, cause text)
ON CONFLICT DO NOTHING`;
const LABELS = `UPDATE sensors s SET unit = coalesce(nullif(x.unit, ''), s.unit), label = coalesce(nullif(x.label, ''), s.label)
FROM jsonb_to_recordset($1::jsonb) AS x(sensor text, unit text, label text) WHERE s.sensor_type = x.sensor AND s.label = ''`;
const DEAD = `INSERT INTO dead_letters (hash, received_at, topic, payload, qos, retain, reason)
SELECT hash, to_timestamp(at / 1000), topic, decode(payload, 'base64'), qos, retain, reason
FROM jsonb_to_recordset($1::jsonb) AS x(hash text, at float8, topic text, payload text, qos int2, retain boolean, reason text)
ON CONFLICT DO NOTHING`;

/** Messages that could not be kept, with why. */
export interface Dead {
  message: Message;
  reason: DeadReason;
}

const MOST_DEAD_BYTES = 65536;

export function deadStatements(dead: Dead[]): Statement[] {
  const rows = dead.map(({ message: { topic, payload, qos, retain, arrival }, reason }) => ({
    hash: createHash("sha256")
      .update(topic + "\n")
      .update(payload)
      .digest("hex"),
    at: arrival,
    topic: topic.replaceAll("\0", "").slice(0, 500),
    payload: payload.subarray(0, MOST_DEAD_BYTES).toString("base64"),
    qos,
    retain,
    reason,
  }));
  return rows.length === 0 ? [] : [{ text: DEAD, values: [jsonText(rows)] }];
}

/** All that a batch writes. `running`: hours known to be due. */
export function statementsOf(effects: Effects, gaps: Gap[], ids: Ids, now: number, running: Running): Statement[] {
  const { rows, latest, events, facts, about, energy, config, labels, cleared } = effects,
    device = (name: string): number => ids.device(name);
  const json = (text: string, all: object[]): Statement[] =>
    all.length === 0 ? [] : [{ text, values: [jsonText(all)] }];
  return [
    ...(rows.length > 0 ? [rowsStatement(rows, ids)] : []),
    ...hourStatements(rows, ids, now, running),
    ...json(
      GAPS,
      gaps.map(({ device: name, from, to, cause }) => ({ d: device(name), f: from, t: to, cause })),
    ),
    ...filledStatements(rows, ids),
    ...latestStatements(latest, ids),
    ...json(
      CLEARED,
      cleared.map(({ device: name, sensor, at }) => ({ d: device(name), s: ids.sensor(sensor), at })),
    ),
    ...eventStatements(events, ids),
    ...deviceStatements(facts, device),
    ...aboutStatements(about, device),
    ...json(
      ENERGY,
      energy.map(({ device: name, direction, period, date, kwh }) => ({
        d: device(name),
        direction,
        period,
        date,
        kwh,
      })),
    ),
    ...configStatements(config, ids),
    ...json(LABELS, labels),
  ];
}
