// A TinyBMS that does not answer, and a CAN bus on which nothing is sent: why, for people, in the log and in the
// status.
import { brokenRules as BROKEN, INVALID, vBulk } from "../charge/settings";
import { brokenRules } from "../charge/prepare.cold";
import { snapshotAge } from "../battery/snapshot.cold";
import { BOOT, NORMAL, SILENT } from "../battery/snapshot";
import { MISSING_SAID_MS, type Needs } from "./needs";
import { WARN } from "../log/log";
import { writeLog } from "../log/log.cold";

/** Period of the looks until something is wrong, ms. */
const LOOK_MS = 1000;
/** What is wrong is said again after this, ms. */
const AGAIN_MS = 600000;
const CHECK = "check RX and TX, the isolator, 115200 baud";

/** The groups that have not come once. */
function missingGroups(needs: Needs): string {
  const s = needs.snapshot,
    out: string[] = [];
  if (s.fastAt < 0) out.push("measurements");
  if (s.cellsAt < 0) out.push("cells");
  if (s.settingsAt < 0) out.push("settings");
  return out.join(", ");
}

/** What a TinyBMS that has told nothing, or not everything, since the start leaves to be checked. */
function startText(needs: Needs): string {
  const p = needs.uart.poller,
    failures = p.timeouts + p.crc + p.nacks + p.foreign,
    noise = p.noise ? ", " + p.noise + " bytes that are no answer" : "";
  if (!p.ok) return `no answer from the TinyBMS (${failures + p.resent} requests${noise}): ${CHECK}`;
  return (
    `the TinyBMS has not told its ${missingGroups(needs)} (${p.ok} answers, ${failures} failures, ` +
    `${needs.snapshot.dropped} implausible${noise}): ${CHECK}`
  );
}

/** What is wrong with the answers of the TinyBMS, "" when nothing is. */
export function missingText(needs: Needs, now: number): string {
  const s = needs.snapshot;
  if (s.phase === BOOT) return now < MISSING_SAID_MS ? "" : startText(needs);
  if (s.phase > NORMAL)
    return `no complete answer from the TinyBMS for ${Math.round(snapshotAge(s, now) / 1000)} s: ${CHECK}`;
  return s.faults.at < 0 && now >= MISSING_SAID_MS
    ? "the TinyBMS has not told its events: its faults are known by its status only"
    : "";
}

/** Why nothing is sent on CAN, "" when it is. */
export function silentText(needs: Needs, now: number): string {
  const s = needs.snapshot,
    set = needs.limits.settings;
  if (needs.canPort.health().state === "listen") return "can.listen_only is set";
  if (s.phase === SILENT || s.phase === BOOT) return missingText(needs, now) || "waiting for the TinyBMS";
  if (needs.limits.valid) return "";
  if (!set[vBulk]) return "battery.chemistry is not set";
  return brokenRules(set[BROKEN])
    .filter(function (row) {
      return row["severity"] === INVALID;
    })
    .map(function (row) {
      return `rule ${row["code"]} (${row["rule"]})`;
    })
    .join(", ");
}

/** The TinyBMS has not told everything by now: one line in the log, and another after a while. */
export function tellMissing(needs: Needs, now: number): void {
  const text = missingText(needs, now);
  needs.rates.sayAt = now + (text ? AGAIN_MS : LOOK_MS);
  if (text) writeLog(needs, WARN, text);
}
