// MQTT packets read by an independent parser; the session's answers, duplicates and garbage; which register is due.
import assert from "node:assert/strict";
import fc from "fast-check";
import mqttPacket from "mqtt-packet";
import type { Socket } from "../../firmware/kernel/ports";
import { connectPacket, refusal } from "../../firmware/mqtt/connect.cold";
import { type Due, dueOf, nextDue, passBegins } from "../../firmware/mqtt/due";
import { publishPacket } from "../../firmware/mqtt/packet";
import { ROWS } from "../../firmware/mqtt/rows.baked";
import { CONNECTED, MOST_IN_FLIGHT, publish, type Session, sessionOf, WAITING } from "../../firmware/mqtt/session";
import { keepAlive, resend, sessionFail, sessionFeed } from "../../firmware/mqtt/session-life.cold";

type Packet = Record<string, unknown>;

/** What the parser of the mqtt package makes of byte strings. */
function parsed(...texts: string[]): Packet[] {
  const packets: Packet[] = [], parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet: unknown) => { packets.push(packet as Packet); });
  parser.on("error", (error: unknown) => { throw error; });
  for (const text of texts) parser.parse(Buffer.from(text, "latin1"));
  return packets;
}

function connected(): { session: Session; written: string[]; socket: Socket; ended: () => number } {
  const session = sessionOf(), written: string[] = [];
  let ends = 0;
  const socket: Socket = { write: (text) => { written.push(text); }, end: () => { ends++; }, on: () => undefined };
  Object.assign(session, { state: CONNECTED, socket, base: "tinybms/ESP32-A1B2C3/" });
  return { session, written, socket, ended: () => ends };
}

const PUBACK = (id: number): string => "\x40\x02" + String.fromCharCode(id >> 8, id & 255);

describe("mqtt packets", () => {
  it("CONNECT with will, user and password, short and long", () => {
    for (const clientId of ["ESP32-A1B2C3", "x".repeat(150)]) {
      const [packet] = parsed(connectPacket({ clientId, user: "u", pass: "p", keepAlive: 300, cleanSession: true, willTopic: "a/status", willPayload: '{"x":1}' }));
      assert.deepEqual([packet["cmd"], packet["clientId"], packet["username"], String(packet["password"]), packet["keepalive"], packet["clean"]], ["connect", clientId, "u", "p", 300, true]);
      const will = packet["will"] as Packet;
      assert.deepEqual([will["topic"], String(will["payload"]), will["qos"], will["retain"]], ["a/status", '{"x":1}', 1, true]);
    }
    const [plain] = parsed(connectPacket({ clientId: "c", user: "", pass: "p", keepAlive: 30, cleanSession: false, willTopic: "t", willPayload: "" }));
    assert.deepEqual([plain["username"], plain["password"], plain["clean"]], [undefined, undefined, false]);
  });

  it("PUBLISH of any size, QoS and retain", () => {
    const topic = fc.string({ unit: fc.constantFrom("a", "/", "_"), minLength: 1, maxLength: 80 }), payload = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 400 });
    fc.assert(fc.property(topic, payload, fc.nat(1), fc.boolean(), fc.integer({ min: 1, max: 65535 }), (name, text, qos, retain, id) => {
      const [packet] = parsed(publishPacket(name, text, qos * 2 + (retain ? 1 : 0), id));
      const got = [packet["topic"], (packet["payload"] as Buffer).toString("latin1"), packet["qos"], packet["retain"], packet["dup"], packet["messageId"]];
      assert.deepEqual(got, [name, text, qos, retain, false, qos ? id : undefined]);
    }), { examples: [["a".repeat(5), "x".repeat(120), 0, false, 1], ["a".repeat(5), "x".repeat(121), 0, false, 1]] });
  });

  it("each refusal of CONNACK has a code and a text", () => {
    for (const code of [1, 2, 3, 4, 5, 99]) assert.ok(refusal(code).every((text) => text.length > 3));
    assert.equal(refusal(4)[0], "BadCredentials");
  });
});

describe("mqtt session", () => {
  it("keeps QoS 1 in flight until it is acknowledged, four at most, refused and counted beyond", () => {
    const { session, written } = connected();
    for (let i = 0; i < MOST_IN_FLIGHT; i++) assert.ok(publish(session, "a", `${i}`, 2, 0));
    assert.equal(publish(session, "a", "more", 2, 0), false);
    assert.ok(publish(session, "b", "QoS 0 goes on", 0, 0));
    assert.deepEqual([session.failed, session.published], [1, 5]);
    assert.equal(sessionFeed(session, PUBACK(2)), -1);
    assert.deepEqual(session.inFlight.map((message) => message.id), [1, 3, 4]);
    assert.ok(publish(session, "a", "5", 2, 0));
    written.length = 0;
    resend(session);
    const again = parsed(...written);
    assert.deepEqual(again.map((packet) => [packet["messageId"], packet["dup"], packet["qos"], packet["topic"]]), [1, 3, 4, 5].map((id) => [id, true, 1, "tinybms/ESP32-A1B2C3/a"]));
  });

  it("packet ids wrap from 65535 to 1; nothing is sent without room or connection", () => {
    const { session, socket } = connected();
    session.nextId = 65535;
    publish(session, "a", "", 2, 0);
    assert.equal(session.nextId, 1);
    socket.dSnd = "x".repeat(3000);
    assert.equal(publish(session, "a", "", 0, 0), false);
    socket.dSnd = "";
    session.state = WAITING;
    assert.equal(publish(session, "a", "", 0, 0), false);
  });

  it("reads a stream split at every byte, and any pieces of it", () => {
    const stream = "\x20\x02\x00\x05" + PUBACK(1) + "\xd0\x00";
    for (let at = 0; at <= stream.length; at++) {
      const { session } = connected();
      publish(session, "a", "", 2, 0);
      session.pingAt = 5;
      assert.equal(Math.max(sessionFeed(session, stream.slice(0, at)), sessionFeed(session, stream.slice(at))), 5);
      assert.deepEqual([session.inFlight.length, session.pingAt, session.rx], [0, 0, ""]);
    }
  });

  it("tells garbage, never throws, and keeps nothing without bound", () => {
    for (const garbage of ["\x10\x02ab", "\xf0\x00", "\x20\x80\x01"]) assert.equal(sessionFeed(connected().session, garbage), -2);
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) })), (pieces) => {
      const { session } = connected();
      for (const piece of pieces) if (sessionFeed(session, piece) === -2) return;
      assert.ok(session.rx.length <= 129);
    }));
  });

  it("pings, and gives up without an answer or with output that does not leave", () => {
    const { session, written, ended } = connected();
    keepAlive(session, 15001);
    assert.deepEqual(parsed(...written).map((packet) => packet["cmd"]), ["pingreq"]);
    keepAlive(session, 31000);
    assert.deepEqual([session.state, session.errorCode, session.socket, ended()], [WAITING, "ConnTimeout", null, 1]);
  });

  it("waits longer after each failure, 15 % either way, up to the longest", () => {
    const { session } = connected();
    for (const wait of [5000, 10000, 20000, 40000, 60000, 60000]) {
      sessionFail(session, "Failed", "", 1000);
      assert.ok(session.retryAt - 1000 >= wait * 0.85 && session.retryAt - 1000 <= wait * 1.15);
    }
  });
});

describe("register messages that are due", () => {
  /** What goes out in the step at `now`, when all rows are looked at. */
  function sent(due: Due, values: Float64Array, now: number): number[] {
    const rows: number[] = [];
    if (!passBegins(due, now)) return rows;
    for (let row = nextDue(due, values, ROWS); row >= 0; row = due.row ? nextDue(due, values, ROWS) : -1) rows.push(row);
    return rows;
  }

  it("each row once at first, then by deadband and shortest period", () => {
    const due = dueOf(), values = new Float64Array(ROWS).fill(20);
    due.refreshAt = Infinity;
    assert.equal(sent(due, values, 1000).length, ROWS);
    values[0] += 0.019;
    assert.deepEqual(sent(due, values, 2000), [], "the deadband of the voltage is 0.02 V");
    values[0] += 0.01;
    assert.deepEqual(sent(due, values, 3000), [0]);
    values[0] += 1;
    assert.deepEqual(sent(due, values, 3500), [], "not within the shortest period");
    assert.deepEqual(sent(due, values, 4000), [0]);
    values[0] = NaN;
    assert.deepEqual([sent(due, values, 5000), sent(due, values, 6000)], [[0], []], "unknown is news once");
    values[0] = 20;
    assert.deepEqual(sent(due, values, 7000), [0]);
  });

  it("each row again within a minute, unknown ones too", () => {
    const due = dueOf(), values = new Float64Array(ROWS).fill(20), again = new Set<number>();
    values[3] = NaN;
    sent(due, values, 1000);
    for (let now = 1200; now <= 63000; now += 200) for (const row of sent(due, values, now)) again.add(row);
    assert.equal(again.size, ROWS);
  });
});
