// GET /api/config: the settings, one piece a module, secrets masked.
import { modules } from "../config/fields.baked";
import { moduleText } from "../config/config.cold";
import { newestSlot } from "../config/slots.cold";
import { headText } from "../http/head.cold";
import type { App } from "./app";

/** A piece of the answer, "" after the last. */
export function configPiece(app: App, piece: number): string {
  const names = modules.split(" "), name = names[piece];
  if (!name) return piece === names.length ? "}\r\n" : "";
  return (piece ? "," : headText(200) + "{") + moduleText(newestSlot(app.store, app.natives.crc32).document, app.presets, name);
}
