// What settings change: everything that works by them.
import type { Energy } from "../battery/energy";
import type { Snapshot } from "../battery/snapshot";
import type { Limits } from "../charge/limits";
import type { Listener, Needs as PublishNeeds } from "../publish/needs";
import type { MqttTask } from "../publish/state";
import type { Change } from "./change";
import type { CanTask } from "../victron/task";

export interface Needs extends PublishNeeds {
  /** The set-up token, and what a browser that was logged in is known by: "" until there is an address. */
  token: string;
  mark: string;
  snapshot: Snapshot;
  limits: Limits;
  energy: Energy;
  can: CanTask;
  mqtt: MqttTask;
  commands: Listener & {
    /** Setting mqtt.commands: 0 off, 1 safe, 2 all; flags of answers (QoS x 2, retain 1). */
    mode: number;
    answerFlags: number;
    /** Setting http.read_auth. */
    readAuth: boolean;
    /** The change of the settings that is under way. */
    change?: Change | null;
    /** The text of a module for cfg/<module> as far as it is made, and the place in the table where it goes on. */
    shown?: { module: string; from: number; text: string } | null;
  };
}
