// The battery comes, grows old, is lost.
import { PHASES_AT } from "../battery/names.baked";
import { nameIn } from "../battery/names.cold";
import { NORMAL } from "../battery/snapshot";
import type { App } from "./app";
import { INFO, WARN, writeLog } from "./log";

export function logPhase(app: App, phase: number): void {
  writeLog(app, phase > NORMAL ? WARN : INFO, "bms " + nameIn(PHASES_AT, phase));
}
