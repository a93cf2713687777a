// GET /api/status, the last piece: memory, tasks, alarms, and what closes the document.
import { alarmsText } from "../battery/alarms.cold";
import { machineText } from "../http/status.cold";
import { VERSION } from "../version";
import type { App } from "./app";

/** The fifth piece of the answer. */
export function machinePiece(app: App): string {
  return machineText(app.natives.memory(), app.scheduler.tasks, alarmsText(app.alarms), app.natives.now(), VERSION);
}
