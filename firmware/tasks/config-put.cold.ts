// PUT /api/config: a patch is checked whole, then written, then it counts.
import { mergeDocument, type Document } from "../config/merge.cold";
import { newestSlot, writeSlot } from "../config/slots.cold";
import type { App } from "./app";

/** Modules whose settings count from now on; others from the next start. */
const live = ["battery", "bms", "can/limits", "mqtt", "retain"];

export interface Put {
  /** Status of the answer; for a refusal its code, the field and the reason. */
  status: number; code: string; where: string; reason: string;
  changed: string[];
  /** Something counts only from the next start. */
  restart: boolean;
}

function refused(status: number, code: string, where: string, reason: string): Put {
  return { status: status, code: code, where: where, reason: reason, changed: [], restart: false };
}

/** Keep a patch if all of it is right. */
export function putConfig(app: App, patch: Record<string, unknown>): Put {
  const crc32 = app.natives.crc32, merged = mergeDocument(newestSlot(app.store, crc32).document, patch as Document, "h");
  const colon = merged.reason.indexOf(": ");
  if (merged.reason) return refused(400, "CfgApplyFailed", merged.reason.substr(0, colon), merged.reason.substr(colon + 2));
  const failed = merged.changed.length ? writeSlot(app.store, crc32, merged.document) : "";
  if (failed) return refused(507, "IoError", "flash", failed);
  const restart = merged.changed.some(function (name) { return live.indexOf(name.substr(0, name.lastIndexOf("."))) < 0; });
  return { status: 200, code: "", where: "", reason: "", changed: merged.changed, restart: restart };
}
