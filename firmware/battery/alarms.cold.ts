// What is rare of the alarms: their state at boot, and how they stand on HTTP.
import type { Alarms } from "./alarms";
import { nameIn } from "./names.cold";
import { ALARM_ROWS, ALARMS_AT } from "./names.baked";

/** No alarm; thresholds of the settings as they are by default. */
export function alarmsOf(): Alarms {
  return {
    on: new Uint8Array(ALARM_ROWS),
    since: new Uint32Array(ALARM_ROWS),
    held: new Uint8Array(2 * ALARM_ROWS),
    raised: 0,
    warned: 0,
    changes: 0,
    at: 0,
    step: 0,
    active: 1,
    well: 0,
    key: -1,
    device: 0,
    config: 0,
    spreadAlarm: 300,
    spreadWarning: 160,
    socAlarm: 10,
    socWarning: 15,
    systemStatus: 0,
    acked: [],
  };
}

/**
 * JSON of the active alarms in the order of the table: number, name, severity (1 warning, 2 alarm), since when (ms
 * since boot).
 */
export function alarmsText(alarms: Alarms): string {
  const out: string[] = [];
  let row = 0;
  for (const bits of alarms.on) {
    if (bits & 3) {
      const parts = nameIn(ALARMS_AT, row).split(":");
      out.push(
        `{"id":${parts[0]},"code":"${parts[1]}","severity":${(bits & 3) > 1 ? 2 : 1},"since_ms":${alarms.since[row] * 1000}}`,
      );
    }
    row++;
  }
  return "[" + out.join(",") + "]";
}
