// GET /api/cells: the cells, from one poll.

import type { Needs } from "./needs";
import { alarmsText } from "../battery/alarms.cold";
import { JOURNAL_SIZE } from "../battery/journal";
import { PHASES_AT, REASONS_AT, SEVERITIES_AT } from "../battery/names.baked";
import { cellsShown, eventName, eventSeverity, nameIn, shown } from "../battery/names.cold";
import * as slot from "../battery/registers.baked";
import { externalCcl, externalCvl, externalDcl, externalEnds } from "../charge/memory";
import { historyText, rulesText, whyNow, whyText } from "../charge/why.cold";
import { isoTime } from "../kernel/time.cold";
import { logPieces } from "../log/log.cold";
import type { Part } from "./pieces.cold";

/** Numbers of the cells that are being balanced, the first cell is 1; null while that is not known. */
function balanced(bits: number, first: number, cells: number): number[] | null {
  const list: number[] = [];
  if (bits !== bits) return null;
  for (let cell = 0; cell < cells; cell++) if ((bits >> (first + cell)) & 1) list.push(cell + 1);
  return list;
}

/** The whole answer. */
export function cellsPart(needs: Needs, piece: number): string {
  const s = needs.snapshot,
    v = s.values;
  if (piece) return "";
  return (
    JSON.stringify({
      "cells_mv": cellsShown(s),
      "balancing": balanced(v[slot.balancingActive], s.firstCell, s.cells),
      "min_mv": shown(v[slot.minCellVoltage], 0),
      "max_mv": shown(v[slot.maxCellVoltage], 0),
      "spread_mv": shown(v[slot.cellSpread], 0),
      "lowest_cell": shown(v[slot.lowestCell], 0),
      "highest_cell": shown(v[slot.highestCell], 0),
      "age_ms": s.cellsAt < 0 ? null : Math.round(needs.natives.now() - s.cellsAt),
      "phase": nameIn(PHASES_AT, s.phase),
      "seq": s.seq,
    }) + "\r\n"
  );
}

// GET /api/limits: the limits, why they are what they are, and what somebody outside narrows.

/** What narrows from outside now: the limit, what is left of it, and for how long. */
function externalOf(state: Float64Array, now: number): object[] {
  const out: object[] = [];
  ["cvl", "ccl", "dcl"].forEach(function (limit, i) {
    const value = state[[externalCvl, externalCcl, externalDcl][i]],
      left = state[externalEnds + i] - now;
    if (value === value && left > 0)
      out.push({ "limit": limit, "value": shown(i ? value : value / 1000, 1), "ttl_s": shown(left / 1000, 1) });
  });
  return out;
}

/** The whole answer. */
export function limitsPart(needs: Needs, piece: number): string {
  const limits = needs.limits,
    why = whyNow(limits),
    s = needs.snapshot,
    v = s.values;
  if (piece) return "";
  const ccl = v[slot.chargeCurrentLimit],
    dcl = v[slot.dischargeCurrentLimit];
  return (
    JSON.stringify({
      "cvl": shown(v[slot.chargeVoltageLimit], 1),
      "ccl": shown(ccl, 1),
      "dcl": shown(dcl, 1),
      "dvl": shown(v[slot.dischargeVoltageLimit], 1),
      "charge_allowed": ccl === ccl ? ccl > 0 : null,
      "discharge_allowed": dcl === dcl ? dcl > 0 : null,
      "reason": nameIn(REASONS_AT, limits.reason),
      "reason_code": limits.reason,
      "cells": s.cells || null,
      "phase": nameIn(PHASES_AT, s.phase),
      "seq": s.seq,
      "external": externalOf(limits.state, needs.natives.now()),
    }).slice(0, -1) +
    `,${whyText(limits)},"broken_rules":${rulesText(why.broken, false, false)}` +
    `,"notes":${rulesText(why.broken, false, true)},"history":${historyText(limits, why.changes)}}\r\n`
  );
}

// GET /api/events: what the TinyBMS reported, what this device saw, and what is wrong now.

/** Events in a piece. */
const EVENTS = 8;

/** Faults and warnings of the TinyBMS that are active. */
function activeEvents(needs: Needs): object[] {
  return needs.uart.journal.active.map(function (id) {
    return { "id": id, "name": eventName(id), "severity": nameIn(SEVERITIES_AT, eventSeverity(id)) };
  });
}

/** At most EVENTS of them as members of a JSON list, from number `first` down to `least`. */
function eventsText(needs: Needs, first: number, least: number): string {
  const journal = needs.uart.journal;
  let text = "";
  for (let k = first; k > first - EVENTS && k >= least; k--) {
    const at = k % JOURNAL_SIZE,
      id = journal.ids[at];
    text +=
      (text ? "," : "") +
      JSON.stringify({
        "n": k,
        "id": id,
        "name": eventName(id),
        "severity": nameIn(SEVERITIES_AT, eventSeverity(id)),
        "at_s": journal.times[at],
        "time": isoTime(journal.walls[at]) || null,
        "is_history": k < journal.history,
      });
  }
  return text;
}

/** The answer: what is active, the events of this TinyBMS, the newest first, the lines of our own log. */
export function eventsOf(needs: Needs): Part {
  const journal = needs.uart.journal,
    newest = journal.total - 1,
    least = Math.max(journal.from, journal.total - JOURNAL_SIZE),
    lines = logPieces(needs);
  let next = newest,
    isLog = false;
  return function (_, piece) {
    if (!piece)
      return (
        JSON.stringify({
          "lifetime_s": journal.readAt < 0 ? null : journal.readAt,
          "total": journal.total - journal.from,
          "active": activeEvents(needs),
        }).slice(0, -1) + `,"alarms":${alarmsText(needs.alarms)},"events":[`
      );
    if (next >= least) {
      const text = eventsText(needs, next, least);
      next -= EVENTS;
      return (next + EVENTS < newest ? "," : "") + text;
    }
    if (isLog) return lines() || "]}\r\n";
    isLog = true;
    return `],"own":[${lines()}`;
  };
}
