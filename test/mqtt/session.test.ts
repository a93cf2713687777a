// MQTT packets read by an independent parser; when a link is given up; which register is due.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  connectPacket,
  keepAlive,
  refusal,
  sessionEnd,
  sessionFail,
  stateWord,
  subscribePacket,
  subscribeRefusal,
  untilNextTry,
} from "../../firmware/mqtt/session.cold";
import { minCellVoltage } from "../../firmware/battery/registers.baked";
import { type Due, dueOf, liveDue, nextDue, passBegins } from "../../firmware/publish/due";
import { outboxFlush, publishPacket, publishTo } from "../../firmware/mqtt/outbox.cold";
import { live, ROWS } from "../../firmware/publish/rows.baked";
import {
  CONNECTED,
  CRITICAL,
  DRAINED,
  MOST_IN_FLIGHT,
  OFF,
  QOS1,
  TELEMETRY,
  WAITING,
} from "../../firmware/mqtt/session";
import { publish } from "../../firmware/mqtt/publish";
import { connected, type Packet, parsed } from "./wire";

describe("mqtt packets", () => {
  it("CONNECT with will, user and password, short and long", () => {
    for (const clientId of ["ESP32-A1B2C3", "x".repeat(150)]) {
      const [packet] = parsed(
        connectPacket({
          clientId,
          user: "u",
          pass: "p",
          keepAlive: 300,
          cleanSession: true,
          willTopic: "a/status",
          willPayload: '{"x":1}',
        }),
      );
      assert.deepEqual(
        [
          packet["cmd"],
          packet["clientId"],
          packet["username"],
          String(packet["password"]),
          packet["keepalive"],
          packet["clean"],
        ],
        ["connect", clientId, "u", "p", 300, true],
      );
      const will = packet["will"] as Packet;
      assert.deepEqual(
        [will["topic"], String(will["payload"]), will["qos"], will["retain"]],
        ["a/status", '{"x":1}', 1, true],
      );
    }
    const [plain] = parsed(
      connectPacket({
        clientId: "c",
        user: "",
        pass: "p",
        keepAlive: 30,
        cleanSession: false,
        willTopic: "t",
        willPayload: "",
      }),
    );
    assert.deepEqual([plain["username"], plain["password"], plain["clean"]], [undefined, undefined, false]);
  });

  it("PUBLISH of any size, QoS and retain", () => {
    const topic = fc.string({ unit: fc.constantFrom("a", "/", "_"), minLength: 1, maxLength: 80 }),
      payload = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 400 });
    fc.assert(
      fc.property(
        topic,
        payload,
        fc.nat(2),
        fc.boolean(),
        fc.integer({ min: 1, max: 65535 }),
        (name, text, qos, retain, id) => {
          const [packet] = parsed(publishPacket(name, text, qos * 2 + (retain ? 1 : 0), id));
          const got = [
            packet["topic"],
            (packet["payload"] as Buffer).toString("latin1"),
            packet["qos"],
            packet["retain"],
            packet["dup"],
            packet["messageId"],
          ];
          assert.deepEqual(got, [name, text, qos, retain, false, qos ? id : undefined]);
        },
      ),
      {
        examples: [
          ["a".repeat(5), "x".repeat(120), 0, false, 1],
          ["a".repeat(5), "x".repeat(121), 0, false, 1],
        ],
      },
    );
  });

  it("each refusal of CONNACK has a code and a text", () => {
    const told = (code: number): string => refusal(code, "b:1883").join(" | ");
    const codes = [1, 2, 3, 4, 5, 99, 0x284];
    assert.equal(new Set(codes.map(told)).size, codes.length);
    for (const code of codes) assert.match(told(code), /b:1883/);
    assert.deepEqual(
      [3, 4, 5].map((code) => refusal(code, "")[0]),
      ["ConnRefused", "BadCredentials", "NotAuthorized"],
    );
    assert.match(told(1), /protocol version refused/);
    assert.match(told(0x284), /MQTT 5.*0x84/);
  });

  it("reason codes of MQTT 5 in an answer of MQTT 3.1.1 say what 1 to 5 say", () => {
    for (const [code, same] of Object.entries({ 0x84: 1, 0x85: 2, 0x86: 4, 0x87: 5, 0x88: 3 }))
      assert.deepEqual(refusal(Number(code), "b"), refusal(same, "b"), code);
    assert.match(refusal(0x89, "b")[1], /with 137$/);
  });

  it("user and password are bytes: UTF-8 of any length up to 64", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1 }),
        fc.string({ unit: "grapheme", minLength: 1 }),
        (name, secret) => {
          const bytes = (text: string): string => Buffer.from(text).toString("latin1");
          const [packet] = parsed(
            connectPacket({
              clientId: "c",
              user: bytes(name),
              pass: bytes(secret),
              keepAlive: 30,
              cleanSession: true,
              willTopic: "t",
              willPayload: "",
            }),
          );
          assert.deepEqual([packet["username"], String(packet["password"])], [name, secret]);
        },
      ),
    );
  });

  it("SUBSCRIBE with the QoS of the settings, and the birth topic when there is one", () => {
    const { session } = connected();
    for (const birth of ["", "homeassistant/status"]) {
      session.others = birth;
      const [packet] = parsed(subscribePacket(session, 2)),
        topics = packet["subscriptions"] as Packet[];
      assert.deepEqual(
        topics.map(({ topic, qos }) => [topic, qos]),
        [["tinybms/ESP32-A1B2C3/cmd", 2], ["tinybms/ESP32-A1B2C3/cfg/set", 1], ...(birth ? [[birth, 0]] : [])],
      );
    }
  });

  it("each return code of SUBACK is told apart", () => {
    const { session } = connected(),
      told = (granted: string): string[] => subscribeRefusal(Object.assign(session, { granted }));
    for (const granted of ["\0\0", "\0\x01", "\x02\x02"]) assert.deepEqual(told(granted), ["", ""]);
    assert.deepEqual(told("\x80\x01"), [
      "NotAuthorized",
      "broker refuses the subscription to tinybms/ESP32-A1B2C3/cmd",
    ]);
    assert.match(told("\0\x80")[1], /cfg\/set/);
    assert.deepEqual(told("\0\x03"), [
      "Failed",
      "broker answered the subscription to tinybms/ESP32-A1B2C3/cfg/set with 3",
    ]);
    assert.match(told("\0")[1], /1 codes for 2 topics/);
  });
});

describe("mqtt session", () => {
  it("pings when nothing is heard, however much is sent, and gives up without an answer", () => {
    const { session, written, ended } = connected();
    session.lastPublish = 15000;
    keepAlive(session, 15001);
    assert.deepEqual(
      parsed(...written).map((packet) => packet["cmd"]),
      ["pingreq"],
    );
    session.lastPublish = 30900;
    keepAlive(session, 31000);
    assert.deepEqual([session.state, session.errorCode, session.socket, ended()], [WAITING, "ConnTimeout", null, 1]);
  });

  it("gives up with output that does not leave, and empties it so that the socket closes", () => {
    const { session, socket } = connected();
    Object.assign(session, { waitingSince: 1000, heardAt: 20000 });
    socket.dSnd = "stuck";
    keepAlive(session, 21001);
    assert.deepEqual([session.state, session.errorMessage, socket.dSnd], [WAITING, "output is stuck", ""]);
  });

  it("gives up when a message stays unanswered while pings are answered", () => {
    const { session, socket } = connected();
    publish(session, "a", "", QOS1, 0);
    for (let now = 1000; now <= 61000; now += 1000) {
      Object.assign(session, { heardAt: now, pingAt: 0, waitingSince: now });
      keepAlive(session, now);
      assert.equal(session.state, CONNECTED, `${now} ms`);
    }
    keepAlive(session, 61001);
    assert.deepEqual([session.state, session.errorMessage], [WAITING, "no answer to a message"]);
    Object.assign(session, { state: CONNECTED, socket, heardAt: 70000, waitingSince: 70000 });
    keepAlive(session, 70000);
    assert.equal(session.state, CONNECTED, "on a new connection the same message has its time again");
  });

  it("waits longer after each failure, 15 % either way, up to the longest", () => {
    const { session } = connected();
    for (const wait of [5000, 10000, 20000, 40000, 60000, 60000]) {
      sessionFail(session, "Failed", "", 1000);
      assert.ok(session.retryAt - 1000 >= wait * 0.85 && session.retryAt - 1000 <= wait * 1.15);
    }
  });

  it("what waits leaves before an end on purpose, however much is in flight; telemetry may stay behind", () => {
    const { session, written } = connected();
    for (let i = 0; i < MOST_IN_FLIGHT; i++) publish(session, `alarm${i}`, "", QOS1, 0);
    publish(session, "cfg/ack", '{"ok":true}', QOS1, 0);
    publish(session, "rt/state", "{}", QOS1 | TELEMETRY, 0);
    assert.equal(session.outbox.length, 2);
    written.length = 0;
    outboxFlush(session, 0);
    assert.deepEqual(
      parsed(...written).map(({ topic }) => topic),
      [session.base + "cfg/ack"],
    );
    assert.deepEqual([session.outbox.length, session.counts[DRAINED]], [1, 1]);
  });

  it("ends with DISCONNECT, and keeps nothing", () => {
    const { session, written, ended } = connected();
    publish(session, "a", "", QOS1, 0);
    sessionEnd(session);
    assert.deepEqual(
      parsed(...written).map(({ cmd }) => cmd),
      ["publish", "disconnect"],
    );
    assert.deepEqual([session.state, session.inFlight, session.outbox, ended()], [OFF, [], [], 1]);
    assert.equal(publishTo(session, "a", "", QOS1 | CRITICAL, 0), false, "nobody will send it");
  });
});

describe("register messages that are due", () => {
  /** What goes out in the step at `now`, when all rows are looked at. */
  function sent(due: Due, values: Float64Array, now: number): number[] {
    const rows: number[] = [];
    if (!passBegins(due, now)) return rows;
    for (let row = nextDue(due, values, ROWS); row >= 0; row = due.row ? nextDue(due, values, ROWS) : -1)
      rows.push(row);
    return rows;
  }
  /** The live rows that a sample at `now` brings out. */
  function ofSample(due: Due, values: Float64Array, now: number): number[] {
    const bits = liveDue(due, values, now);
    return [...live].filter((_, place) => (bits >> place) & 1);
  }

  it("each row once at first, then by deadband and shortest period", () => {
    const due = dueOf(),
      values = new Float64Array(ROWS).fill(20);
    due.refreshAt = Infinity;
    assert.equal(sent(due, values, 1000).length, ROWS - live.length);
    values[minCellVoltage] += 1.9;
    assert.deepEqual(sent(due, values, 2000), [], "the deadband of a cell is 2 mV");
    values[minCellVoltage] += 1;
    assert.deepEqual(sent(due, values, 3000), [minCellVoltage]);
    values[minCellVoltage] += 100;
    assert.deepEqual(sent(due, values, 3500), [], "not within the shortest period");
    assert.deepEqual(sent(due, values, 4000), [minCellVoltage]);
    values[minCellVoltage] = NaN;
    assert.deepEqual(
      [sent(due, values, 5000), sent(due, values, 6000)],
      [[minCellVoltage], []],
      "unknown is news once",
    );
    values[minCellVoltage] = 20;
    assert.deepEqual(sent(due, values, 7000), [minCellVoltage]);
  });

  it("each row again within a minute, unknown ones too", () => {
    const due = dueOf(),
      values = new Float64Array(ROWS).fill(20),
      again = new Set<number>();
    values[3] = values[live[0]] = NaN;
    sent(due, values, 1000);
    for (let now = 1200; now <= 63000; now += 200) {
      for (const row of sent(due, values, now)) again.add(row);
      for (const row of ofSample(due, values, now)) again.add(row);
    }
    assert.equal(again.size, ROWS);
  });

  it("live rows with the sample: by deadband and shortest period, each its own; unknown ones by the pass", () => {
    const due = dueOf(),
      values = new Float64Array(ROWS).fill(20),
      [voltage, current] = live;
    due.refreshAt = Infinity;
    assert.deepEqual(ofSample(due, values, 1000), [...live], "at first");
    assert.deepEqual(ofSample(due, values, 1250), []);
    values[voltage] += 0.019;
    assert.deepEqual(ofSample(due, values, 2100), [], "the deadband of the voltage is 0.02 V");
    values[voltage] += 0.01;
    assert.deepEqual(ofSample(due, values, 2350), [voltage]);
    values[voltage] += 1;
    values[current] += 1;
    assert.deepEqual(ofSample(due, values, 2600), [current], "the voltage was sent 250 ms before");
    assert.deepEqual(ofSample(due, values, 3349), []);
    assert.deepEqual(ofSample(due, values, 3350), [voltage]);
    sent(due, values, 4000);
    values[voltage] = NaN;
    assert.deepEqual(
      [ofSample(due, values, 5000), sent(due, values, 5100), sent(due, values, 6200)],
      [[], [voltage], []],
    );
    values[voltage] = 20;
    assert.deepEqual([sent(due, values, 7300), ofSample(due, values, 7350)], [[], [voltage]]);
  });

  it("live rows with every sample when there is no shortest period", () => {
    const due = dueOf(),
      values = new Float64Array(ROWS).fill(20);
    due.shortest = 0;
    for (let now = 1000; now < 3000; now += 250) assert.deepEqual(ofSample(due, values, now), [...live]);
  });
});

describe("how a session stands", () => {
  it("is said in a word for each state, in their order", () => {
    const words = Array.from({ length: CONNECTED + 1 }, (_, state) => stateWord({ ...connected().session, state }));
    assert.deepEqual(words, ["off", "waiting", "resolving", ...Array<string>(5).fill("connecting"), "connected"]);
  });

  it("the next try is told while it is waited for, and never as past", () => {
    const { session } = connected();
    assert.equal(untilNextTry(session, 5000), null);
    sessionFail(session, "ConnRefused", "gone", 5000);
    assert.equal(untilNextTry(session, 5000), Math.round(session.retryAt - 5000));
    assert.equal(untilNextTry(session, session.retryAt + 1), 0);
  });
});
