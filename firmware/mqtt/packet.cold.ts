// MQTT 3.1.1 packets as byte strings (OASIS standard, chapters 2 and 3). Lengths are bytes; a string of the interpreter is one.

/** PUBLISH (3.3) of up to 16,383 bytes: flags are QoS x 2, retain 1, DUP 8; the packet id is sent for QoS 1 and 2 only. */
export function publishPacket(topic: string, payload: string, flags: number, id: number): string {
  const chars = String.fromCharCode, length = topic.length, body = flags & 6 ? chars(id >> 8, id & 255) + payload : payload;
  const size = 2 + length + body.length, first = 0x30 | flags;
  return (size < 128 ? chars(first, size) : chars(first, size & 127 | 128, size >> 7)) + chars(length >> 8, length & 255) + topic + body;
}
