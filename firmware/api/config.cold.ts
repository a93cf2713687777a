// GET /api/config, /api/config/export and /api/mqtt: the settings, secrets masked.
import type { Needs } from "./needs";
import { moduleText } from "../config/document.cold";
import { modules } from "../config/fields.baked";
import { newestSlot } from "../config/slots.cold";
import { bodyText } from "../http/server.cold";
import { isoTime } from "../kernel/time.cold";
import { VERSION } from "../kernel/version";
import { FILE_FORMAT, FILE_VERSION } from "../settings/change";
import { wallSeconds } from "../time/clock.cold";

/** The settings in force of a module, as a member of an object. */
function moduleMember(needs: Needs, name: string): string {
  return moduleText(newestSlot(needs.store, needs.natives.crc32).document, needs.presets, name);
}

/** All of them, a module a piece. */
export function configPart(needs: Needs, piece: number): string {
  const names = modules.split(" ");
  if (piece >= names.length) return piece === names.length ? "}\r\n" : "";
  return (piece ? "," : "{") + moduleMember(needs, names[piece]);
}

/** All of them as a file that can be put back; secrets are not in it. */
export function exportPart(needs: Needs, piece: number): string {
  const text = configPart(needs, piece);
  if (piece) return text[0] === "}" ? "}" + text : text;
  return (
    JSON.stringify({
      "format": FILE_FORMAT,
      "version": FILE_VERSION,
      "device": needs.device,
      "firmware": VERSION,
      "time": isoTime(wallSeconds(needs)) || null,
    }).slice(0, -1) +
    ',"settings":' +
    text
  );
}

/** Those of one module alone. */
export function moduleAnswer(needs: Needs, name: string): string {
  const text = moduleMember(needs, name);
  return bodyText(200, text.substr(text.indexOf(":") + 1) + "\r\n");
}
