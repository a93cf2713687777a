// The packets of a test connection: CONNECT without a will, one PUBLISH at QoS 1 that is not retained, and what the broker says
// (MQTT 3.1.1, chapter 3). It must leave nothing behind, so it has its own CONNECT.

function field(text: string): string {
  return String.fromCharCode(text.length >> 8, text.length & 255) + text;
}

function packet(type: number, body: string): string {
  const length = body.length;
  return String.fromCharCode(type) + (length < 128 ? String.fromCharCode(length) : String.fromCharCode(length & 127 | 128, length >> 7)) + body;
}

/** CONNECT with a clean session; user and password only when given; keep-alive in s. */
export function testConnect(clientId: string, user: string, pass: string, keepAlive: number): string {
  const flags = 2 | (user ? 0x80 : 0) | (user && pass ? 0x40 : 0);
  return packet(0x10, "\x00\x04MQTT\x04" + String.fromCharCode(flags, keepAlive >> 8, keepAlive & 255) + field(clientId)
    + (user ? field(user) + (pass ? field(pass) : "") : ""));
}

/** PUBLISH at QoS 1, packet id 1, not retained. */
export function testPublish(topic: string, payload: string): string {
  return packet(0x32, field(topic) + "\x00\x01" + payload);
}

/** What has come so far: -1 not enough yet, -2 no MQTT, 0..255 the return code of CONNACK, 256 the PUBACK. */
export function testHeard(rx: string, awaitsAck: boolean): number {
  const type = rx.charCodeAt(0), size = rx.charCodeAt(1);
  if (rx && type !== (awaitsAck ? 0x40 : 0x20) || rx.length > 1 && size !== 2) return -2;
  if (rx.length < 4) return -1;
  return awaitsAck ? 256 : rx.charCodeAt(3);
}
