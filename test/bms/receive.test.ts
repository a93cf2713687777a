// The receiver for every command: all vectors whole, byte by byte, after noise and in their own chunks; then cuts,
// damage and any bytes.
import assert from "node:assert/strict";
import fc from "fast-check";
import { receive, type Received } from "../../firmware/bms/receive.cold";
import {
  askFor,
  control,
  readBlock,
  readBounds,
  readEach,
  writeBlock,
  writeEach,
} from "../../firmware/bms/requests.cold";
import { bmsVector, bmsVectors, bytes, framed, hex, replyOf, toArrayBuffer, wordBytes } from "../fixtures/bytes";

const CLASSES = ["error", "protocol_error", "unsupported"];
const known = bmsVectors.filter((vector) => vector.decoded.outcome !== "requestOnly" && !vector.sequence);
const expectedOf = (vector: (typeof known)[number]): string =>
  CLASSES.includes(vector.decoded.outcome) ? (vector.decoded.error ?? "") : vector.decoded.outcome;
/** What a good answer carries: all between head and CRC. */
const payloadOf = (reply: string): string => reply.slice(/^\xaa[\x14-\x1a\x20\x10]/.test(reply) ? 2 : 3, -2);

/** Feed a growing text until the outcome is final, as a task does. */
function receivePieces(pieces: string[], request: string): Received {
  let rx = "",
    found = receive(rx, request, toArrayBuffer);
  for (const piece of pieces) {
    rx += piece;
    found = receive(rx, request, toArrayBuffer);
    if (found.final) break;
  }
  return found;
}

/** Request and good reply of every command, with any contents; `lists` of any legal length. */
const word = fc.nat(0xffff),
  byte = fc.nat(255);
const byteText = (length: number): fc.Arbitrary<string> =>
  fc.array(byte, { minLength: length, maxLength: length }).map((list) => String.fromCharCode(...list));
const reply = (head: number[], body: string): string => framed("\xaa" + String.fromCharCode(...head) + body);
const listOf = (most: number): fc.Arbitrary<number[]> => fc.array(word, { minLength: 1, maxLength: most });
const good: fc.Arbitrary<{ request: string; answer: string }> = fc.oneof(
  fc
    .tuple(fc.constantFrom(3, 7), listOf(29))
    .map(([command, words]) => ({ request: readBlock(command, 100, words.length), answer: replyOf(command, words) })),
  fc
    .tuple(listOf(14), fc.nat(0xffff))
    .map(([addresses, salt]) => ({
      request: readEach(addresses),
      answer: reply(
        [9, 4 * addresses.length],
        addresses.map((address) => wordBytes([address, (address * 7 + salt) & 0xffff])).join(""),
      ),
    })),
  listOf(100).map((words) => ({ request: writeBlock(300, words), answer: framed(writeBlock(300, words).slice(0, 6)) })),
  listOf(15).map((words) => ({
    request: writeEach(
      words.map((_, i) => 300 + i),
      words,
    ),
    answer: reply([1, 0x0d], ""),
  })),
  fc.constantFrom(1, 2, 5).map((option) => ({ request: control(option), answer: reply([1, 2], "") })),
  fc
    .tuple(fc.constantFrom(0x11, 0x12), fc.nat(49))
    .chain(([command, n]) =>
      byteText(4 + 4 * n).map((body) => ({
        request: reply([command], ""),
        answer: reply([command, body.length], body),
      })),
    ),
  fc
    .constantFrom([0x14, 4], [0x15, 4], [0x16, 2], [0x17, 2], [0x18, 2], [0x19, 4], [0x1a, 4], [0x20, 12])
    .chain(([command, size]) =>
      byteText(size).map((body) => ({ request: askFor(command), answer: reply([command], body) })),
    ),
  fc
    .constantFrom([0x1b, 6], [0x1e, 5], [0x1f, 7])
    .chain(([command, size]) =>
      byteText(size).map((body) => ({ request: askFor(command), answer: reply([command, size], body) })),
    ),
  listOf(16).map((words) => ({ request: askFor(0x1c), answer: reply([0x1c, 2 * words.length], wordBytes(words)) })),
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), listOf(29))
    .map(([option, words]) => ({
      request: readBounds(option, words.length),
      answer: reply([0x1d, 2 * words.length], wordBytes(words)),
    })),
);

describe("receive: every vector", () => {
  it("are all there", () => assert.equal(known.length, 64));

  for (const vector of known) {
    const request = bytes(vector.request_hex),
      stream = bytes(vector.response_hex),
      expected = expectedOf(vector);
    const check = (found: Received, noise: string): void => {
      assert.equal(found.outcome, expected);
      if (expected === "nack") assert.equal(found.error, vector.decoded.errorCode);
      const before = noise.length + (vector.decoded.discardedBytes ?? 0);
      if (found.final && expected !== "multi_packet") assert.equal(found.discarded, before);
      assert.equal(
        hex(found.payload),
        expected === "ok" ? hex(payloadOf(stream.slice(vector.decoded.discardedBytes ?? 0))) : "",
      );
    };
    it(`${vector.name}: ${expected}, whole, byte by byte and in chunks`, () => {
      check(receive(stream, request, toArrayBuffer), "");
      check(receive(stream, request, null), "");
      check(receivePieces(Array.from(stream), request), "");
      check(receivePieces(vector.chunks_hex?.map(bytes) ?? [stream.slice(0, 3), stream.slice(3)], request), "");
    });
    it(`${vector.name}: the same after noise`, () => {
      if (expected === "truncated")
        return assert.equal(receive("\x00\x55\xaa\x13" + stream, request, null).outcome, "unexpected_reply");
      for (const noise of ["\x00\x55\x13", "BPV:49.05\tMINCV:3.766\r\n", "\x00\xff"])
        check(receive(noise + stream, request, toArrayBuffer), noise);
      const known = ["ok", "ack", "nack"].includes(expected);
      if (known)
        for (const noise of ["\xaa", "\xaa\xaa\xaa", "\xaa\x13", "\xaa\x07\xff\x01", "\xaa\x01"])
          check(receivePieces(Array.from(noise + stream), request), noise);
    });
  }

  for (const vector of bmsVectors.filter((one) => one.sequence)) {
    it(`${vector.name}: one exchange after the other`, () => {
      for (const step of vector.sequence ?? [])
        assert.equal(receive(bytes(step.response_hex), bytes(step.request_hex), null).outcome, step.expect);
    });
  }
});

describe("receive: answers that are none", () => {
  const soc = askFor(0x1a),
    list = readEach([36, 37]),
    block = writeBlock(300, [3650, 2800]);
  const outcomeOf = (request: string, body: string): string => receive(framed(body), request, null).outcome;

  it("an ACK answers 0x02, 0x0B and 0x0D, and only its own command", () => {
    const write = writeEach([300], [3650]),
      old = bytes(bmsVector("write_block_300_301_pl_data_only").request_hex);
    assert.deepEqual(
      [control(1), old, write].map((request) => outcomeOf(request, "\xaa\x01" + request[1])),
      ["ack", "ack", "ack"],
    );
    assert.deepEqual(
      [soc, list, block].map((request) => outcomeOf(request, "\xaa\x01" + request[1])),
      new Array(3).fill("unexpected_reply"),
    );
    assert.equal(outcomeOf(write, "\xaa\x01\x02"), "unexpected_reply");
    assert.equal(outcomeOf(write, "\xaa\x0d\x04\x01"), "unexpected_reply", "a write has no data reply");
  });

  it("a refusal of another command does not count, a CRC ERROR of any does", () => {
    assert.equal(outcomeOf(soc, "\xaa\x00\x1b\x00"), "unexpected_reply");
    assert.equal(outcomeOf(soc, "\xaa\x00\x1b\x07"), "unexpected_reply");
    const found = receive(framed("\xaa\x00\x5a\x01"), soc, null),
      odd = receive(framed("\xaa\x00\x1a\x07"), soc, null);
    assert.deepEqual([found.outcome, found.error, odd.outcome, odd.error], ["nack", 1, "nack", 7]);
  });

  it("lengths, addresses and packets that were not asked", () => {
    assert.equal(outcomeOf(list, "\xaa\x09\x08\x24\x00\x01\x02\x26\x00\x03\x04"), "address_mismatch");
    assert.equal(outcomeOf(list, "\xaa\x09\x08\x25\x00\x01\x02\x24\x00\x03\x04"), "address_mismatch", "another order");
    assert.equal(outcomeOf(list, "\xaa\x09\x04\x01\x02\x03\x04"), "length_mismatch");
    assert.equal(outcomeOf(block, "\xaa\x10\x01\x2d\x00\x02"), "address_mismatch");
    assert.equal(outcomeOf(block, "\xaa\x10\x01\x2c\x00\x01"), "address_mismatch");
    assert.equal(outcomeOf(askFor(0x11), "\xaa\x11\x06......"), "length_mismatch");
    assert.equal(outcomeOf(askFor(0x11), "\xaa\x11\x00"), "length_mismatch");
    assert.equal(
      outcomeOf(framed("\xaa\x12"), "\xaa\x12\xcc" + "....".repeat(51)),
      "length_mismatch",
      "more events than the log has",
    );
    assert.equal(outcomeOf(askFor(0x1c), "\xaa\x1c\x03..."), "length_mismatch");
    assert.equal(outcomeOf(askFor(0x1c), "\xaa\x1c\x22" + "..".repeat(17)), "length_mismatch");
    assert.equal(outcomeOf(askFor(0x1b), "\xaa\x1b\x05....."), "length_mismatch");
    assert.equal(outcomeOf(askFor(0x1f), "\xaa\x1f\x05....."), "length_mismatch");
    assert.equal(outcomeOf(readBounds(1, 3), "\xaa\x1d\x04...."), "length_mismatch");
    assert.equal(outcomeOf(list, "\xaa\x09\x48" + "....".repeat(18)), "multi_packet", "bit 6");
    assert.equal(
      receive("\xaa\x07\x81" + replyOf(7, [1]), readBlock(7, 0, 2), null).outcome,
      "multi_packet",
      "and then one of the wrong length",
    );
    assert.equal(receive("\xaa\x07\x81" + replyOf(7, [1, 2]), readBlock(7, 0, 2), null).outcome, "ok");
  });

  it("late replies of an earlier request are skipped, whatever they hold", () => {
    fc.assert(
      fc.property(good, good, (late, now) => {
        fc.pre(late.request[1] !== now.request[1] && !late.answer.slice(1).includes("\xaa"));
        const found = receive(late.answer + now.answer, now.request, toArrayBuffer);
        assert.equal(found.discarded, late.answer.length);
        assert.equal(hex(found.payload), now.answer[1] === "\x01" ? "" : hex(payloadOf(now.answer)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("receive: any reply", () => {
  it("is found whole; cut anywhere it is timeout or truncated (unexpected_reply when data look like a start)", () => {
    fc.assert(
      fc.property(good, fc.nat(), ({ request, answer }, at) => {
        const whole = receive(answer, request, toArrayBuffer),
          cut = answer.slice(0, at % answer.length),
          part = receive(cut, request, toArrayBuffer);
        assert.equal(whole.outcome, answer[1] === "\x01" ? "ack" : "ok");
        assert.deepEqual(whole, receive(answer, request, null));
        const falseStart = /\xaa[^\x00\x01]/.test(cut.slice(1)); // whatever follows it was not asked
        if (falseStart)
          assert.ok(["truncated", "unexpected_reply", "crc_mismatch", "multi_packet"].includes(part.outcome));
        else assert.ok(part.outcome === (cut ? "truncated" : "timeout") || /\xaa[\x00\x01]/.test(cut.slice(1)));
        assert.equal(part.final, false);
        assert.ok(part.need > cut.length || cut === "", "another look is worth while later, not now");
      }),
      { numRuns: 1000 },
    );
  });

  it("with any bit wrong is never taken", () => {
    fc.assert(
      fc.property(good, fc.nat(), ({ request, answer }, at) => {
        const i = (at >> 3) % answer.length,
          bad = answer.slice(0, i) + String.fromCharCode(answer.charCodeAt(i) ^ (1 << (at & 7))) + answer.slice(i + 1);
        const found = receive(bad, request, toArrayBuffer);
        assert.ok(!["ok", "ack", "nack"].includes(found.outcome), found.outcome);
      }),
      { numRuns: 1000 },
    );
  });

  const streams = fc
    .array(fc.oneof(fc.constantFrom(0xaa, 0x00, 0x01, 0x07, 0x09, 0x11, 0x12, 0x1c), byte), {
      maxLength: 500,
      size: "max",
    })
    .map((list) => String.fromCharCode(...list));
  it("after any bytes that hold no good frame is found, in any pieces; the bytes alone give no value", () => {
    fc.assert(
      fc.property(streams, good, fc.integer({ min: 1, max: 90 }), (noise, { request, answer }, size) => {
        const alone = receive(noise, request, toArrayBuffer);
        fc.pre(!alone.final);
        assert.deepEqual([alone.payload, alone.words, alone.error], ["", null, 0]);
        const pieces = (noise + answer).match(new RegExp(`[^]{1,${size}}`, "g")) ?? [],
          found = receivePieces(pieces, request);
        assert.equal(found.discarded, noise.length);
        assert.equal(hex(found.payload), answer[1] === "\x01" ? "" : hex(payloadOf(answer)));
      }),
      { numRuns: 500 },
    );
  });

  it("is found by a caller that looks only when `need` bytes are there", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("", "\xaa", "\xaa\x11\xc8", "\xaa\x11", "\xaa\x1c\x20\x00"),
        good,
        (noise, { request, answer }) => {
          const rx = noise + answer;
          let length = Math.min(3, rx.length),
            found = receive(rx.slice(0, length), request, null),
            looks = 1;
          for (; !found.final && looks < 60; looks++) {
            length = found.need > length ? found.need : 2 * length;
            if (length > rx.length) break;
            found = receive(rx.slice(0, length), request, null);
          }
          assert.ok(found.final, `${hex(rx)} stopped at ${length} of ${rx.length}`);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
