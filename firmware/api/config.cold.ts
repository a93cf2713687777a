// GET /api/config, /api/config/export and /api/mqtt: the settings, secrets masked.
import type { Needs } from "./needs";
import { rowsText } from "../config/document.cold";
import { PIECE_ROWS, pieces } from "../config/fields.baked";
import { newestSlot } from "../config/slots.cold";
import { isoTime } from "../kernel/time.cold";
import { VERSION } from "../kernel/version";
import { FILE_FORMAT, FILE_VERSION } from "../settings/change";
import { wallSeconds } from "../time/clock.cold";

/** The settings in force of one of the places "module:from" in the table. */
function placeText(needs: Needs, place: string): string {
  const colon = place.indexOf(":"),
    document = newestSlot(needs.store, needs.natives.crc32).document;
  return rowsText(document, needs.presets, place.substr(0, colon), +place.substr(colon + 1), PIECE_ROWS).text;
}

const ALL_END = "}\r\n";

/** All of them, a few settings of a module a piece. */
export function configPart(needs: Needs, piece: number): string {
  const places = pieces.split(" "),
    place = places[piece];
  if (!place) return piece === places.length ? ALL_END : "";
  const text = placeText(needs, place);
  return text[0] === "{" ? (piece ? ',"' : '{"') + place.substr(0, place.indexOf(":")) + '":' + text : text;
}

/** All of them as a file that can be put back; secrets are not in it. */
export function exportPart(needs: Needs, piece: number): string {
  const text = configPart(needs, piece);
  if (piece) return text === ALL_END ? "}" + text : text;
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

/** Those of mqtt alone. */
export function mqttPart(needs: Needs, piece: number): string {
  const places = pieces.split(" ").filter(function (place) {
    return place.startsWith("mqtt:");
  });
  if (piece >= places.length) return "";
  return placeText(needs, places[piece]) + (piece === places.length - 1 ? "\r\n" : "");
}
