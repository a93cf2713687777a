// What happens once a connection: the CONNECT packet, and what the broker's answer means (MQTT 3.1.1, 3.1 and 3.2).

export interface ConnectOptions {
  clientId: string; user: string; pass: string; keepAlive: number; cleanSession: boolean;
  /** Last will: topic and payload, QoS 1, retained. */
  willTopic: string; willPayload: string;
}

function field(text: string): string {
  return String.fromCharCode(text.length >> 8, text.length & 255) + text;
}

/** CONNECT with a will; user and password only when given. */
export function connectPacket(options: ConnectOptions): string {
  const user = options.user !== "", pass = user && options.pass !== "";
  const flags = 0x2c | (options.cleanSession ? 2 : 0) | (user ? 0x80 : 0) | (pass ? 0x40 : 0);
  const body = "\x00\x04MQTT\x04" + String.fromCharCode(flags, options.keepAlive >> 8, options.keepAlive & 255) + field(options.clientId)
    + field(options.willTopic) + field(options.willPayload) + (user ? field(options.user) : "") + (pass ? field(options.pass) : "");
  return "\x10" + (body.length < 128 ? String.fromCharCode(body.length) : String.fromCharCode(body.length & 127 | 128, body.length >> 7)) + body;
}

/** Error code and text of a CONNACK return code other than 0 (table 3.1). */
export function refusal(code: number): string[] {
  if (code === 1) return ["Failed", "broker does not speak MQTT 3.1.1"];
  if (code === 2) return ["Failed", "broker refuses the client id"];
  if (code === 3) return ["ConnRefused", "broker is unavailable"];
  if (code === 4) return ["BadCredentials", "bad user name or password"];
  if (code === 5) return ["NotAuthorized", "not authorised"];
  return ["Failed", "broker answered CONNECT with " + code];
}
