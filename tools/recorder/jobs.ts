// What the database needs beside rows: partitions for days to come, roll-ups of hours that are over, an end for what is
// old.
import type { Engine } from "./migrate";
import type { Sql } from "./sql";

const DAY = 86_400_000,
  HOURS_AT_ONCE = 50;

/** The partition of a day, `measurements_p20260203`. */
export function partitionOf(day: number): string {
  return "measurements_p" + new Date(day).toISOString().slice(0, 10).replaceAll("-", "");
}

const dayOf = (time: number): number => time - (time % DAY);

export interface Days {
  /** Partitions for these times, ms. */
  ensure(times: number[]): Promise<void>;
  /** Today's and those of the next three days. */
  ahead(now: number): Promise<void>;
  /** Drop the days that are older than so many; how many. */
  drop(now: number, keepDays: number): Promise<number>;
}

/** Partitions by day. TimescaleDB makes its own. */
export function daysOf(sql: Sql, engine: Engine): Days {
  const known = new Set<number>();
  const make = async (day: number): Promise<void> => {
    const bound = (time: number): string => `'${new Date(time).toISOString()}'`;
    await sql.query(
      `CREATE TABLE IF NOT EXISTS ${partitionOf(day)} PARTITION OF measurements FOR VALUES FROM (${bound(day)}) TO (${bound(day + DAY)})`,
    );
    known.add(day);
  };
  const ensure = async (times: number[]): Promise<void> => {
    if (engine === "timescale") return;
    const missing = new Set(times.map(dayOf).filter((day) => !known.has(day)));
    for (const day of missing) await make(day);
  };
  return {
    ensure,
    ahead: (now) => ensure([0, 1, 2, 3].map((days) => now + days * DAY)),
    drop: async (now, keepDays) => {
      if (engine === "timescale")
        return (
          await sql.query("SELECT drop_chunks('measurements', older_than => make_interval(days => $1))", [keepDays])
        ).length;
      const tables = await sql.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'measurements'::regclass",
      );
      const old = tables.filter(({ name }) => /_p\d{8}$/.test(name) && name < partitionOf(dayOf(now) - keepDays * DAY));
      for (const { name } of old) await sql.query(`DROP TABLE ${name}`);
      for (const day of known) if (day < dayOf(now) - keepDays * DAY) known.delete(day);
      return old.length;
    },
  };
}

const VALUES = "sensor_id, bucket, n, sum, min, max, last";
const NEWER = "n = excluded.n, sum = excluded.sum, min = excluded.min, max = excluded.max, last = excluded.last";
const ROLL_UP = `
WITH due AS (
  DELETE FROM roll_up_due r USING (
    SELECT device_id, hour FROM roll_up_due WHERE hour <= $2::timestamptz - interval '61 minutes' ORDER BY hour LIMIT $1 FOR UPDATE SKIP LOCKED) p
  WHERE r.device_id = p.device_id AND r.hour = p.hour RETURNING r.device_id, r.hour),
minutes AS (
  SELECT due.device_id, m.* FROM due JOIN latest l ON l.device_id = due.device_id CROSS JOIN LATERAL (
    SELECT x.sensor_id, date_trunc('minute', x.time) AS bucket, count(*)::int AS n, sum(x.value) AS sum, min(x.value) AS min, max(x.value) AS max,
      (array_agg(x.value ORDER BY x.time DESC))[1] AS last
    FROM measurements x WHERE x.device_id = due.device_id AND x.sensor_id = l.sensor_id AND x.time >= due.hour
      AND x.time < due.hour + interval '1 hour' AND x.value IS NOT NULL GROUP BY 1, 2) m),
by_minute AS (
  INSERT INTO measurements_1m (device_id, ${VALUES}) SELECT device_id, ${VALUES} FROM minutes
  ON CONFLICT (device_id, sensor_id, bucket) DO UPDATE SET ${NEWER}),
by_hour AS (
  INSERT INTO measurements_1h (device_id, ${VALUES})
  SELECT device_id, sensor_id, date_trunc('hour', bucket), sum(n)::int, sum(sum), min(min), max(max), (array_agg(last ORDER BY bucket DESC))[1]
  FROM minutes GROUP BY 1, 2, 3 ON CONFLICT (device_id, sensor_id, bucket) DO UPDATE SET ${NEWER})
SELECT count(*)::int AS hours FROM due`;

/** Make the roll-ups of some hours that are over by `now` (ms); how many. Two recorders never take the same one. */
export async function rollUp(sql: Sql, now: number, most = HOURS_AT_ONCE): Promise<number> {
  return (await sql.query<{ hours: number }>(ROLL_UP, [most, new Date(now).toISOString()]))[0].hours;
}

/** Two years of minutes are kept, hours for good. */
export async function forgetMinutes(sql: Sql): Promise<void> {
  await sql.query("DELETE FROM measurements_1m WHERE bucket < now() - interval '2 years'");
}
