// MQTT 3.1.1 packets as byte strings (OASIS standard, chapters 2 and 3). Lengths are bytes; a string of the interpreter is one.

/** PUBLISH (3.3): flags are QoS x 2, retain 1, DUP 8; the packet id is sent for QoS 1 and 2 only. */
export function publishPacket(topic: string, payload: string, flags: number, id: number): string {
  let size = 2 + topic.length + payload.length, body = topic + payload;
  if (flags & 6) {
    size += 2;
    body = topic + String.fromCharCode(id >> 8, id & 255) + payload;
  }
  return (size < 128 ? String.fromCharCode(0x30 | flags, size, topic.length >> 8, topic.length & 255)
    : String.fromCharCode(0x30 | flags, size & 127 | 128, size >> 7, topic.length >> 8, topic.length & 255)) + body;
}

export const PINGREQ = "\xc0\x00", DISCONNECT = "\xe0\x00";
