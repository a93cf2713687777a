// What a session makes of a broker's bytes: each packet, split and merged at every byte, duplicates, too much, and
// garbage.
import assert from "node:assert/strict";
import fc from "fast-check";
import { brokerFault, sessionFeed, sessionResume } from "../../firmware/mqtt/session.cold";
import {
  ANSWERING,
  CONNECTED,
  MOST_INBOX,
  MOST_PAYLOAD,
  OVERSIZE,
  QOS1,
  QOS2,
  RX_DROPPED,
  STALE,
  SUBSCRIBE_ID,
  SUBSCRIBING,
  type Session,
  TOO_LARGE,
} from "../../firmware/mqtt/session";
import { publish } from "../../firmware/mqtt/publish";
import { answer, bytesOf, connected, parsed } from "./wire";

const BASE = "tinybms/ESP32-A1B2C3/",
  BROKEN = -2,
  DEAF = -4;
const message = (payload: string, qos = 0, messageId = 1, topic = BASE + "cmd", dup = false): string =>
  bytesOf({
    cmd: "publish",
    topic,
    payload: Buffer.from(payload, "latin1"),
    qos,
    messageId: qos ? messageId : undefined,
    dup,
    retain: false,
  });
const CONNACK = bytesOf({ cmd: "connack", returnCode: 0, sessionPresent: false });
const SUBACK = bytesOf({ cmd: "suback", messageId: SUBSCRIBE_ID, granted: [0, 1] });
const anyByte = fc.nat(255).map((code) => String.fromCharCode(code));

/** All results of a piece of the stream but "nothing". */
function feed(session: Session, bytes: string): number[] {
  const results: number[] = [];
  for (
    let code = sessionFeed(session, bytes, 0);
    code !== -1 && results.length < 100;
    code = sessionFeed(session, "", 0)
  )
    results.push(code);
  return results;
}

const commands = (texts: string[]): string[] =>
  parsed(...texts).map(({ cmd, messageId }) => [cmd, messageId].join(" "));

describe("mqtt receive", () => {
  it("QoS 0, 1 and 2, the latter once, whatever is sent twice", () => {
    const { session, written } = connected();
    feed(
      session,
      message("zero") + message("one", 1, 7) + message("two", 2, 8) + message("two", 2, 8, BASE + "cmd", true),
    );
    assert.deepEqual(
      session.inbox.map(({ payload }) => payload),
      ["zero", "one", "two"],
    );
    assert.deepEqual(commands(written), ["puback 7", "pubrec 8", "pubrec 8"]);
    feed(session, answer("pubrel", 8) + answer("pubrel", 8) + message("new", 2, 8));
    assert.deepEqual(commands(written.slice(3)), ["pubcomp 8", "pubcomp 8", "pubrec 8"]);
    assert.deepEqual(
      session.inbox.map(({ payload }) => payload),
      ["zero", "one", "two", "new"],
    );
  });

  it("QoS 2 sent: PUBREC, PUBREL, PUBCOMP; answers to what is not in flight change nothing", () => {
    const { session, written } = connected();
    publish(session, "a", "x", QOS2, 0);
    publish(session, "b", "y", QOS1, 0);
    feed(session, answer("puback", 9) + answer("pubcomp", 9));
    assert.equal(session.inFlight.length, 2);
    feed(session, answer("pubrec", 1) + answer("pubrec", 1) + answer("pubrec", 9));
    assert.deepEqual(
      commands(written.slice(2)),
      ["pubrel 1", "pubrel 1", "pubrel 9"],
      "a broker is never left waiting",
    );
    assert.deepEqual(
      [session.inFlight[0].payload, session.inFlight[0].flags],
      ["", 0],
      "the payload is not needed any more",
    );
    feed(session, answer("pubcomp", 1) + answer("puback", 2));
    assert.deepEqual(session.inFlight, []);
  });

  it("PUBACK for QoS 2 is done, told once a connection, and the next ones leave", () => {
    const { session, written } = connected();
    for (let id = 1; id <= 6; id++) {
      assert.ok(publish(session, "a", "x", QOS2, 0));
      assert.deepEqual(feed(session, answer("puback", id)), []);
    }
    assert.deepEqual(
      commands(written),
      [1, 2, 3, 4, 5, 6].map((id) => `publish ${id}`),
    );
    assert.deepEqual([session.inFlight, session.errors, session.errorCode], [[], 1, "Failed"]);
    assert.match(session.errorMessage, /QoS 2 with PUBACK/);
  });

  it("any other answer of the wrong type ends the connection, by the names of both", () => {
    const wrong: [flags: number, before: string, came: "puback" | "pubrec" | "pubcomp", words: RegExp][] = [
      [QOS1, "", "pubrec", /PUBREC where PUBACK/],
      [QOS1, "", "pubcomp", /PUBCOMP where PUBACK/],
      [QOS2, "", "pubcomp", /PUBCOMP where PUBREC/],
      [QOS2, answer("pubrec", 1), "puback", /PUBACK where PUBCOMP/],
    ];
    for (const [flags, before, came, words] of wrong) {
      const { session } = connected();
      publish(session, "a", "x", flags, 0);
      feed(session, before);
      const result = sessionFeed(session, answer(came, 1) + message("zero"), 0);
      assert.match(brokerFault(result).join(" "), words);
      assert.equal(session.inFlight.length, 1, "it is sent again on the next connection");
      assert.equal(session.rx, "", "what came behind it is nobody's any more");
    }
  });

  it("a stream split at every byte gives what the whole gives", () => {
    const stream =
      CONNACK +
      SUBACK +
      message("x".repeat(200), 1, 3) +
      answer("pubrec", 1) +
      message("", 0) +
      answer("pubcomp", 1) +
      message("y".repeat(1100), 2, 4) +
      message("z", 2, 5) +
      answer("pubrel", 5) +
      "\xd0\x00";
    const outcome = (...pieces: string[]): unknown => {
      const { session, written } = connected();
      publish(session, "a", "", QOS2, 0);
      Object.assign(session, { state: ANSWERING, pingAt: 5 });
      const results: number[] = [];
      for (const piece of pieces) {
        for (let rest = piece, code = 0; code !== -1; rest = "") {
          code = sessionFeed(session, rest, 0);
          if (code === 0) session.state = SUBSCRIBING;
          if (code !== -1) results.push(code);
        }
      }
      return {
        results,
        written: written.join(""),
        inbox: session.inbox,
        rx: session.rx,
        skip: session.skip,
        pingAt: session.pingAt,
        received: session.received,
        inFlight: session.inFlight,
        counts: Array.from(session.counts),
      };
    };
    const whole = outcome(stream);
    assert.deepEqual((whole as { results: number[] }).results, [0, 256]);
    for (let at = 1; at < stream.length; at++)
      assert.deepEqual(outcome(stream.slice(0, at), stream.slice(at)), whole, `at ${at}`);
    assert.deepEqual(outcome(...stream), whole, "byte by byte");
  });

  it("CONNACK: each code, session present, nothing before it, no second one", () => {
    const connack = (present: number, code: number): number[] => {
      const { session } = connected();
      session.state = ANSWERING;
      return [sessionFeed(session, "\x20\x02" + String.fromCharCode(present, code), 0)];
    };
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 255].flatMap((code) => connack(0, code)),
      [0, 1, 2, 3, 4, 5, 255],
    );
    assert.deepEqual([...connack(1, 0), ...connack(1, 5), ...connack(2, 0)], [257, 5, BROKEN]);
    const { session } = connected();
    assert.deepEqual(sessionFeed(session, CONNACK, 0), BROKEN);
    session.state = ANSWERING;
    assert.deepEqual(sessionFeed(session, message("x"), 0), BROKEN);
  });

  it("skips what is too large without keeping it, answers it, and says so", () => {
    const { session, written } = connected();
    for (const piece of (message("x".repeat(100000), 1, 3) + message("after")).match(/[^]{1,536}/g)!) {
      feed(session, piece);
      assert.ok(session.rx.length < 2000, `${session.rx.length} bytes kept`);
    }
    assert.deepEqual(commands(written), ["puback 3"]);
    assert.deepEqual(
      session.inbox.map(({ topic, payload, flags }) => [topic, payload, flags & TOO_LARGE]),
      [
        ["cmd", "", TOO_LARGE],
        ["cmd", "after", 0],
      ],
    );
    assert.equal(session.counts[OVERSIZE], 1);
    feed(session, message("y".repeat(MOST_PAYLOAD)) + message("y".repeat(MOST_PAYLOAD + 1)));
    assert.deepEqual(
      session.inbox.slice(2).map(({ payload }) => payload.length),
      [MOST_PAYLOAD, 0],
    );
  });

  it("keeps a few messages for the task, counts the others, and ignores topics of others", () => {
    const { session } = connected();
    feed(
      session,
      message("foreign", 0, 0, "other/cmd") +
        message("test", 0, 0, BASE + "test") +
        message("below", 0, 0, BASE + "cmd/x"),
    );
    assert.equal(session.inbox.length, 0);
    for (let i = 0; i < MOST_INBOX + 3; i++) feed(session, message(`${i}`));
    assert.deepEqual(
      [session.inbox.length, session.inbox[0].payload, session.counts[RX_DROPPED]],
      [MOST_INBOX, "0", 0],
    );
    session.inbox.splice(0, 2);
    feed(session, "");
    assert.deepEqual(
      session.inbox.map(({ payload }) => payload),
      ["2", "3", "4", "5", "6", "7", "8", "9"],
      "three waited behind the others",
    );
    for (let i = 0; i < 100; i++) feed(session, message("x".repeat(100), 1, i + 1));
    assert.ok(
      session.rx.length <= 2048 && session.counts[RX_DROPPED] > 50,
      `${session.rx.length} bytes, ${session.counts[RX_DROPPED]} dropped`,
    );
    session.rx = "";
    session.inbox.splice(0);
    session.others = "homeassistant/status";
    feed(session, message("online", 0, 0, "homeassistant/status"));
    assert.deepEqual(session.inbox[0].topic, "homeassistant/status");
  });

  it("marks what the broker kept for longer than this connection", () => {
    const { session } = connected();
    sessionResume(session, true, 5000);
    session.state = CONNECTED;
    for (const now of [5000, 6999, 7000]) sessionFeed(session, message("x"), now);
    assert.deepEqual(
      session.inbox.map(({ flags }) => flags & STALE),
      [STALE, STALE, 0],
    );
    sessionResume(session, false, 5000);
    session.state = CONNECTED;
    sessionFeed(session, message("x"), 5001);
    assert.equal(session.inbox[3].flags & STALE, 0);
  });

  it("ends with a broker that does not read its answers", () => {
    const { session, socket } = connected();
    socket.dSnd = "x".repeat(4097);
    assert.deepEqual(sessionFeed(session, message("x", 1, 1), 0), DEAF);
  });

  it("tells what is no MQTT of ours", () => {
    const bad = [
      "\x00\x00",
      "\x10\x00",
      "\x80\x00",
      "\xb0\x02\x00\x01",
      "\xe0\x00",
      "\xf0\x00",
      "\xd0\x01x",
      "\xd1\x00",
      "\x40\x03\x00\x01\x02",
      "\x41\x02\x00\x01",
      "\x60\x02\x00\x01",
      "\x40\x80\x80\x80\x80\x01",
      "\x40\xff\xff\x7f",
      "\x30\x00",
      "\x30\x02\x00\x00",
      "\x30\x03\x00\x05a",
      "\x36\x05\x00\x01a\x00\x01",
      "\x32\x05\x00\x01a\x00\x00",
      "\x32\x03\x00\x01a",
      "\x90\x03\x00\x01\x00",
      "\x30\xff\xff\x03\xff\xff",
    ];
    for (const garbage of bad)
      assert.equal(sessionFeed(connected().session, garbage, 0), BROKEN, JSON.stringify(garbage));
    const { session } = connected();
    for (let id = 1; id <= 32; id++, session.inbox = []) assert.equal(sessionFeed(session, message("x", 2, id), 0), -1);
    assert.equal(sessionFeed(session, message("x", 2, 33), 0), BROKEN, "too many unfinished ones");
  });

  it("never throws, never hangs, keeps little, and never reads past the end", () => {
    const noise = fc.string({ unit: anyByte, maxLength: 600 });
    const head = fc
      .tuple(
        fc.constantFrom("\x20", "\x30", "\x32", "\x34", "\x3d", "\x40", "\x50", "\x62", "\x70", "\x90", "\xd0"),
        noise,
      )
      .map(([first, rest]) => first + rest);
    const real = fc
      .tuple(fc.string({ unit: anyByte, maxLength: 1500 }), fc.nat(2), fc.integer({ min: 1, max: 65535 }))
      .map(([text, qos, id]) => message(text, qos, id));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(noise, head, real), { maxLength: 12 }),
        fc.constantFrom(ANSWERING, SUBSCRIBING, 8),
        (pieces, state) => {
          const { session } = connected();
          session.state = state;
          for (const piece of pieces) {
            if (feed(session, piece).some((code) => code < 0)) return;
            assert.ok(session.rx.length <= 2048 && session.inbox.length <= MOST_INBOX && session.received.length <= 32);
            for (const { payload } of session.inbox) assert.ok(payload.length <= MOST_PAYLOAD);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("takes any real message whole, in any pieces", () => {
    const payloads = fc.array(fc.string({ unit: anyByte, maxLength: MOST_PAYLOAD }), { maxLength: MOST_INBOX });
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (texts, cuts) => {
        const { session } = connected();
        let stream = texts.map((text, i) => message(text, i % 3, i + 1)).join("");
        for (let i = 0; stream; i++) {
          feed(session, stream.slice(0, cuts[i % cuts.length]));
          stream = stream.slice(cuts[i % cuts.length]);
        }
        assert.deepEqual(
          session.inbox.map(({ payload }) => payload),
          texts,
        );
      }),
      { numRuns: 300 },
    );
  });
});
