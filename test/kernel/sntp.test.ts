// SNTP packets (RFC 4330): what is asked, which answers count, and the time they give; times as ISO text.
import assert from "node:assert/strict";
import fc from "fast-check";
import { isSntpReply, sntpRequest, sntpTime } from "../../firmware/time/sntp.cold";
import { dayOf, isoMillis, isoTime } from "../../firmware/kernel/time.cold";
import { timeAnswer, type TimeManner } from "../../tools/host/time-server";

const TOKEN = "\x01\x80\xff\0\x7f\x22\x33\x44",
  T = 1800000000,
  EARLIEST = 1795219200;
const bytes = (packet: Buffer): string => packet.toString("latin1");
const reply = (manner: TimeManner, seconds = T): string =>
  bytes(timeAnswer(Buffer.from(sntpRequest(TOKEN), "latin1"), seconds, manner));
/** A good answer whose server took `held` s, received at `seconds`. */
function slow(seconds: number, held: number): string {
  const packet = timeAnswer(Buffer.from(sntpRequest(TOKEN), "latin1"), seconds + held, "good");
  timeAnswer(Buffer.alloc(48), seconds, "good").copy(packet, 32, 32, 40);
  return bytes(packet);
}

describe("SNTP", () => {
  it("asks with 48 bytes: version 4, client, nothing of ours but a token in the transmit time", () => {
    const request = sntpRequest(TOKEN);
    assert.equal(request.length, 48);
    assert.deepEqual(
      [request.charCodeAt(0), request.substr(1, 39), request.substr(40)],
      [0x23, "\0".repeat(39), TOKEN],
    );
  });

  it("takes a good answer and adds half of what the packets travelled, not what the server held them", () => {
    const { time, reason } = sntpTime(reply("good"), 0.5, EARLIEST);
    assert.equal(reason, "");
    assert.ok(Math.abs(time - (T + 0.25)) < 1e-4, `${time}`);
    assert.ok(Math.abs(sntpTime(slow(T, 0.4), 0.6, EARLIEST).time - (T + 0.5)) < 1e-4, "0.4 s held, 0.2 s on the way");
    assert.ok(
      Math.abs(sntpTime(slow(T, 0.4), 0.3, EARLIEST).time - (T + 0.4)) < 1e-4,
      "never less than nothing on the way",
    );
  });

  it("knows its own answer by mode, size and token alone", () => {
    assert.ok(isSntpReply(reply("good"), TOKEN));
    for (const manner of ["foreign", "client mode", "noise"] as const)
      assert.ok(!isSntpReply(reply(manner), TOKEN), manner);
    assert.ok(!isSntpReply(reply("good").slice(0, 47), TOKEN));
    assert.ok(!isSntpReply("", TOKEN));
  });

  const REFUSED: [TimeManner, RegExp][] = [
    ["kiss", /refuses/],
    ["unsynchronised", /no time itself/],
    ["stratum 16", /no time itself/],
    ["no time", /no time$/],
  ];
  for (const [manner, reason] of REFUSED) {
    it(`refuses an answer: ${manner}`, () => {
      const told = sntpTime(reply(manner), 0.1, EARLIEST);
      assert.equal(told.time, 0);
      assert.match(told.reason, reason);
      assert.equal(told.kiss, manner === "kiss");
    });
  }

  it("refuses a time before the version was made, and one that contradicts itself", () => {
    assert.match(sntpTime(reply("good", EARLIEST - 1), 0.1, EARLIEST).reason, /before this version/);
    assert.equal(sntpTime(reply("good", EARLIEST + 1), 0.1, EARLIEST).reason, "");
    assert.match(sntpTime(slow(T, -1), 0.1, EARLIEST).reason, /contradicts/);
    assert.match(sntpTime(slow(T, 100), 0.1, EARLIEST).reason, /contradicts/);
  });

  it("goes on in the era that begins in 2036", () => {
    for (const seconds of [2085978495, 2085978497, 2145916800, 3000000000]) {
      assert.ok(Math.abs(sntpTime(reply("good", seconds), 0, EARLIEST).time - seconds) < 1e-4, `${seconds}`);
    }
  });

  it("never gives a time and a reason both, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 48, maxLength: 60 }), (packet) => {
        const { time, reason } = sntpTime(bytes(Buffer.from(packet)), 0.1, EARLIEST);
        return reason === "" ? time >= EARLIEST : time === 0;
      }),
    );
  });
});

describe("time as text", () => {
  it("is what ISO 8601 says of each second up to 2105", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4260000000 }), fc.integer({ min: 0, max: 999 }), (seconds, ms) => {
        const right = new Date(seconds * 1000 + ms).toISOString(),
          given = seconds + ms / 1000;
        assert.equal(isoMillis(given), right);
        assert.equal(isoTime(given), right.slice(0, 19) + "Z");
        assert.equal(dayOf(given), right.slice(0, 10));
      }),
    );
    for (const text of [
      "2028-02-29T23:59:59Z",
      "2100-02-28T23:59:59Z",
      "2100-03-01T00:00:00Z",
      "2026-12-31T23:59:59Z",
      "2027-01-01T00:00:00Z",
    ]) {
      assert.equal(isoTime(Date.parse(text) / 1000), text);
    }
  });

  it("is empty while the time is unknown", () => {
    assert.deepEqual([isoTime(0), isoMillis(0), dayOf(0)], ["", "", ""]);
  });
});
