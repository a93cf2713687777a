// What the log needs: its setting, the time of day, and the session in whose outbox a line waits.
import type { Needs as SettingsNeeds } from "../config/needs";
import type { Session } from "../mqtt/session";
import type { Clock } from "../time/clock";
import type { LogLines } from "./log";

export interface Needs extends SettingsNeeds {
  clock: Clock;
  session: Session;
  lines: LogLines;
}
