// Names of phases, reasons, states and severities: one list each, in the order of their numbers. Authored; baked into
// the image's text.

/** By the age of the data (battery/snapshot.ts). */
export const phases = ["boot", "normal", "degraded", "lost", "silent"];

/** Why a limit is what it is, the most severe last (charge/limits.ts). */
export const reasons = [
  "boot",
  "fresh",
  "user",
  "bms_max",
  "cell_high",
  "cell_low",
  "cold",
  "hot",
  "internal_hot",
  "imbalance_hold",
  "sustain",
  "recovering",
  "charge_blocked",
  "discharge_blocked",
  "config",
  "external",
  "degraded",
  "lost",
  "silent",
];

/** How bad an event of the BMS is (battery/names.ts, tables/events.ts). */
export const severities = ["info", "warning", "fault"];

/** What register 50 says, from 0x91 on; a dash where it says nothing. */
export const statuses = ["charging", "full", "discharging", "-", "-", "regeneration", "idle", "-", "-", "-", "fault"];

/** States of a charge (charge/memory.ts), as `rt/limits` names them. */
export const chargeStates = ["-", "BULK", "ABS", "FLOAT", "IMB_HOLD", "SUSTAIN"];
