// The one place that reads the firmware's tables: its registers as sensors, its settings as what may be pushed, its
// alarms.
import { alarmRows } from "../../firmware/tables/alarms";
import { registers } from "../../firmware/tables/registers";
import { fields, type Field } from "../../firmware/tables/fields";
import { whyNot } from "../host/settings";
import { isObject } from "./normalize";
import type { DeviceError, Patch } from "./pushes";

export interface Sensor {
  sensorType: string;
  unit: string;
  label: string;
  digits: number;
}

/** Every value that is published on rt/reg. */
export function catalogSensors(): Sensor[] {
  return registers
    .filter(({ type, quiet }) => type !== "event" && !quiet)
    .map(({ key, topic, unit, label, digits }) => ({ sensorType: topic ?? key, unit, label, digits: digits ?? 0 }));
}

export const alarmCodes: Record<number, string> = Object.fromEntries(alarmRows.map(({ id, code }) => [id, code]));

/** Settings that MQTT may change, as the form shows them. */
export function pushableFields(): Field[] {
  return fields.filter(({ remote }) => remote === "all");
}

const bad = (code: string, where: string, reason: string): DeviceError => ({ code, where, reason, retryable: false });

/** Why the device would refuse this value; null when it would not. */
function fieldFault(module: string, key: string, value: unknown): DeviceError | null {
  const where = `${module}.${key}`,
    field = fields.find((row) => row.module === module && row.key === key);
  if (!field) return bad("UnknownField", where, "is no setting");
  if (field.remote !== "all") return bad("Forbidden", where, "cannot be changed this way");
  if (value === null || (field.secret && value === "***")) return null;
  const reason = whyNot(field, value);
  return reason === "" ? null : bad("OutOfRange", where, reason);
}

/**
 * Why a patch cannot be one; null when the device's table of settings takes it. Rules between fields are the device's
 * own.
 */
export function patchFault(patch: unknown): DeviceError | null {
  if (!isObject(patch) || Object.keys(patch).length === 0)
    return bad("BadCfgJson", "patch", "must be an object with a module");
  for (const [module, values] of Object.entries(patch as Patch)) {
    if (!isObject(values)) return bad("BadCfgJson", module, "must be an object");
    for (const [key, value] of Object.entries(values)) {
      const fault = fieldFault(module, key, value);
      if (fault) return fault;
    }
  }
  return null;
}
