// SNTP: the packet that asks for the time, and what the answer says (RFC 4330, sections 4 and 5).

/** Version 4, mode 3 (client). */
const REQUEST = 0x23;
const SIZE = 48,
  SERVER = 4,
  MOST_STRATUM = 15,
  UNSYNCHRONISED = 3;
/** Places in the packet: what we sent, when it came in, when the answer left. */
const ORIGINATE = 24,
  RECEIVE = 32,
  TRANSMIT = 40;
/** 1970 in the seconds of NTP, and the length of their era: small numbers are of the one that begins in 2036. */
const UNIX = 2208988800,
  ERA = 4294967296,
  HALF = 2147483648;

/** A timestamp, s since 1970. */
function secondsAt(packet: string, at: number): number {
  let whole = 0,
    part = 0,
    i = 0;
  for (; i < 4; i++) {
    whole = whole * 256 + packet.charCodeAt(at + i);
    part = part * 256 + packet.charCodeAt(at + 4 + i);
  }
  return (whole < HALF ? whole + ERA : whole) - UNIX + part / ERA;
}

/** The request; `token`, 8 bytes that nobody can guess, stands in the place of our own time and comes back. */
export function sntpRequest(token: string): string {
  return (
    String.fromCharCode(REQUEST) +
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" +
    token
  );
}

/** The packet is the answer to the request with this token. */
export function isSntpReply(packet: string, token: string): boolean {
  return packet.length >= SIZE && (packet.charCodeAt(0) & 7) === SERVER && packet.substr(ORIGINATE, 8) === token;
}

/**
 * What an answer says that came `trip` s after the request left: the time now (s since 1970; half of what the packets
 * travelled is added), or 0 and why it does not count; `kiss`: the server wants to be left alone (section 8). No time
 * before `earliest` is believed.
 */
export function sntpTime(
  packet: string,
  trip: number,
  earliest: number,
): { time: number; reason: string; kiss: boolean } {
  const first = packet.charCodeAt(0),
    version = (first >> 3) & 7,
    stratum = packet.charCodeAt(1),
    sent = secondsAt(packet, TRANSMIT);
  const held = sent - secondsAt(packet, RECEIVE);
  let reason = "";
  if (stratum === 0) reason = "the server refuses to serve";
  else if (first >> 6 === UNSYNCHRONISED || stratum > MOST_STRATUM) reason = "the server has no time itself";
  else if (version < 1 || version > 4) reason = "the answer has version " + version;
  else if (packet.substr(TRANSMIT, 8) === "\0\0\0\0\0\0\0\0") reason = "the answer has no time";
  else if (held < 0 || held > trip + 1) reason = "the answer contradicts itself";
  else if (sent < earliest) reason = "the server's time is before this version was made";
  if (reason) return { time: 0, reason: reason, kiss: stratum === 0 };
  return { time: sent + (held < trip ? (trip - held) / 2 : 0), reason: "", kiss: false };
}
