// GET /api/config and GET /api/mqtt: the settings, one piece a module, secrets masked.
import { modules } from "../config/fields.baked";
import { moduleText } from "../config/config.cold";
import { newestSlot } from "../config/slots.cold";
import { headText } from "../http/head.cold";
import type { App } from "./app";

/** A piece of the answer, "" after the last. `module` "" is the whole document, else that one alone. */
export function configPiece(app: App, piece: number, module: string): string {
  const names = modules.split(" "), name = module || names[piece], document = newestSlot(app.store, app.natives.crc32).document;
  if (module && piece || !name) return !module && piece === names.length ? "}\r\n" : "";
  const text = moduleText(document, app.presets, name);
  if (module) return headText(200) + text.substr(text.indexOf(":") + 1) + "\r\n";
  return (piece ? "," : headText(200) + "{") + text;
}
