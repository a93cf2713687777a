// What goes out: at once or by rank, replaced by topic, counted; again with DUP after a reconnect; in pieces.
import assert from "node:assert/strict";
import fc from "fast-check";
import { outboxDrain, publishTo } from "../../firmware/mqtt/outbox.cold";
import { sessionFail, sessionFeed, sessionResume, streamBegin, streamPiece } from "../../firmware/mqtt/session.cold";
import {
  COALESCED,
  CONNECTED,
  CRITICAL,
  DRAINED,
  DROPPED,
  ENQUEUED,
  MOST_IN_FLIGHT,
  MOST_QUEUED,
  MOST_QUEUED_BYTES,
  MOST_TELEMETRY,
  MOST_WAITING,
  QOS1,
  QOS2,
  RETAIN,
  type Session,
  TELEMETRY,
  WAITING,
} from "../../firmware/mqtt/session";
import { publish } from "../../firmware/mqtt/publish";
import { answer, connected, parsed } from "./wire";

const BASE = "tinybms/ESP32-A1B2C3/";
const payloads = (texts: string[]): string[] =>
  parsed(...texts)
    .filter(({ cmd }) => cmd === "publish")
    .map(({ payload }) => String(payload));

/** What the session said yes to, by its counters. */
const admitted = ({ published, counts }: Session): number => published - counts[DRAINED] + counts[ENQUEUED];
const accounted = ({ published, counts, outbox }: Session): number =>
  published + counts[DROPPED] + counts[COALESCED] + outbox.length;

describe("mqtt outbox", () => {
  it("what fits goes at once, each QoS, any size, as an independent parser reads it", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z/_]{1,60}$/),
        fc.string({ maxLength: 400 }),
        fc.nat(2),
        fc.boolean(),
        fc.constantFrom(0, CRITICAL, TELEMETRY),
        fc.boolean(),
        (suffix, payload, qos, retain, rank, straight) => {
          const { session, written, socket } = connected();
          if (straight) session.free = socket;
          session.nextId = 65534;
          assert.ok(
            publish(
              session,
              suffix,
              Buffer.from(payload).toString("latin1"),
              qos * 2 + (retain ? RETAIN : 0) + rank,
              0,
            ),
          );
          const [packet] = parsed(...written);
          assert.deepEqual(
            [
              packet["topic"],
              String(packet["payload"]),
              packet["qos"],
              packet["retain"],
              packet["dup"],
              packet["messageId"],
            ],
            [BASE + suffix, payload, qos, retain, false, qos ? 65534 : undefined],
          );
          assert.equal(session.nextId, qos ? 1 : 65534, "65535 is SUBSCRIBE's");
          assert.equal(session.free, socket);
        },
      ),
    );
  });

  it("keeps four in flight, queues eight more, refuses and counts the next; QoS 0 goes on", () => {
    const { session, written } = connected();
    for (let i = 0; i < MOST_IN_FLIGHT + MOST_QUEUED; i++) assert.ok(publish(session, "a", `${i}`, QOS1, 0));
    assert.equal(publish(session, "a", "more", QOS1, 0), false);
    assert.ok(publish(session, "b", "QoS 0", 0, 0));
    assert.deepEqual([session.failed, session.published, session.outbox.length], [1, 5, MOST_QUEUED]);
    assert.equal(outboxDrain(session, 0), false, "nothing can go: telemetry may");
    sessionFeed(session, answer("puback", 2) + answer("puback", 1), 0);
    assert.equal(outboxDrain(session, 0), true);
    assert.deepEqual(payloads(written), ["0", "1", "2", "3", "QoS 0", "4", "5"]);
    assert.deepEqual(
      session.inFlight.map(({ id }) => id),
      [3, 4, 5, 6],
    );
  });

  it("critical first, never displaced; it displaces telemetry and then the others, oldest first", () => {
    const { session, written } = connected();
    for (let i = 0; i < MOST_IN_FLIGHT; i++) publish(session, "fill", "", QOS1, 0);
    for (let i = 0; i < MOST_TELEMETRY; i++) assert.ok(publish(session, `t${i}`, `t${i}`, QOS1 | TELEMETRY, 0));
    assert.equal(publish(session, "t9", "", QOS1 | TELEMETRY, 0), false, "telemetry has its share");
    for (let i = 0; i < 4; i++) assert.ok(publish(session, `n${i}`, `n${i}`, QOS1, 0));
    for (let i = 0; i < MOST_QUEUED; i++) assert.ok(publish(session, `c${i}`, `c${i}`, QOS1 | CRITICAL, 0));
    assert.deepEqual(
      session.outbox.map(({ payload }) => payload),
      ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"],
    );
    assert.equal(publish(session, "n", "", QOS1, 0), false);
    assert.equal(publish(session, "c", "", QOS1 | CRITICAL, 0), false);
    assert.equal(session.counts[DROPPED], 8);
    session.outbox = [];
    for (const [name, rank] of [
      ["t", TELEMETRY],
      ["n", 0],
      ["c", CRITICAL],
      ["m", 0],
      ["d", CRITICAL],
    ] as const)
      publish(session, name, name, QOS1 | rank, 0);
    session.inFlight = [];
    written.length = 0;
    outboxDrain(session, 0);
    session.inFlight = [];
    outboxDrain(session, 0);
    assert.deepEqual(payloads(written), ["c", "d", "n", "m", "t"]);
  });

  it("a newer state replaces the waiting one; answers and the like are each sent", () => {
    const { session } = connected();
    session.state = WAITING;
    for (const [suffix, flags] of [
      ["rt/limits", QOS1 | CRITICAL],
      ["cfg/mqtt", QOS1 | RETAIN],
      ["ack", QOS1],
    ] as const) {
      for (const payload of ["1", "2", "3"]) assert.ok(publish(session, suffix, payload, flags, 0));
    }
    assert.deepEqual(
      session.outbox.map(({ topic, payload }) => topic.slice(BASE.length) + payload),
      ["rt/limits3", "cfg/mqtt3", "ack1", "ack2", "ack3"],
    );
    assert.equal(session.counts[COALESCED], 4);
    assert.equal(publish(session, "x", "", 0, 0), false, "QoS 0 does not wait for a connection");
    assert.equal(publish(session, "x", "", QOS1 | TELEMETRY, 0), false, "nor does telemetry");
    assert.equal(publish(session, "y", "z".repeat(MOST_QUEUED_BYTES), QOS1, 0), false, "the bytes are bounded too");
  });

  it("never sends a value after a newer one of its topic", () => {
    const { session, written, socket } = connected();
    socket.dSnd = "x".repeat(MOST_WAITING + 1);
    assert.ok(publish(session, "v", "old", TELEMETRY, 0));
    assert.equal(written.length, 0);
    socket.dSnd = "";
    assert.ok(publish(session, "v", "new", TELEMETRY, 0));
    outboxDrain(session, 0);
    assert.deepEqual(payloads(written), ["new"]);
  });

  it("sends again with DUP, in the order of before, then what waited, 8 a step", () => {
    const { session, written } = connected(),
      socket = session.socket;
    publish(session, "a", "1", QOS1, 0);
    publish(session, "b", "2", QOS2, 0);
    publish(session, "c", "3", QOS2, 0);
    sessionFeed(session, answer("pubrec", 2), 0);
    sessionFail(session, "Failed", "", 0);
    assert.ok(publish(session, "d", "4", QOS1 | CRITICAL, 0));
    for (const present of [true, false]) {
      session.socket = socket;
      sessionResume(session, present, 0);
      session.state = CONNECTED;
      written.length = 0;
      assert.ok(publish(session, "e", "5", 0, 0), "QoS 0 has no order");
      outboxDrain(session, 0);
      const again = parsed(...written).map(({ cmd, messageId, dup, payload }) =>
        [cmd, messageId, dup, String(payload)].join(" "),
      );
      assert.deepEqual(
        again,
        [
          "publish  false 5",
          "publish 1 true 1",
          ...(present ? ["pubrel 2 false null"] : []),
          "publish 3 true 3",
          present ? "publish 4 false 4" : "publish 4 true 4",
        ],
        `session present: ${present}`,
      );
      sessionFail(session, "Failed", "", 0);
    }
  });

  it("admitted = published + dropped + coalesced + queued, whatever happens; all bounds hold", () => {
    const rank = fc.constantFrom(0, CRITICAL, TELEMETRY),
      topic = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
    const send = fc.record({
      do: fc.constant("publish" as const),
      topic,
      qos: fc.nat(2),
      retain: fc.nat(1),
      rank,
      size: fc.nat(500),
    });
    const other = fc.record({ do: fc.constantFrom("ack", "drain", "stuck", "flow", "cut", "connect") });
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: send }, other), { maxLength: 120 }), (steps) => {
        const { session, socket, written } = connected(),
          last = new Map<string, string>(),
          refused = new Set<string>();
        let yes = 0,
          serial = 0;
        for (const step of steps) {
          if (step.do === "publish") {
            const { qos, retain, size } = step as typeof step & { qos: number; retain: number; size: number },
              flags = qos * 2 + retain + (step as { rank: number }).rank;
            const name = `${(step as { topic: string }).topic}${flags}`,
              payload = `${serial++}`.padEnd(size, " "),
              critical = qos > 0 && (flags & CRITICAL) > 0;
            const before = session.outbox.filter((one) => one.flags & CRITICAL).length;
            const isAccepted = publishTo(session, name, payload, flags, 0);
            yes += isAccepted ? 1 : 0;
            assert.ok(
              session.outbox.filter((one) => one.flags & CRITICAL).length >= before,
              "a critical one was displaced",
            );
            if (critical && isAccepted) last.set(name, payload);
            if (critical && !isAccepted) refused.add(name);
          } else if (step.do === "ack" && session.inFlight.length && session.state === CONNECTED) {
            const { id, flags } = session.inFlight[0];
            sessionFeed(
              session,
              flags & 2 ? answer("puback", id) : flags & 4 ? answer("pubrec", id) : answer("pubcomp", id),
              0,
            );
          } else if (step.do === "drain") outboxDrain(session, 0);
          else if (step.do === "stuck") socket.dSnd = "x".repeat(3000);
          else if (step.do === "flow") socket.dSnd = "";
          else if (step.do === "cut") sessionFail(session, "Failed", "", 0);
          else if (step.do === "connect" && session.state !== CONNECTED) {
            session.socket = socket;
            sessionResume(session, true, 0);
            session.state = CONNECTED;
          }
          assert.deepEqual([admitted(session), accounted(session)], [yes, yes]);
          assert.ok(session.outbox.length <= MOST_QUEUED && session.inFlight.length <= MOST_IN_FLIGHT);
          assert.ok(session.outbox.reduce((sum, one) => sum + one.payload.length, 0) <= MOST_QUEUED_BYTES);
        }
        const seen = new Map(
          parsed(...written)
            .filter(({ cmd }) => cmd === "publish")
            .map(({ topic: name, payload }) => [name as string, String(payload)]),
        );
        for (const [name, payload] of last) {
          const waits = session.outbox.some((one) => one.topic === name && one.payload === payload);
          assert.ok(waits || seen.get(name) === payload, `${name}: the last value is neither sent nor queued`);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe("mqtt messages in pieces", () => {
  it("one whole message; answers and publications wait for its end", () => {
    const { session, written, socket } = connected();
    publish(session, "first", "", 0, 0);
    assert.ok(streamBegin(session, "homeassistant/x/config", 20000, QOS1 | RETAIN, 0));
    for (let i = 0; i < 20; i++) {
      if (i === 10) {
        sessionFeed(session, "\x32\x1d\x00\x18" + BASE + "cmd\x00\x09x", 0);
        assert.ok(publish(session, "rt/limits", "limits", QOS1 | CRITICAL, 0));
        assert.equal(publish(session, "rt/x", "", 0, 0), false);
        assert.equal(outboxDrain(session, 0), true);
      }
      assert.ok(streamPiece(session, `${i % 10}`.repeat(1000), 0));
    }
    assert.equal(streamPiece(session, "more", 0), false);
    outboxDrain(session, 0);
    const [, long, ack, limits] = parsed(...written);
    assert.deepEqual(
      [long["topic"], String(long["payload"]).length, long["qos"], long["retain"]],
      ["homeassistant/x/config", 20000, 1, true],
    );
    assert.deepEqual([ack["cmd"], ack["messageId"], String(limits["payload"])], ["puback", 9, "limits"]);
    socket.dSnd = "x".repeat(3000);
    assert.equal(streamBegin(session, "t", 1, 0, 0), false);
  });

  it("of every length that has another number of digits; a cut ends it", () => {
    for (const size of [0, 1, 100, 127, 128, 16383, 16384, 100000]) {
      const { session, written } = connected();
      publish(session, "first", "", 0, 0);
      streamBegin(session, "t", size, 0, 0);
      if (size) streamPiece(session, "x".repeat(size), 0);
      assert.equal((parsed(...written)[1]["payload"] as Buffer).length, size);
    }
    const { session } = connected();
    publish(session, "first", "", 0, 0);
    streamBegin(session, "t", 10, 0, 0);
    sessionFail(session, "Failed", "", 0);
    assert.deepEqual([session.stream, streamPiece(session, "x", 0)], [0, false]);
  });
});
