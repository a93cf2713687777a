// The broker as one URL: mqtt://user:pass@host:port or mqtts://..., taken apart into the fields that it stands for.

/** `%41` is A; null where a percent sign is followed by something else, or by the byte 0. */
function percentDecoded(text: string): string | null {
  const parts = text.split("%"), digits = "0123456789abcdef";
  let out = parts[0];
  for (const part of parts.slice(1)) {
    const high = digits.indexOf(part.substr(0, 1).toLowerCase()), low = digits.indexOf(part.substr(1, 1).toLowerCase());
    if (part.length < 2 || high < 0 || low < 0 || high + low === 0) return null;
    out += String.fromCharCode(high * 16 + low) + part.substr(2);
  }
  return out;
}

function isNumber(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text[i] < "0" || text[i] > "9") return false;
  return text !== "";
}

/** The end of the host in `host:port`: behind the bracket of an IPv6 address, else at the colon. */
function hostEnd(place: string): number {
  const colon = place.indexOf(":");
  if (place[0] === "[") return place.indexOf("]") + 1;
  return colon < 0 ? place.length : colon;
}

/** Put what `uri` says into `fields`; the reason when it is no such URL. */
function takeApart(uri: string, fields: Record<string, unknown>): string {
  const secure = uri.substr(0, 8).toLowerCase() === "mqtts://", scheme = secure ? 8 : 7;
  if (!secure && uri.substr(0, 7).toLowerCase() !== "mqtt://") return "must begin with mqtt:// or mqtts://";
  let rest = uri.substr(scheme);
  if (rest[rest.length - 1] === "/") rest = rest.substr(0, rest.length - 1);
  if (rest.indexOf("/") >= 0 || rest.indexOf("?") >= 0 || rest.indexOf("#") >= 0 || rest.indexOf(" ") >= 0) return "must end after the port";
  const parts = rest.split("@"), place = parts.pop() as string, login = parts.join("@"), colon = login.indexOf(":"), end = hostEnd(place);
  const user = percentDecoded(colon < 0 ? login : login.substr(0, colon)), pass = percentDecoded(colon < 0 ? "" : login.substr(colon + 1));
  const host = place[0] === "[" ? place.substring(1, end - 1) : percentDecoded(place.substr(0, end)), port = place.substr(end);
  if (user === null || pass === null || host === null) return "has a bad percent code";
  if (!host || !end) return "names no host";
  if (port && (port[0] !== ":" || port.length > 6 || !isNumber(port.substr(1)))) return "has a port that is no number";
  fields["host"] = host;
  fields["port"] = port ? +port.substr(1) : secure ? 8883 : 1883;
  fields["user"] = user;
  fields["pass"] = pass;
  fields["use_tls"] = secure;
  return "";
}

/** In settings, `mqtt.uri` becomes host, port, user, pass and use_tls, and wins over them. "" or the reason why it cannot. */
export function takeUri(settings: Record<string, unknown>): string {
  const fields = settings["mqtt"] as Record<string, unknown> | null | undefined, uri = fields ? fields["uri"] : null;
  if (!fields || typeof uri !== "string" || uri === "" || uri === "***") return "";
  fields["uri"] = "";
  return takeApart(uri, fields);
}
