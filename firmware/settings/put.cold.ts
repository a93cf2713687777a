// A patch of the settings, by HTTP or MQTT: checked whole, then written whole.
import { type Document, mergeDocument, readModule } from "../config/document.cold";
import { modules } from "../config/fields.baked";
import { newestSlot, writeSlot } from "../config/slots.cold";
import type { Needs } from "./needs";
import { judgeChange } from "./judge.cold";
import { WARN } from "../log/log";
import { writeLog } from "../log/log.cold";

/** Modules and settings that count from now on; others from the next start. */
const live = [
  "alarms",
  "battery",
  "bms",
  "can/limits",
  "ha",
  "log",
  "mqtt",
  "retain",
  "time",
  "http.user",
  "http.pass",
];

export interface Put {
  /** Standard code of a refusal ("" when all went well), the field, and the reason for people. */
  code: string;
  where: string;
  reason: string;
  /** The new document, "" when the patch is refused. */
  document: string;
  changed: string[];
  /** Something counts only from the next start. */
  restart: boolean;
  /** What the change does to the limits, for people. */
  warnings: string[];
}

/** The standard code for why a field was refused. */
function codeOf(reason: string): string {
  if (reason === "is no setting") return "UnknownKey";
  return reason.startsWith("must be at ") || reason.startsWith("must be one of") ? "OutOfRange" : "CfgApplyFailed";
}

/** Why TLS that a change switches on cannot be: nothing may be torn down for it. */
function tlsRefused(needs: Needs, changed: string[], document: string): string {
  if (changed.indexOf("mqtt.use_tls") < 0 || !readModule(document, needs.presets, "mqtt")["use_tls"]) return "";
  return needs.network.tlsFault();
}

/** The modules of a patch, without the `confirm` that may stand beside them. */
function modulesOf(patch: Record<string, unknown>): Record<string, unknown> {
  const rest: Record<string, unknown> = {};
  for (const name of Object.keys(patch)) if (name !== "confirm") rest[name] = patch[name];
  return rest;
}

/**
 * Judge a change that is right by itself; it is refused when it is grave and nobody confirmed it. One line in the log,
 * but when `dry`.
 */
function weigh(needs: Needs, done: Put, confirmed: boolean, dry: boolean): void {
  const verdict = judgeChange(needs, done.document, done.changed),
    grave = verdict.grave.join("; ");
  done.warnings = verdict.grave.concat(verdict.told);
  if (!grave) return;
  if (!dry)
    writeLog(needs, WARN, "settings" + (confirmed ? ": " : " refused: ") + done.changed.join(" ") + ": " + grave);
  if (confirmed) return;
  done.code = "InterlockBlocked";
  done.where = verdict.where;
  done.reason = grave + "; say confirm: true to do it all the same";
  done.warnings = verdict.told;
}

/** Nothing of the patch counts, and why. */
function refused(done: Put, code: string, where: string, reason: string): Put {
  done.code = code;
  done.where = where;
  done.reason = reason;
  return done;
}

/**
 * The settings with a patch: all of it or, with the field and the reason, nothing. `remote` is "h" for HTTP, "a" for
 * MQTT, which may change less. A change that silences CAN or ends a current needs `confirmed`, or `confirm` beside the
 * modules. Written to flash unless `dry`; who calls lets it count (`applyChanges`).
 */
export function putConfig(
  needs: Needs,
  patch: Record<string, unknown>,
  remote: "h" | "a",
  dry: boolean,
  confirmed: boolean,
): Put {
  const confirm = patch["confirm"],
    given = modulesOf(patch),
    names = modules.split(" "),
    stranger = Object.keys(given).find(function (module) {
      return names.indexOf(module) < 0;
    });
  const done: Put = { code: "", where: "", reason: "", document: "", changed: [], restart: false, warnings: [] };
  if (confirm !== undefined && typeof confirm !== "boolean")
    return refused(done, "CfgApplyFailed", "confirm", "must be true or false");
  if (stranger !== undefined) return refused(done, "UnknownModule", stranger, "is no module of the settings");
  const merged = mergeDocument(newestSlot(needs.store, needs.natives.crc32).document, given as Document, remote),
    colon = merged.reason.indexOf(": ");
  done.changed = merged.changed;
  done.document = merged.document;
  if (!merged.document) {
    const reason = merged.reason.substr(colon + 2);
    return refused(done, codeOf(reason), merged.reason.substr(0, colon), reason);
  }
  done.restart = merged.changed.some(function (name) {
    return live.indexOf(name) < 0 && live.indexOf(name.substr(0, name.lastIndexOf("."))) < 0;
  });
  const fault = tlsRefused(needs, merged.changed, done.document);
  if (fault) {
    done.document = "";
    return refused(done, "TlsUnavailable", "mqtt.use_tls", fault);
  }
  weigh(needs, done, confirmed || confirm === true, dry);
  if (!done.code && !dry && merged.changed.length) {
    done.reason = writeSlot(needs.store, needs.natives.crc32, done.document);
    if (done.reason) {
      done.code = "IoError";
      done.where = "flash";
    }
  }
  if (done.code) done.document = "";
  return done;
}
