// One million random bytes with good replies among them, through the receiver and through the poller, in a bounded
// buffer.
import assert from "node:assert/strict";
import { pollerExpire } from "../../firmware/bms/poller.cold";
import { pollPlan } from "../../firmware/bms/plan.baked.cold";
import { pollerFeed, pollerNext, pollerOf } from "../../firmware/bms/poller";
import { receive } from "../../firmware/bms/receive.cold";
import { askFor, readBlock, readBounds, readEach, writeBlock, writeEach } from "../../firmware/bms/requests.cold";
import { type Random, randomInteger, seededRandom } from "../../tools/simulator/random";
import { framed, hex, replyOf, toArrayBuffer, wordBytes } from "../fixtures/bytes";

const TOTAL = 1_000_000,
  MOST_NOISE = 600,
  MOST_CHUNK = 64;
/** What a caller keeps of what came: any reply is shorter than half of it. */
const KEPT = 600,
  LONGEST_REPLY = 263;

/** Noise as a broken line makes it: any bytes, with more start bytes and command bytes among them than chance has. */
function noise(random: Random, length: number): string {
  const special = "\xaa\xaa\xaa\x07\x00\x01\x03\x12\x1d\x22";
  return Array.from({ length }, () =>
    random() < 0.2
      ? special[randomInteger(random, 0, special.length - 1)]
      : String.fromCharCode(randomInteger(random, 0, 255)),
  ).join("");
}

const someWords = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => randomInteger(random, 0, 0xffff));
const withLength = (command: number, body: string): string =>
  framed("\xaa" + String.fromCharCode(command, body.length) + body);

/** A request, its good reply, and the payload of that. */
function exchange(random: Random): { request: string; reply: string; payload: string } {
  const count = randomInteger(random, 1, 14),
    words = someWords(random, count),
    body = wordBytes(words);
  const pairs = words.map((word, i) => wordBytes([300 + i, word])).join(""),
    events = wordBytes(someWords(random, 2 + 2 * count));
  return [
    () => ({ request: readBlock(7, 36, count), reply: replyOf(7, words), payload: body }),
    () => ({ request: readBlock(3, 300, count), reply: replyOf(3, words), payload: wordBytes(words, true) }),
    () => ({ request: readEach(words.map((_, i) => 300 + i)), reply: withLength(9, pairs), payload: pairs }),
    () => ({
      request: writeBlock(300, words),
      reply: framed(writeBlock(300, words).slice(0, 6)),
      payload: writeBlock(300, words).slice(2, 6),
    }),
    () => ({
      request: writeEach(
        words.map((_, i) => 300 + i),
        words,
      ),
      reply: framed("\xaa\x01\x0d"),
      payload: "",
    }),
    () => ({ request: framed("\xaa\x12"), reply: withLength(0x12, events), payload: events }),
    () => ({
      request: askFor(0x1a),
      reply: framed("\xaa\x1a" + wordBytes(words.concat(7).slice(0, 2))),
      payload: wordBytes(words.concat(7).slice(0, 2)),
    }),
    () => ({ request: askFor(0x1c), reply: withLength(0x1c, body), payload: body }),
    () => ({ request: readBounds(1, count), reply: withLength(0x1d, body), payload: body }),
    () => ({ request: askFor(0x1f), reply: withLength(0x1f, "1234567"), payload: "1234567" }),
  ][randomInteger(random, 0, 9)]();
}

/** The text in pieces of 1 to 64 bytes. */
function* pieces(random: Random, text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const size = randomInteger(random, 1, MOST_CHUNK);
    yield text.slice(at, at + size);
    at += size;
  }
}

describe("a flooded line", () => {
  it("one million bytes through the receiver: every good reply of every command, no other", () => {
    const random = seededRandom(7);
    let bytes = 0,
      asked = 0,
      longest = 0;
    for (; bytes < TOTAL; asked++) {
      const { request, reply, payload } = exchange(random),
        stream = noise(random, randomInteger(random, 0, MOST_NOISE)) + reply;
      let rx = "",
        found = receive(rx, request, toArrayBuffer);
      for (const piece of pieces(random, stream)) {
        rx += piece;
        found = receive(rx, request, toArrayBuffer);
        if (found.final) break;
        if (rx.length > KEPT) rx = rx.slice(-LONGEST_REPLY);
        longest = Math.max(longest, rx.length);
      }
      assert.ok(found.outcome === "ok" || found.outcome === "ack", `${found.outcome} for ${hex(request)}`);
      assert.equal(hex(found.payload), hex(payload));
      bytes += stream.length;
    }
    assert.ok(asked > 2500 && longest <= KEPT, `${asked} exchanges, ${longest} bytes kept`);
  });

  it("one million bytes through the poller: no wrong word, a bounded buffer, every good reply found", () => {
    const random = seededRandom(11),
      poller = pollerOf(pollPlan());
    let bytes = 0,
      now = 0,
      asked = 0,
      found = 0,
      longest = 0;
    for (; bytes < TOTAL; asked++, now += 1000) {
      const request = pollerNext(poller, now),
        command = request.charCodeAt(1);
      assert.notEqual(request, "", "it goes on asking");
      const sent = someWords(random, (poller.pending!.length - 5) / 2),
        expected = command === 3 ? sent.map((word) => (word >> 8) | ((word & 255) << 8)) : sent;
      const stream = noise(random, randomInteger(random, 0, MOST_NOISE)) + replyOf(command, sent);
      let words: Uint16Array | null = null;
      for (const piece of pieces(random, stream)) {
        words ??= pollerFeed(poller, piece, toArrayBuffer);
        longest = Math.max(longest, poller.rx.length);
      }
      if (words) assert.deepEqual(Array.from(words).slice(0, -1), expected);
      found += words ? 1 : 0;
      for (let k = 1; poller.pending && k < 4; k++) pollerExpire(poller, now + 200 * k);
      bytes += stream.length;
    }
    assert.equal(found, asked);
    assert.ok(asked > 2500 && longest <= 512 + MOST_CHUNK, `${asked} asked, ${longest} bytes kept`);
  });
});
