// DNS (RFC 1035) as far as an IPv4 address needs it: one question by UDP, the address in its answer. Bytes in, bytes
// out.

/** Types and classes are two bytes each: A is 1, IN is 1 (3.2.2, 3.2.4). */
const A_IN = "\x00\x01\x00\x01";
const HEADER = 12,
  MOST_RECORDS = 20;

/** The question for the IPv4 address of `name` (ASCII, at most 63 characters a label). `id`: two random bytes. */
export function dnsQuery(id: string, name: string): string {
  const labels = name.split(".").map(function (label) {
    return String.fromCharCode(label.length) + label;
  });
  return id + "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels.join("") + "\x00" + A_IN;
}

/**
 * Is `packet` the answer to this question? It carries its id, the bit of an answer (4.1.1), and the question once more.
 */
export function isDnsReply(packet: string, query: string): boolean {
  return (
    packet.substr(0, 2) === query.substr(0, 2) &&
    packet.charCodeAt(2) > 127 &&
    packet.substr(HEADER, query.length - HEADER) === query.substr(HEADER)
  );
}

function addressAt(packet: string, at: number): string {
  let text = "" + packet.charCodeAt(at);
  for (let byte = 1; byte < 4; byte++) text += "." + packet.charCodeAt(at + byte);
  return text;
}

/** The first IPv4 address in an answer (`isDnsReply`), "" when it holds none: no such name, a refusal, or cut short. */
export function dnsAddress(packet: string, query: string): string {
  const records = packet.charCodeAt(3) & 15 ? 0 : packet.charCodeAt(6) * 256 + packet.charCodeAt(7);
  let at = query.length;
  for (let record = 0; record < records && record < MOST_RECORDS; record++) {
    let length = packet.charCodeAt(at);
    while (length > 0 && length < 64) {
      at += length + 1;
      length = packet.charCodeAt(at);
    }
    at += length > 191 ? 2 : 1; // a name ends with a pointer to the rest of it (4.1.4), or with 0
    const size = packet.charCodeAt(at + 8) * 256 + packet.charCodeAt(at + 9);
    if (packet.substr(at, 4) === A_IN && size === 4 && packet.length >= at + 14) {
      return addressAt(packet, at + 10);
    }
    if (!(size >= 0)) return "";
    at += 10 + size;
  }
  return "";
}
