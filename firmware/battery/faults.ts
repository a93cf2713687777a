// The TinyBMS's faults and warnings that are active: the meeting point of the event log (which sets and clears them), the
// alarms and the charge control (which act on them). Ids: TinyBMS Rev D, 3.3 (0x02..0x0F faults, 0x31..0x39 warnings).

export interface Faults {
  /**
   * One bit an id: 0x00..0x1F in `low`, 0x20..0x3F in `high`. The reader of the event log sets a bit at the event and clears
   * it at the recovery event of the id (TinyBMS Rev D, 3.3) or at 0x61 (restart), replaying the log in time order at boot.
   * The alarms clear it too, when the recovery event was missed (battery/alarms.ts, column `lasting`).
   */
  low: number; high: number;
  /** One of them is new: the alarms end none before they have seen it for a while. */
  fresh: boolean;
  /** When the event log was last read (ms), -1 never: until then what only an event can raise is not supported. */
  at: number;
}
