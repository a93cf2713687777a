// Alarms as stretches of time, made of the events that raise and end them: what the SQL of the recorder is compared
// with.

/** One message of an alarm; times in ms, severity 1 warning, 2 alarm. */
export interface AlarmEvent {
  time: number;
  isActive: boolean;
  code: string;
  severity: number;
  value: number | null;
}

/** `clearedAt` null: it lasts. */
export interface AlarmSpan {
  raisedAt: number;
  clearedAt: number | null;
  code: string;
  severity: number;
  value: number | null;
}

/**
 * The stretches of one alarm of one device. An end without a beginning is none; of a stretch the worst severity counts.
 */
export function spansOf(events: AlarmEvent[]): AlarmSpan[] {
  const spans: AlarmSpan[] = [];
  let open: AlarmSpan | null = null;
  for (const { time, isActive, code, severity, value } of [...events].sort(
    (a, b) => a.time - b.time || Number(a.isActive) - Number(b.isActive),
  )) {
    if (isActive && open) {
      if (severity > open.severity) Object.assign(open, { severity, value, code: code || open.code });
    } else if (isActive) {
      spans.push((open = { raisedAt: time, clearedAt: null, code, severity, value }));
    } else if (open) {
      open.clearedAt = time;
      open = null;
    }
  }
  return spans;
}
