// GET /api/status: the first piece has the measurements, the limits and their reasons; that object stays open for the
// next piece.

import type { Needs } from "./needs";
import { alarmsText } from "../battery/alarms.cold";
import { PHASES_AT, REASONS_AT } from "../battery/names.baked";
import { cellsShown, nameIn, shown } from "../battery/names.cold";
import * as slot from "../battery/registers.baked";
import type { Snapshot } from "../battery/snapshot";
import { snapshotAge } from "../battery/snapshot.cold";
import { FAST } from "../bms/places";
import { missingText, silentText } from "../care/missing.cold";
import type { Limits } from "../charge/limits";
import { historyText, rulesText, type Why, whyNow, whyText } from "../charge/why.cold";
import type { Machine } from "../kernel/ports";
import type { Task } from "../kernel/tasks";
import { quote } from "../kernel/json.cold";
import { isoTime } from "../kernel/time.cold";
import { VERSION } from "../kernel/version";
import {
  COALESCED,
  CONNECTED,
  DRAINED,
  DROPPED,
  ENQUEUED,
  MOST_IN_FLIGHT,
  MOST_QUEUED,
  OVERSIZE,
  RX_DROPPED,
  type Session,
} from "../mqtt/session";
import { stateWord, untilNextTry } from "../mqtt/session.cold";
import { wallSeconds } from "../time/clock.cold";
import { GX_GONE_MS } from "../victron/task";
import type { Part } from "./pieces.cold";

/**
 * The answer in its pieces. Measurements, limits and why they are so are of one sample, however long the pieces are
 * apart: the first has what changes with each, and what the second needs is remembered.
 */
export function statusOf(needs: Needs): Part {
  let why: Why = { broken: 0, changes: 0 };
  return function (_, piece) {
    if (!piece) why = whyNow(needs.limits);
    return statusPiece(needs, piece, why);
  };
}

/** One of its pieces. */
export function statusPiece(needs: Needs, piece: number, why: Why): string {
  return piece === 0
    ? liveText(needs.snapshot, needs.limits, needs.natives.now()) + "," + whyText(needs.limits)
    : piece === 1
      ? limitsPiece(needs, why)
      : piece === 2
        ? networkPiece(needs)
        : piece === 3
          ? linesPiece(needs)
          : piece === 4
            ? machinePiece(needs)
            : "";
}

// GET /api/status, the piece that ends the member limits: rules that do not hold, the last changes.

/** The second piece of the answer. */
export function limitsPiece(needs: Needs, why: Why): string {
  return (
    `,"broken_rules":${rulesText(why.broken, false, false)}` +
    `,"notes":${rulesText(why.broken, false, true)},"history":${historyText(needs.limits, why.changes)}}`
  );
}

// GET /api/status, the piece about the lines: UART and CAN.

function gxPresent(needs: Needs, now: number): boolean {
  return needs.can.gxAt >= 0 && now - needs.can.gxAt <= GX_GONE_MS;
}

/**
 * Counters of the conversation; by which command it reads (3 or 7), whether it asks more slowly because nothing comes,
 * what is wrong.
 */
function uartMember(needs: Needs, now: number): string {
  const p = needs.uart.poller,
    s = needs.snapshot,
    fast = p.plan[FAST];
  return memberText("uart", {
    "ok": p.ok,
    "crc": p.crc,
    "timeouts": p.timeouts,
    "nacks": p.nacks,
    "foreign": p.foreign,
    "resent": p.resent,
    "noise_bytes": p.noise,
    "implausible": s.dropped,
    "seq": s.seq,
    "read_command": fast.request.charCodeAt(1),
    "slowed": fast.every > needs.uart.every,
    "warning": missingText(needs, now) || null,
  });
}

/** Counters of the controller, and why nothing is sent. */
function canMember(needs: Needs, now: number): string {
  const port = needs.canPort,
    health = port.health();
  return memberText("can", {
    "tx": port.tx,
    "rx": port.rx,
    "errors": port.errors,
    "bus_off": port.busOff,
    "state": health.state,
    "tec": health.tec,
    "rec": health.rec,
    "keepalive_ok": gxPresent(needs, now),
    "silent": silentText(needs, now) || null,
  });
}

/** The fourth piece of the answer. */
export function linesPiece(needs: Needs): string {
  const now = needs.natives.now();
  return uartMember(needs, now) + canMember(needs, now);
}

// GET /api/status, the piece about the network: MQTT, the time of day, what waits for rt/replay.

/** QoS that the broker granted to each subscription, or its refusal. */
function granted(s: Session, topic: number): number | string | null {
  const code = s.granted.charCodeAt(topic);
  return code < 3 ? code : s.granted.length > topic ? "refused" : null;
}

function mqttMember(needs: Needs): string {
  const m = needs.mqtt,
    s = m.session,
    connected = s.state === CONNECTED,
    counts = s.counts,
    places = MOST_QUEUED + MOST_IN_FLIGHT;
  const command = connected ? granted(s, 0) : null,
    change = connected ? granted(s, 1) : null;
  const text = memberText("mqtt", {
    "enabled": m.enabled,
    "configured": s.host !== "",
    "subscribed": typeof command === "number" && typeof change === "number",
    "connected": connected,
    "state": stateWord(s),
    "next_attempt_ms": untilNextTry(s, needs.natives.now()),
    "pending_config": !!needs.commands.change,
    "publish_count": s.published,
    "failed_count": s.failed,
    "error_count": s.errors,
    "dropped_count": counts[DROPPED],
    "dropped_samples": m.samples.dropped,
    "last_publish_ms": s.published ? Math.round(s.lastPublish) : null,
    "last_error_code": s.errorCode,
    "qos": (m.registerFlags >> 1) & 3,
    "retain": (m.registerFlags & 1) === 1,
    "clean_session": m.cleanSession,
    "use_tls": s.tls,
    "tls": s.tls ? "encrypted, server not verified" : "off",
    "subscriptions": { "cmd": command, "cfg/set": change },
    "queue_len": s.outbox.length + s.inFlight.length,
    "queue_max": places,
    "admitted_count": s.published - counts[DRAINED] + counts[ENQUEUED],
    "coalesced_count": counts[COALESCED],
    "queued": s.outbox.length,
    "in_flight": s.inFlight.length,
    "rx_drop": counts[RX_DROPPED],
    "oversize_drop": counts[OVERSIZE],
    "blocked_ms_max": Math.round(s.blockedMost),
  });
  return (
    text.slice(0, -1) +
    `,"client_id":${quote(m.clientId)},"root_topic":${quote((m.style && m.style.root) || s.base)}` +
    `,"last_error_message":${quote(s.errorMessage)}}`
  );
}

/** The time of day, null while unknown, and how it was learned; what waits for rt/replay. */
function timeMember(needs: Needs): string {
  const now = needs.natives.now(),
    c = needs.clock,
    log = needs.replay.log;
  return (
    memberText("time", isoTime(wallSeconds(needs)) || null) +
    memberText("clock", {
      "syncs": c.syncs,
      "failures": c.failures,
      "last_sync_s": c.syncs ? Math.round((now - c.syncedAt) / 1000) : null,
      "last_error": c.error || null,
    }) +
    memberText("replay", { "pending": log ? log.next - log.acked : 0, "dropped": needs.replay.dropped })
  );
}

/** The third piece of the answer. */
export function networkPiece(needs: Needs): string {
  return mqttMember(needs) + timeMember(needs);
}

// GET /api/status, the last piece: memory, tasks, alarms, and what closes the document.

/** The fifth piece of the answer. */
export function machinePiece(needs: Needs): string {
  const natives = needs.natives;
  return machineText(
    natives.machine(),
    needs.memory,
    needs.scheduler.tasks,
    alarmsText(needs.alarms),
    natives.now(),
    VERSION,
  );
}

// The pieces of GET /api/status. An unknown value is null, never 0.

/** Variables in use and in all, bytes of C heap, as a look at the memory found them (NaN: unknown). */
export interface MemoryLook {
  usage: number;
  total: number;
  heap: number;
  heapMin: number;
  fills: number;
  isLow: boolean;
}

/** live_data and the limits, whose object stays open. */
export function liveText(s: Snapshot, limits: Limits, now: number): string {
  const v = s.values,
    age = snapshotAge(s, now);
  return (
    '{"live_data":' +
    JSON.stringify({
      "voltage": shown(v[slot.packVoltage], 3),
      "current": shown(v[slot.packCurrent], 3),
      "soc_percent": shown(v[slot.stateOfCharge], 2),
      "soh_percent": shown(v[slot.stateOfHealth], 1),
      "temperature": shown(v[slot.batteryTemperature], 1),
      "min_cell_mv": shown(v[slot.minCellVoltage], 0),
      "max_cell_mv": shown(v[slot.maxCellVoltage], 0),
      "cell_imbalance_mv": shown(v[slot.cellSpread], 0),
      "balancing_bits": shown(v[slot.balancingActive], 0),
      "online_status": shown(v[slot.onlineStatus], 0),
      "pack_power_w": shown(v[slot.packPower], 0),
      "cells_mv": cellsShown(s),
      "age_ms": shown(age, 0),
      "phase": nameIn(PHASES_AT, s.phase),
      "seq": s.seq,
    }) +
    ',"limits":' +
    JSON.stringify({
      "cvl": shown(v[slot.chargeVoltageLimit], 1),
      "ccl": shown(v[slot.chargeCurrentLimit], 1),
      "dcl": shown(v[slot.dischargeCurrentLimit], 1),
      "reason": nameIn(REASONS_AT, limits.reason),
      "reason_code": limits.reason,
      "cells": s.cells || null,
    }).slice(0, -1)
  );
}

/** A member whose value is a flat object, a text or nothing. */
export function memberText(name: string, value: object | string | null): string {
  return ',"' + name + '":' + JSON.stringify(value);
}

/** espruino, memory, tasks, alarms and what closes the document. */
export function machineText(
  machine: Machine,
  memory: MemoryLook,
  tasks: Task[],
  alarms: string,
  now: number,
  version: string,
): string {
  return (
    memberText("espruino", {
      "version": machine.espruino,
      "warning": machine.warning || null,
      "bluetooth": machine.bluetooth,
    }) +
    memberText("memory", {
      "used": memory.usage || null,
      "total": memory.total || null,
      "low": memory.isLow,
      "filled": memory.fills,
      "heap": memory.heap || null,
      "heap_min": memory.heapMin || null,
    }) +
    memberText(
      "tasks",
      tasks.map(function (task) {
        return { "name": task.name, "late": task.late, "longest_ms": Math.round(task.longest), "faults": task.faults };
      }),
    ) +
    ',"alarms":' +
    alarms +
    ',"uptime_ms":' +
    Math.round(now) +
    ',"version":"' +
    version +
    '"}\r\n'
  );
}
