// A message in pieces: read whole by an independent parser, nothing else while it lasts; and what makes Home Assistant
// be told again.
import assert from "node:assert/strict";
import fc from "fast-check";
import mqttPacket from "mqtt-packet";
import type { Socket } from "../../firmware/kernel/ports";
import { outboxDrain } from "../../firmware/mqtt/outbox.cold";
import { CONNECTED, LAST_ID, type Session, WAITING, sessionOf } from "../../firmware/mqtt/session";
import { publish } from "../../firmware/mqtt/publish";
import { sessionFail, streamBegin, streamPiece } from "../../firmware/mqtt/session.cold";
import { BATTERY, GATEWAY } from "../../firmware/publish/state";
import { discoveryOf, homeAssistantSaid } from "../../firmware/publish/discovery.cold";
import type { MqttTask } from "../../firmware/publish/state";

function connected(): { session: Session; written: string[]; socket: Socket } {
  const session = sessionOf(),
    written: string[] = [],
    socket: Socket = {
      write: (text) => {
        written.push(text);
      },
      end: () => undefined,
      on: () => undefined,
    };
  Object.assign(session, { state: CONNECTED, socket, free: socket, base: "b/d/" });
  return { session, written, socket };
}

describe("a streamed message", () => {
  it("is one PUBLISH, whatever its length and pieces, and the next packet follows it", () => {
    const pieces = fc.array(fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 700 }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(pieces, fc.constantFrom(0, 1, 2, 3), fc.constantFrom(1, LAST_ID), (parts, flags, id) => {
        const { session, written } = connected(),
          packets: Record<string, unknown>[] = [],
          parser = mqttPacket.parser({ protocolVersion: 4 });
        session.nextId = id;
        assert.ok(streamBegin(session, "ha/device/x/config", parts.join("").length, flags, 5));
        const begun = written.length;
        if (parts.join("")) {
          assert.equal(publish(session, "x", "y", 0, 5), false, "nothing in between");
          assert.equal(written.length, begun);
        }
        for (const part of parts.filter((one) => one !== "")) assert.ok(streamPiece(session, part, 5));
        assert.equal(streamPiece(session, "z", 5), false, "nothing behind its end");
        outboxDrain(session, 6);
        assert.ok(publish(session, "x", "y", 0, 6));
        parser.on("packet", (packet: unknown) => {
          packets.push(packet as Record<string, unknown>);
        });
        for (const text of written) if (text) parser.parse(Buffer.from(text, "latin1"));
        const [whole, next] = packets;
        assert.deepEqual(
          [
            whole["topic"],
            (whole["payload"] as Buffer).toString("latin1"),
            whole["qos"],
            whole["retain"],
            whole["messageId"],
          ],
          ["ha/device/x/config", parts.join(""), flags >> 1, (flags & 1) === 1, flags >> 1 ? id : undefined],
        );
        assert.deepEqual([next["topic"], String(next["payload"])], ["b/d/x", "y"]);
        assert.equal(session.nextId, flags >> 1 ? (id % LAST_ID) + 1 : id);
      }),
    );
  });

  it("does not begin without a connection, in another message, or while output waits", () => {
    const { session, written, socket } = connected();
    socket.dSnd = "x".repeat(2049);
    assert.equal(streamBegin(session, "t", 1, 0, 0), false);
    socket.dSnd = "";
    for (const other of [{ state: WAITING }, { stream: 5, free: null }])
      assert.equal(streamBegin({ ...session, ...other }, "t", 1, 0, 0), false);
    assert.equal(streamBegin({ ...session, socket: null, free: null }, "t", 1, 0, 0), false);
    assert.deepEqual(written, []);
  });

  it("ends with its connection", () => {
    const { session } = connected();
    assert.ok(streamBegin(session, "t", 10, 0, 0));
    sessionFail(session, "Failed", "cut", 0);
    assert.deepEqual([session.stream, streamPiece(session, "0123456789", 0)], [0, false]);
  });
});

describe("Home Assistant's birth message", () => {
  const heard = (payload: string, prefix: string): ReturnType<typeof discoveryOf> => {
    const d = { ...discoveryOf(), prefix, at: 99999, todo: 0 };
    homeAssistantSaid({ discovery: d } as unknown as MqttTask, payload, 1000);
    return d;
  };

  it("has everything told again, within ten seconds, not all devices at once", () => {
    const times = Array.from({ length: 200 }, () => heard("online", "homeassistant")).map(({ at, todo, todoAt }) => {
      assert.deepEqual([todo, at], [GATEWAY + BATTERY, todoAt]);
      return at - 1000;
    });
    assert.ok(Math.min(...times) >= 0 && Math.max(...times) <= 10000);
    assert.ok(Math.max(...times) - Math.min(...times) > 5000, "spread");
  });

  it("counts only when it says online and discovery is on", () => {
    assert.deepEqual([heard("offline", "homeassistant").todo, heard("online", "").todo], [0, 0]);
  });
});
