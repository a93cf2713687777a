// The forms that texts of the settings have (column `form` of tables/fields.ts), and topics tidied.
import { readZone } from "../kernel/zone.cold";

const DIGITS = "0123456789",
  LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** Whether all characters are of `known`, letters in any case. */
function isOf(text: string, known: string): boolean {
  for (let i = 0; i < text.length; i++) if (known.indexOf(text[i].toLowerCase()) < 0) return false;
  return true;
}

function isNumber(text: string, most: number): boolean {
  return text !== "" && text.length < 6 && isOf(text, DIGITS) && +text <= most;
}

/** Why bytes are no text that MQTT takes (3.1.1, 1.5.3): UTF-8 (RFC 3629) without control and noncharacters. */
function refuseText(text: string): string {
  const bad = "must be UTF-8, without halves of characters";
  let more = 0,
    least = 0,
    point = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (more) {
      if ((byte & 0xc0) !== 0x80) return bad;
      point = (point << 6) | (byte & 63);
      more--;
    } else {
      if ((byte > 0x7f && byte < 0xc2) || byte > 0xf4) return bad;
      more = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      least = [0, 0x80, 0x800, 0x10000][more];
      point = more ? byte & (63 >> more) : byte;
    }
    if (more) continue;
    if (point < least || point > 0x10ffff || (point & 0xfff800) === 0xd800) return bad;
    if (point < 32 || (point > 126 && point < 160)) return "must not hold control characters";
    if ((point & 0xfffe) === 0xfffe || (point >= 0xfdd0 && point <= 0xfdef)) return "must not hold noncharacters";
  }
  return more ? bad : "";
}

/** Why it is neither a name (RFC 1123; _ as many have it) nor an IPv4 address; "" is none and all right. */
function refuseHost(host: string): string {
  const labels = host.split("."),
    colons = host.split(":").length - 1;
  if (host.indexOf("://") >= 0) return "must be a name or an address alone, no URL";
  if (colons > 1) return "must be a name or an IPv4 address: the interpreter knows no IPv6";
  if (colons) return "must be without a port";
  if (!host) return "";
  for (const label of labels)
    if (
      !label ||
      label.length > 63 ||
      label[0] === "-" ||
      label[label.length - 1] === "-" ||
      !isOf(label, LETTERS + DIGITS + "-_")
    )
      return "must be a host name or an IPv4 address";
  if (!isOf(labels[labels.length - 1], DIGITS)) return "";
  return labels.length === 4 &&
    labels.every(function (label) {
      return isNumber(label, 255) && (label === "0" || label[0] !== "0");
    })
    ? ""
    : "must be an IPv4 address of four numbers up to 255";
}

/** Why it is no topic that a broker takes from a client (3.1.1, 4.7). */
function refuseTopic(topic: string): string {
  const tidy = levels(topic);
  if (topic.indexOf("#") >= 0 || topic.indexOf("+") >= 0) return "must not hold # or +";
  if (topic && !tidy) return "must hold more than slashes and blanks";
  if (tidy[0] === "$") return "must not begin with $, which is the broker's own";
  return refuseText(topic);
}

/** Why a text has not that form; "" when it has. */
export function refuseForm(form: string, text: string): string {
  if (form === "text") return refuseText(text);
  if (form === "topic") return refuseTopic(text);
  if (form === "host") return refuseHost(text);
  if (form === "level") return isOf(text, LETTERS + DIGITS + "-_") ? "" : "must hold letters, digits, - and _ only";
  if (form === "server") {
    const colon = text.lastIndexOf(":"),
      host = colon < 0 ? text : text.substr(0, colon);
    if (colon >= 0 && (!host || !isNumber(text.substr(colon + 1), 65535)))
      return "must end with a port, or without one";
    return refuseHost(host);
  }
  if (form === "zone")
    return readZone(text) ? "" : "must be a time zone in the form CET-1CEST,M3.5.0,M10.5.0/3 (POSIX TZ), or empty";
  // psk
  if (text.length === 64)
    return isOf(text, DIGITS + "abcdef") ? "" : "must have 64 hexadecimal digits or up to 63 bytes";
  return text && text.length < 8 ? "must be empty or at least 8 bytes" : "";
}

/** The text as it counts: no blanks around hosts, topics and zones. */
export function formed(form: string | undefined, text: string): string {
  return form === "host" || form === "server" || form === "topic" || form === "zone" ? trimmed(text) : text;
}

const BLANKS = " \t\r\n";

/** Without blanks around it. Bytes: `trim` would take the last one of `à` for a blank. */
export function trimmed(text: string): string {
  let from = 0,
    to = text.length;
  while (from < to && BLANKS.indexOf(text[from]) >= 0) from++;
  while (to > from && BLANKS.indexOf(text[to - 1]) >= 0) to--;
  return text.substring(from, to);
}

/** A topic without blanks around its levels and without empty ones. */
export function levels(topic: string): string {
  return topic
    .split("/")
    .map(function (level) {
      return trimmed(level);
    })
    .filter(function (level) {
      return level !== "";
    })
    .join("/");
}
