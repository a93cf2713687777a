// PUT /api/config: a patch is checked whole.
import { mergeDocument, type Document } from "../config/merge.cold";
import { newestSlot } from "../config/slots.cold";
import type { App } from "./app";

/** Modules whose settings count from now on; others from the next start. */
const live = ["battery", "bms", "can/limits", "mqtt", "retain", "ha"];

export interface Put {
  /** The new document, "" when the patch is refused; then the field and the reason. */
  document: string; where: string; reason: string;
  changed: string[];
  /** Something counts only from the next start. */
  restart: boolean;
}

/** The settings with a patch, if all of it is right. */
export function putConfig(app: App, patch: Record<string, unknown>): Put {
  const merged = mergeDocument(newestSlot(app.store, app.natives.crc32).document, patch as Document, "h"), colon = merged.reason.indexOf(": ");
  const restart = merged.changed.some(function (name) { return live.indexOf(name.substr(0, name.lastIndexOf("."))) < 0; });
  return { document: merged.document, where: merged.reason.substr(0, colon), reason: merged.reason.substr(colon + 2),
    changed: merged.changed, restart: restart };
}
