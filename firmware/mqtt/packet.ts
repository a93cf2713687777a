// MQTT 3.1.1 packets as byte strings (OASIS standard, chapters 2 and 3). Lengths are bytes; a string of the interpreter is one.

/** A name of the image is found sooner than one of the interpreter. */
const chars = String.fromCharCode;

/** PUBLISH (3.3): flags are QoS x 2, retain 1, DUP 8; the packet id is sent for QoS 1 and 2 only. */
export function publishPacket(topic: string, payload: string, flags: number, id: number): string {
  const length = topic.length, body = flags & 6 ? chars(id >> 8, id & 255) + payload : payload, size = 2 + length + body.length;
  return (size < 128 ? chars(0x30 | flags, size, length >> 8, length & 255)
    : chars(0x30 | flags, size & 127 | 128, size >> 7, length >> 8, length & 255)) + topic + body;
}

export const PINGREQ = "\xc0\x00", DISCONNECT = "\xe0\x00";
