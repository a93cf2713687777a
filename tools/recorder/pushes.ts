// A change of settings on its way to a device: its states, and what an answer or the device's settings say about it.
// Pure.
import { isObject, type Json } from "./normalize";

/** Settings by module and key, as `cfg/set` takes them. */
export type Patch = Record<string, Record<string, unknown>>;

/** `waiting`: for the device to come online; `sent`; then what became of it. `unknown`: no answer in time. */
export type PushState = "waiting" | "sent" | "done" | "refused" | "unknown";

/** An error in the shape of the device's own. */
export interface DeviceError {
  code: string;
  where: string;
  reason: string;
  retryable: boolean;
}

export interface PushResult {
  state: PushState;
  changed?: string[];
  err?: DeviceError;
}

/** True when an answer may be to this push: it echoes its id, or the device echoes none. */
export function isAnswerTo(id: string, answer: Json): boolean {
  return answer.id === undefined || answer.id === id;
}

/** What the device answered on cfg/ack. */
export function resultOf(answer: Json): PushResult {
  if (answer.ok === true)
    return { state: "done", changed: Array.isArray(answer.changed) ? answer.changed.map(String) : [] };
  const err = isObject(answer.err) ? answer.err : {};
  return {
    state: "refused",
    err: {
      code: String(err.code ?? "Refused"),
      where: String(err.where ?? "cfg/set"),
      reason: String(err.reason ?? ""),
      retryable: err.retryable === true,
    },
  };
}

/** True when a module's settings show what the patch wants of it: a push without an answer is settled by them. */
export function isShownBy(patch: Patch, module: string, document: Json): boolean {
  const wanted = patch[module];
  return (
    wanted !== undefined &&
    Object.entries(wanted).every(([key, value]) => value === "***" || value === null || document[key] === value)
  );
}

/** What brings the settings of `before` back where `after` differs; secrets cannot be brought back. */
export function undoOf(before: Json, after: Json): Json {
  const patch: Json = {};
  for (const [key, value] of Object.entries(before)) {
    if (value !== "***" && JSON.stringify(value) !== JSON.stringify(after[key])) patch[key] = value;
  }
  return patch;
}

/** The next devices of a roll-out: one canary, then ten at a time; none once three have failed or the canary has. */
export function nextOf(devices: string[], results: PushResult[]): string[] {
  const failed = results.filter(({ state }) => state !== "done" && state !== "waiting").length;
  if (failed >= 3 || (results.length === 1 && failed === 1)) return [];
  return devices.slice(results.length, results.length + (results.length === 0 ? 1 : 10));
}
