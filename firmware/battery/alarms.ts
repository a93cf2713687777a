// The state of the alarms, and the rule by which a row of them is raised and cleared: debounce, hysteresis, event latch
// (tables/alarms.ts says when; battery/alarms.baked.ts asks each second).

// Bits of `Alarms.device`.

/** UART replies have a bad CRC. */
export const UART_ERRORS = 1;
/** CAN frames fail. */
export const CAN_ERRORS = 2;
/** No CAN frame is acknowledged. */
export const CAN_UNHEARD = 4;
/** The CAN controller is bus-off. */
export const BUS_OFF = 8;
/** There is no GX. */
export const GX_GONE = 16;
/** A TinyBMS has not told everything since the start, for as long as makes data degraded. */
export const BMS_LATE = 32;
/** The same, for as long as makes data lost. */
export const BMS_NEVER = 64;
/** The device started because its watchdog bit or the interpreter broke. */
export const WAS_RESET = 128;
/** Little memory is free after a collection. */
export const MEMORY_LOW = 256;
/** Bits of `Alarms.on`: warning, alarm, and a condition that is being timed. */
export const WARNING = 1,
  ALARM = 2,
  TIMED = 4;

export interface Alarms {
  /**
   * Each row of tables/alarms.ts: WARNING, ALARM; when it last changed (s since boot); how long its conditions have
   * held, in quarter s.
   */
  on: Uint8Array;
  since: Uint32Array;
  held: Uint8Array;
  /**
   * Fields of 0x35A that are active, two bits each; changes since boot; time of this step (s) and since the last
   * (quarter seconds).
   */
  raised: number;
  warned: number;
  changes: number;
  at: number;
  step: number;
  /**
   * A row is on or timed (or must be looked at); quarter seconds since register 50 said fault or an event came; what
   * else was last looked at.
   */
  active: number;
  well: number;
  key: number;
  /** What only tasks see, as bits; settings of the battery: 0 they fit, 1 a rule is broken, 2 they do not fit. */
  device: number;
  config: number;
  /**
   * Settings: cell spread (mV) and SoC (%) of the alarm and the warning; system status in 0x35A: 0 off, the value for
   * online.
   */
  spreadAlarm: number;
  spreadWarning: number;
  socAlarm: number;
  socWarning: number;
  systemStatus: number;
  /** Alarms that somebody has seen: number, when the alarm began (0: unknown), ... */
  acked: number[];
}

/**
 * One step of a row. `alarm` and `warning` are its conditions: of being raised while it is not, of being cleared while
 * it is; each counts when it has held for its seconds in `holds` (six bits each: alarm raised, cleared, warning raised,
 * cleared; bit 24: an alarm brings the warning along). `latched` raises the alarm at once and holds it. The warning is
 * judged again when the alarm is gone, so that a clearing alarm steps down. `field` is the lower bit of the row's field
 * in 0x35A, 30 for none.
 */
export function judge(
  a: Alarms,
  row: number,
  field: number,
  holds: number,
  latched: boolean | number,
  alarm: boolean | number,
  warning: boolean | number,
): void {
  const was = a.on[row] & 3,
    at = 2 * row;
  let now = was,
    held = 0,
    timed = 0;
  if (latched) {
    now |= ALARM;
  } else if (alarm) {
    timed = a.held[at] + a.step;
    if (timed >= ((was & ALARM ? holds >> 6 : holds) % 64) * 4) {
      now ^= ALARM;
      timed = 0;
    }
  }
  a.held[at] = timed;
  if (now & ALARM) {
    if (holds >> 24) now |= WARNING;
  } else if (warning) {
    held = a.held[at + 1] + a.step;
    if (held >= ((was & WARNING ? holds >> 18 : holds >> 12) % 64) * 4) {
      now ^= WARNING;
      held = 0;
    }
  }
  a.held[at + 1] = held;
  a.on[row] = timed + held ? now | TIMED : now;
  if (a.on[row]) a.active = 1;
  if (was === now) return;
  a.since[row] = a.at;
  a.changes++;
  if ((was ^ now) & ALARM) a.raised ^= 3 << field;
  if (was > 0 !== now > 0) a.warned ^= 3 << field;
}
