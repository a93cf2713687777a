// What the pages ask for, by Drizzle over the door to the database.
import {
  and,
  asc,
  count,
  desc,
  eq,
  getTableColumns,
  gte,
  inArray,
  isNull,
  lte,
  max,
  or,
  sql as raw,
  type SQL,
} from "drizzle-orm";
import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import { holeMs, sourceOf, withHoles, type Point, type Source } from "./downsample";
import type { Outcome } from "./effects";
import { GAP_MS } from "./gaps";
import type { Json } from "./normalize";
import * as schema from "./schema";
import type { Sql } from "./sql";
import type { Store } from "./store";

const { devices, sensors, latest, gaps, events, alarms, deviceBoots, deviceSystemStatus, deviceHardware } = schema;
const { energyTotals, configVersions, configPushes, deadLetters } = schema;

export type Db = PgRemoteDatabase<typeof schema>;

export function readsOf(sql: Sql): Db {
  const ask = async (text: string, values: unknown[]): Promise<{ rows: unknown[] }> => ({
    rows: await sql.query({ text, values, isArray: true }),
  });
  return drizzle(ask, { schema, casing: "snake_case" });
}

/** A device as the table of the fleet shows it. */
export type FleetDevice = Awaited<ReturnType<typeof fleet>>[number];

export async function fleet(db: Db, one?: string) {
  const active = db
    .select({ deviceId: alarms.deviceId, n: count().as("n"), worst: max(alarms.severity).as("worst") })
    .from(alarms)
    .where(isNull(alarms.clearedAt))
    .groupBy(alarms.deviceId)
    .as("active");
  const rows = await db
    .select({
      id: devices.deviceId,
      name: devices.name,
      prefix: devices.prefix,
      firstSeen: devices.firstSeen,
      lastSeen: devices.lastSeen,
      online: devices.online,
      bmsOnline: devices.bmsOnline,
      phase: devices.phase,
      fw: devices.fw,
      state: devices.state,
      stateAt: raw<number | null>`(${devices.times}->>'state')::float8`,
      alarms: active.n,
      severity: active.worst,
    })
    .from(devices)
    .leftJoin(active, eq(active.deviceId, devices.id))
    .where(one === undefined ? undefined : eq(devices.deviceId, one))
    .orderBy(asc(devices.deviceId));
  return rows.map((row) => ({
    ...row,
    state: row.state as Json | null,
    alarms: Number(row.alarms ?? 0),
    severity: Number(row.severity ?? 0),
  }));
}

/** The number of a device by its name; null when there is none. */
export async function deviceNumber(db: Db, name: string): Promise<number | null> {
  const [row] = await db.select({ id: devices.id }).from(devices).where(eq(devices.deviceId, name));
  return row?.id ?? null;
}

export async function aboutDevice(db: Db, id: number) {
  const { deviceId: _one, times: _two, ...status } = getTableColumns(deviceSystemStatus);
  const { deviceId: _three, times: _four, ...chip } = getTableColumns(deviceHardware);
  const [system] = await db.select(status).from(deviceSystemStatus).where(eq(deviceSystemStatus.deviceId, id));
  const [hardware] = await db.select(chip).from(deviceHardware).where(eq(deviceHardware.deviceId, id));
  return { system: system ?? null, hardware: hardware ?? null };
}

export function latestOf(db: Db, id: number) {
  return db
    .select({
      sensor: sensors.sensorType,
      label: sensors.label,
      unit: sensors.unit,
      digits: sensors.digits,
      time: latest.time,
      value: latest.value,
      text: latest.text,
      document: latest.document,
      quality: latest.quality,
      seq: latest.seq,
    })
    .from(latest)
    .innerJoin(sensors, eq(sensors.id, latest.sensorId))
    .where(eq(latest.deviceId, id))
    .orderBy(asc(sensors.id));
}

/** A stretch of time; both ends may be open. */
export interface Span {
  from?: Date;
  to?: Date;
}

export function gapsOfDevice(db: Db, id: number, { from, to }: Span) {
  return db
    .select({ from: gaps.fromTime, to: gaps.toTime, cause: gaps.cause, replayed: gaps.replayed })
    .from(gaps)
    .where(and(eq(gaps.deviceId, id), from && gte(gaps.toTime, from), to && lte(gaps.fromTime, to)))
    .orderBy(asc(gaps.fromTime))
    .limit(2000);
}

export function eventsOf(db: Db, id: number, { from, to, kind, limit }: Span & { kind?: string; limit: number }) {
  return db
    .select({ time: events.time, kind: events.kind, key: events.key, data: events.data })
    .from(events)
    .where(
      and(
        eq(events.deviceId, id),
        from && gte(events.time, from),
        to && lte(events.time, to),
        kind ? eq(events.kind, kind) : undefined,
      ),
    )
    .orderBy(desc(events.time))
    .limit(limit);
}

export function bootsOf(db: Db, id: number) {
  const { bootAt, fromMs, boot, epoch, source } = deviceBoots;
  return db
    .select({ bootAt, fromMs, boot, epoch, source })
    .from(deviceBoots)
    .where(eq(deviceBoots.deviceId, id))
    .orderBy(desc(bootAt))
    .limit(200);
}

export function alarmsOf(
  db: Db,
  { device, isActive, from, to, limit }: Span & { device?: string; isActive?: boolean; limit: number },
) {
  return db
    .select({
      device: devices.deviceId,
      id: alarms.alarmId,
      code: alarms.code,
      severity: alarms.severity,
      value: alarms.value,
      raisedAt: alarms.raisedAt,
      clearedAt: alarms.clearedAt,
      ackedAt: alarms.ackedAt,
      ackedBy: alarms.ackedBy,
    })
    .from(alarms)
    .innerJoin(devices, eq(devices.id, alarms.deviceId))
    .where(
      and(
        device ? eq(devices.deviceId, device) : undefined,
        isActive ? isNull(alarms.clearedAt) : undefined,
        from && (raw`coalesce(${alarms.clearedAt}, 'infinity') >= ${from.toISOString()}` as SQL),
        to && lte(alarms.raisedAt, to),
      ),
    )
    .orderBy(desc(alarms.raisedAt))
    .limit(limit);
}

/** Somebody has seen an alarm. False when there is none like it, or it has been seen. */
export async function acknowledge(
  db: Db,
  id: number,
  alarm: number,
  raisedAt: Date | undefined,
  by: string,
): Promise<boolean> {
  const rows = await db
    .update(alarms)
    .set({ ackedAt: new Date(), ackedBy: by })
    .where(
      and(
        eq(alarms.deviceId, id),
        eq(alarms.alarmId, alarm),
        isNull(alarms.ackedAt),
        raisedAt && eq(alarms.raisedAt, raisedAt),
      ),
    )
    .returning({ at: alarms.raisedAt });
  return rows.length > 0;
}

export function energyOf(db: Db, id: number, period: "daily" | "monthly", from: string, to: string) {
  const { date, direction, kwh } = energyTotals;
  return db
    .select({ date, direction, kwh })
    .from(energyTotals)
    .where(and(eq(energyTotals.deviceId, id), eq(energyTotals.period, period), gte(date, from), lte(date, to)))
    .orderBy(asc(date), asc(direction));
}

/** The settings that a device told last, a module each. */
export async function configOf(db: Db, id: number) {
  const { module, document, seenAt, id: version } = configVersions;
  return db
    .selectDistinctOn([module], { module, document, seenAt, version })
    .from(configVersions)
    .where(eq(configVersions.deviceId, id))
    .orderBy(asc(module), desc(seenAt));
}

export async function versionsOf(db: Db, id: number, module?: string) {
  const own = configVersions;
  return db
    .select({ version: own.id, module: own.module, seenAt: own.seenAt, document: own.document, push: own.pushId })
    .from(own)
    .where(and(eq(own.deviceId, id), module ? eq(own.module, module) : undefined))
    .orderBy(desc(own.seenAt))
    .limit(200);
}

export function pushesOf(db: Db, id: number) {
  const { id: push, patch, by, at, state, ack } = configPushes;
  return db
    .select({ id: push, patch, by, at, state, ack })
    .from(configPushes)
    .where(eq(configPushes.deviceId, id))
    .orderBy(desc(at))
    .limit(100);
}

/** Dead letters, newest first; `beginnings`: only of topics that begin like one of these. */
export function deadOf(db: Db, limit: number, beginnings?: string[]) {
  const { hash, receivedAt, topic, qos, reason, tries } = deadLetters,
    payload = raw<string>`encode(substring(${deadLetters.payload} for 200), 'escape')`;
  return db
    .select({ hash, receivedAt, topic, qos, reason, tries, payload })
    .from(deadLetters)
    .where(beginnings && or(...beginnings.map((text) => raw`starts_with(${topic}, ${text})`)))
    .orderBy(desc(receivedAt))
    .limit(limit);
}

export async function rename(db: Db, id: number, name: string): Promise<void> {
  await db
    .update(devices)
    .set({ name: name === "" ? null : name })
    .where(eq(devices.id, id));
}

/** Numbers of sensors by their names; those that are not known are left out. */
export async function sensorNumbers(db: Db, names: string[]): Promise<Map<string, number>> {
  const rows = await db
    .select({ id: sensors.id, name: sensors.sensorType })
    .from(sensors)
    .where(inArray(sensors.sensorType, names));
  return new Map(rows.map(({ id, name }) => [name, id]));
}

interface Letter {
  topic: string;
  payload: Uint8Array;
  qos: number;
  retain: boolean;
  at: number;
}

/** Try a dead letter again: "kept" (then it is one no more), the reason why not, null when there is none like it. */
export async function retryLetter(sql: Sql, store: Store, hash: string): Promise<string | null> {
  const [letter] = await sql.query<Letter>(
    `UPDATE dead_letters SET tries = tries + 1 WHERE hash = $1
     RETURNING topic, payload, qos, retain, extract(epoch FROM received_at)::float8 * 1000 AS at`,
    [hash],
  );
  if (!letter) return null;
  const { topic, payload, qos, retain, at } = letter;
  const message = { topic, payload: Buffer.from(payload), qos, retain, dup: false, arrival: Math.round(at) },
    outcome = store.outcomeOf(message);
  if (outcome.kind !== "kept") return outcome.kind === "dead" ? outcome.reason : "ignored";
  const end = await new Promise<Outcome | null>((resolve) => store.push(message, outcome, true, resolve));
  if (end?.kind === "dead") return end.reason;
  await sql.query("DELETE FROM dead_letters WHERE hash = $1", [hash]);
  return "kept";
}

// History: values of one sensor as points of a chart.

/** Stretches so short are asked whether their rows fit. */
const PROBED_MS = 7 * 86_400_000;
const WITHIN = "device_id = $1 AND sensor_id = $2";

async function rawPoints(sql: Sql, key: [number, number], from: number, to: number): Promise<Point[]> {
  const rows = await sql.query<[number, number | null]>({
    isArray: true,
    values: [...key, from, to],
    text: `SELECT extract(epoch FROM time)::float8 * 1000, value FROM measurements
      WHERE ${WITHIN} AND time >= to_timestamp($3::float8 / 1000) AND time < to_timestamp($4::float8 / 1000) ORDER BY time`,
  });
  return rows.map(([t, value]) => ({
    t: Math.round(t),
    min: value,
    max: value,
    avg: value,
    n: value === null ? 0 : 1,
  }));
}

/** Steps over a roll-up; hours whose roll-up is not made yet are taken from the rows. */
function steppedText(table: Source["table"], isDue: boolean): string {
  const step = "$5::float8 * interval '1 millisecond'",
    bin = (time: string): string => `date_bin(${step}, ${time}, timestamptz 'epoch')`;
  const bounds = (time: string): string =>
    `${time} >= to_timestamp($3::float8 / 1000) AND ${time} < to_timestamp($4::float8 / 1000)`;
  const hours = `SELECT hour FROM roll_up_due WHERE device_id = $1
    AND hour >= to_timestamp($3::float8 / 1000) - interval '1 hour' AND hour < to_timestamp($4::float8 / 1000)`;
  const fresh = `SELECT ${bin("m.time")} AS bucket, 1 AS n, m.value AS sum, m.value AS min, m.value AS max FROM (${hours}) r
    CROSS JOIN LATERAL (SELECT time, value FROM measurements WHERE ${WITHIN}
      AND time >= r.hour AND time < r.hour + interval '1 hour' AND ${bounds("time")}) m
    WHERE m.value IS NOT NULL`;
  const rolled = `SELECT ${bin("bucket")} AS bucket, n, sum, min, max FROM measurements_${table}
    WHERE ${WITHIN} AND ${bounds("bucket")} AND date_trunc('hour', bucket) NOT IN (${hours})`;
  const direct = `SELECT ${bin("time")} AS bucket, 1 AS n, value AS sum, value AS min, value AS max FROM measurements
    WHERE ${WITHIN} AND ${bounds("time")} AND value IS NOT NULL`;
  const rolledOnly = `SELECT ${bin("bucket")} AS bucket, n, sum, min, max FROM measurements_${table}
    WHERE ${WITHIN} AND ${bounds("bucket")}`;
  const inner = table === "raw" ? direct : isDue ? `${rolled} UNION ALL ${fresh}` : rolledOnly;
  return `SELECT extract(epoch FROM bucket)::float8 * 1000, min(min), max(max), sum(sum) / sum(n), sum(n)::int
    FROM (${inner}) x GROUP BY bucket ORDER BY bucket`;
}

async function steppedPoints(
  sql: Sql,
  key: [number, number],
  from: number,
  to: number,
  { table, step }: Source,
): Promise<Point[]> {
  type Row = [number, number, number, number, number];
  // Without hours that are due no partition has to be planned for.
  const due = await sql.query(
    `SELECT 1 FROM roll_up_due WHERE device_id = $1 AND hour >= to_timestamp($2::float8 / 1000) - interval '1 hour'
     AND hour < to_timestamp($3::float8 / 1000) LIMIT 1`,
    [key[0], from, to],
  );
  const rows = await sql.query<Row>({
    isArray: true,
    text: steppedText(table, due.length > 0),
    values: [...key, from, to, step],
  });
  return rows.map(([t, min, max, avg, n]) => ({ t: Math.round(t), min, max, avg, n }));
}

/** A series as columns: uPlot takes them as they are. Null where nothing was told. */
export interface Series {
  sensor: string;
  source: Source["table"];
  step: number;
  t: number[];
  min: (number | null)[];
  max: (number | null)[];
  avg: (number | null)[];
  n: number[];
}

/** At most about `points` points of a sensor between two times (ms). */
export async function historyOf(
  sql: Sql,
  key: [number, number],
  sensor: string,
  from: number,
  to: number,
  points: number,
): Promise<Series> {
  const isShort = to - from <= PROBED_MS;
  const [{ n }] = !isShort
    ? [{ n: 0 }]
    : await sql.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM (SELECT 1 FROM measurements WHERE ${WITHIN} AND time >= to_timestamp($3::float8 / 1000)
     AND time < to_timestamp($4::float8 / 1000) LIMIT $5) x`,
        [...key, from, to, points + 1],
      );
  // When the rows are gone or few, older roll-ups may still have more.
  const fits = n > 0 && n <= points;
  const source = sourceOf(from, to, points, fits ? n : points + 1);
  const found =
    source.step === 0 ? await rawPoints(sql, key, from, to) : await steppedPoints(sql, key, from, to, source);
  const all = withHoles(found, holeMs(found, Math.max(GAP_MS, source.step * 2)));
  const column = <K extends keyof Point>(name: K): Point[K][] => all.map((point) => point[name]);
  return {
    sensor,
    source: source.table,
    step: source.step,
    t: column("t"),
    min: column("min"),
    max: column("max"),
    avg: column("avg"),
    n: column("n"),
  };
}
