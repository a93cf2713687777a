// Rows as CSV, in pieces, so that a year of them needs no memory.
import type { Sql } from "./sql";

const PIECE = 5000;

export interface Wanted {
  device: string;
  sensors?: string[];
  from: number;
  to: number;
}

/** A field as CSV (RFC 4180); what a spreadsheet would take for a formula gets a quote before it. */
function field(text: string): string {
  const safe = /^[=+@\t\r-]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

interface CsvRow {
  sensor: string;
  id: number;
  at: string;
  time: Date;
  value: number | null;
  unit: string;
}

const TEXT = `SELECT s.id, s.sensor_type AS sensor, m.time, m.time::text AS at, m.value, s.unit FROM sensors s
CROSS JOIN LATERAL (SELECT time, value FROM measurements WHERE device_id = (SELECT id FROM devices WHERE device_id = $1) AND sensor_id = s.id
  AND time >= to_timestamp($2::float8 / 1000) AND time < to_timestamp($3::float8 / 1000)
  AND (s.id > $4 OR time > $5::timestamptz) ORDER BY time LIMIT ${PIECE}) m
WHERE s.id >= $4 AND ($6::jsonb IS NULL OR $6::jsonb ? s.sensor_type) ORDER BY s.id, m.time LIMIT ${PIECE}`;

/** Lines of CSV, a head first; sorted by sensor and time. */
export async function* csvOf(sql: Sql, { device, sensors, from, to }: Wanted): AsyncGenerator<string> {
  yield "time,device,sensor,value,unit\r\n";
  let id = 0,
    at = "-infinity";
  for (;;) {
    const rows = await sql.query<CsvRow>(TEXT, [device, from, to, id, at, sensors ? JSON.stringify(sensors) : null]);
    if (rows.length === 0) return;
    yield rows
      .map(
        ({ time, sensor, value, unit }) =>
          `${new Date(time).toISOString()},${field(device)},${field(sensor)},${value ?? ""},${field(unit)}\r\n`,
      )
      .join("");
    ({ id, at } = rows.at(-1)!);
  }
}
