// The pieces of GET /api/status. An unknown value is null, never 0.
import type { Limits } from "../battery/limits";
import { floored, nameIn, shown } from "../battery/names.cold";
import { PHASES_AT, REASONS_AT } from "../battery/names.baked";
import * as r from "../battery/registers.baked";
import { snapshotAge } from "../battery/phase.cold";
import type { Snapshot } from "../battery/snapshot";
import type { Task } from "../kernel/tasks";

/** live_data and the limits, whose object stays open. */
export function liveText(s: Snapshot, limits: Limits, now: number): string {
  const v = s.values, age = snapshotAge(s, now);
  return '{"live_data":' + JSON.stringify({
    "voltage": shown(v[r.packVoltage], 3), "current": shown(v[r.packCurrent], 3), "soc_percent": shown(v[r.stateOfCharge], 2),
    "soh_percent": shown(v[r.stateOfHealth], 1), "temperature": shown(v[r.batteryTemperature], 1), "min_cell_mv": shown(v[r.minCellVoltage], 0),
    "max_cell_mv": shown(v[r.maxCellVoltage], 0), "cell_imbalance_mv": shown(v[r.cellSpread], 0), "balancing_bits": shown(v[r.balancingActive], 0),
    "online_status": shown(v[r.onlineStatus], 0), "pack_power_w": shown(v[r.packPower], 0), "age_ms": shown(age, 0),
    "phase": nameIn(PHASES_AT, s.phase), "seq": s.seq,
  }) + ',"limits":' + JSON.stringify({
    "cvl": floored(v[r.chargeVoltageLimit]), "ccl": floored(v[r.chargeCurrentLimit]), "dcl": floored(v[r.dischargeCurrentLimit]),
    "reason": nameIn(REASONS_AT, limits.reason), "reason_code": limits.reason, "cells": s.cells || null,
  }).slice(0, -1);
}

/** A member whose value is a flat object, a text or nothing. */
export function memberText(name: string, value: object | string | null): string {
  return ',"' + name + '":' + JSON.stringify(value);
}

/** memory, tasks, alarms and what closes the document. */
export function machineText(memory: { usage: number; total: number }, tasks: Task[], alarms: string, now: number, version: string): string {
  return memberText("memory", { "used": memory.usage || null, "total": memory.total || null })
    + memberText("tasks", tasks.map(function (task) {
      return { "name": task.name, "late": task.late, "longest_ms": Math.round(task.longest), "faults": task.faults };
    }))
    + ',"alarms":' + alarms + ',"uptime_ms":' + Math.round(now) + ',"version":"' + version + '"}\r\n';
}
