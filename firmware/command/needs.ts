// What commands need: all that settings need, and what they do to the device.
import type { Server } from "../http/server";
import type { Needs as SettingsNeeds } from "../settings/needs";
import type { Commands } from "./state";

export interface Needs extends SettingsNeeds {
  commands: Commands;
  server: Server;
  /** Restart the device at once. */
  restart(): void;
}
