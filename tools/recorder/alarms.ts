// Alarms as stretches of time, made anew of the events that raise and end them whenever one comes: so the same in
// whatever order, and however often, the messages came. An end without a beginning is none; of a stretch the worst
// severity counts.
import type { Happened } from "./effects";
import type { Statement } from "./sql";

const TEXT = `
WITH touched AS (SELECT DISTINCT device_id, key FROM jsonb_to_recordset($1::jsonb) AS x(device_id int, key text)),
told AS (
  SELECT e.device_id, e.key, e.time, e.data, e.data->>'a' = '1' AS active, lag(e.data->>'a' = '1') OVER one AS before
  FROM events e JOIN touched USING (device_id, key) WHERE e.kind = 'alarm'
  WINDOW one AS (PARTITION BY e.device_id, e.key ORDER BY e.time)),
counted AS (
  SELECT *, count(*) FILTER (WHERE active AND NOT coalesce(before, false)) OVER (PARTITION BY device_id, key ORDER BY time) AS span FROM told),
spans AS (
  SELECT device_id, key::int AS alarm_id, min(time) AS raised_at, min(time) FILTER (WHERE NOT active) AS cleared_at,
    coalesce(max((data->>'s')::float8) FILTER (WHERE active), 0)::int2 AS severity,
    coalesce((array_agg(data->>'code' ORDER BY time))[1], '') AS code,
    (array_agg((data->>'v')::float8 ORDER BY (data->>'s')::float8 DESC NULLS LAST, time) FILTER (WHERE active))[1] AS value
  FROM counted WHERE span > 0 GROUP BY device_id, key, span),
gone AS (
  DELETE FROM alarms a USING touched t WHERE a.device_id = t.device_id AND a.alarm_id = t.key::int AND a.acked_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM spans s WHERE s.device_id = a.device_id AND s.alarm_id = a.alarm_id AND s.raised_at = a.raised_at))
INSERT INTO alarms (device_id, alarm_id, raised_at, code, severity, value, cleared_at)
SELECT device_id, alarm_id, raised_at, code, severity, value, cleared_at FROM spans
ON CONFLICT (device_id, alarm_id, raised_at) DO UPDATE
SET code = excluded.code, severity = excluded.severity, value = excluded.value, cleared_at = excluded.cleared_at`;

/**
 * Makes the alarms of these events anew; the events stand in their table already. Null when none of them is an alarm's.
 */
export function alarmStatement(events: Happened[], idOf: (device: string) => number): Statement | null {
  const touched = events
    .filter(({ kind }) => kind === "alarm")
    .map(({ device, key }) => ({ device_id: idOf(device), key }));
  return touched.length === 0 ? null : { text: TEXT, values: [JSON.stringify(touched)] };
}
