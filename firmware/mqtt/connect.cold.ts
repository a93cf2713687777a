// What happens once a connection: CONNECT and SUBSCRIBE, and what the broker's answers mean (MQTT 3.1.1, 3.1, 3.2, 3.8, 3.9).
import { SUBSCRIBE_ID, type Session } from "./session";

export interface ConnectOptions {
  clientId: string; user: string; pass: string; keepAlive: number; cleanSession: boolean;
  /** Last will: topic and payload, QoS 1, retained. */
  willTopic: string; willPayload: string;
}

function field(text: string): string {
  return String.fromCharCode(text.length >> 8, text.length & 255) + text;
}

function packet(first: string, body: string): string {
  return first + (body.length < 128 ? String.fromCharCode(body.length) : String.fromCharCode(body.length & 127 | 128, body.length >> 7)) + body;
}

/** CONNECT with a will; user and password only when given. All texts are UTF-8 bytes. */
export function connectPacket(options: ConnectOptions): string {
  const user = options.user !== "", pass = user && options.pass !== "";
  const flags = 0x2c | (options.cleanSession ? 2 : 0) | (user ? 0x80 : 0) | (pass ? 0x40 : 0);
  return packet("\x10", "\x00\x04MQTT\x04" + String.fromCharCode(flags, options.keepAlive >> 8, options.keepAlive & 255) + field(options.clientId)
    + field(options.willTopic) + field(options.willPayload) + (user ? field(options.user) : "") + (pass ? field(options.pass) : ""));
}

/** Topics that are subscribed, in the order of SUBACK's return codes. */
function topicsOf(session: Session): string[] {
  const topics = [session.base + "cmd", session.base + "cfg/set"];
  return session.others ? topics.concat(session.others.split("\n")) : topics;
}

/** SUBSCRIBE to the commands, to settings at QoS 1, and to the other topics at QoS 0. */
export function subscribePacket(session: Session, commandQos: number): string {
  const body = topicsOf(session).map(function (topic, i) { return field(topic) + String.fromCharCode(i === 0 ? commandQos : i === 1 ? 1 : 0); });
  return packet("\x82", String.fromCharCode(SUBSCRIBE_ID >> 8, SUBSCRIBE_ID & 255) + body.join(""));
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

/** Error code and text of SUBACK's return codes (3.9.3); no code when each topic was granted, at whatever QoS. */
export function subscribeRefusal(session: Session): string[] {
  const topics = topicsOf(session), granted = session.granted;
  if (granted.length !== topics.length) {
    return ["Failed", "broker answered SUBSCRIBE with " + granted.length + " codes for " + topics.length + " topics"];
  }
  for (let i = 0; i < topics.length; i++) {
    const code = granted.charCodeAt(i);
    if (code === 0x80) return ["NotAuthorized", "broker refuses the subscription to " + topics[i]];
    if (code > 2) return ["Failed", "broker answered the subscription to " + topics[i] + " with " + code];
  }
  return ["", ""];
}
