// A patch of the settings, by HTTP or MQTT: checked whole, then written whole.
import { modules } from "../config/fields.baked";
import { mergeDocument } from "../config/merge";
import type { Document } from "../config/merge.cold";
import { newestSlot, writeSlot } from "../config/slots.cold";
import type { App } from "./app";

/** Modules and settings that count from now on; others from the next start. */
const live = ["alarms", "battery", "bms", "can/limits", "ha", "log", "mqtt", "retain", "time", "http.user", "http.pass"];

export interface Put {
  /** Standard code of a refusal ("" when all went well), the field, and the reason for people. */
  code: string; where: string; reason: string;
  /** The new document, "" when the patch is refused. */
  document: string;
  changed: string[];
  /** Something counts only from the next start. */
  restart: boolean;
}

/** The standard code for why a field was refused. */
function codeOf(reason: string): string {
  if (reason === "is no setting") return "UnknownKey";
  return reason.startsWith("must be at ") || reason.startsWith("must be one of") ? "OutOfRange" : "CfgApplyFailed";
}

/**
 * The settings with a patch: all of it or, with the field and the reason, nothing. `remote` is "h" for HTTP, "a" for MQTT, which
 * may change less. Written to flash unless `dry`; who calls lets it count (`applyChanges`).
 */
export function putConfig(app: App, patch: Record<string, unknown>, remote: "h" | "a", dry: boolean): Put {
  const merged = mergeDocument(newestSlot(app.store, app.natives.crc32).document, patch as Document, remote), colon = merged.reason.indexOf(": ");
  const done = { code: "", where: merged.reason.substr(0, colon), reason: merged.reason.substr(colon + 2), document: merged.document,
    changed: merged.changed, restart: false };
  const names = modules.split(" "), stranger = Object.keys(patch).find(function (module) { return names.indexOf(module) < 0; });
  if (stranger !== undefined) {
    done.code = "UnknownModule";
    done.where = stranger;
    done.reason = "is no module of the settings";
    done.document = "";
  } else if (!done.document) {
    done.code = codeOf(done.reason);
  } else {
    done.restart = merged.changed.some(function (name) { return live.indexOf(name) < 0 && live.indexOf(name.substr(0, name.lastIndexOf("."))) < 0; });
    if (!dry && merged.changed.length) done.reason = writeSlot(app.store, app.natives.crc32, done.document);
    if (done.reason) {
      done.code = "IoError";
      done.where = "flash";
      done.document = "";
    }
  }
  return done;
}
