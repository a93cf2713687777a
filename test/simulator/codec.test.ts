// The simulator's codec against the given vectors and the rules of the protocol (Enepaq, TinyBMS Communication
// Protocols Rev D).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { answer, createRequestStream, settleRequests, takeRequests } from "../../tools/simulator/codec";
import type { Heard, LogEntry, Unit } from "../../tools/simulator/codec";
import { createFaults, spoiledAnswer } from "../../tools/simulator/faults";
import { seededRandom } from "../../tools/simulator/random";
import { fakeClock, hex, isGood, rawUnit, request, unhex } from "./bench";

interface Vector {
  name: string;
  request_hex: string;
  response_hex: string;
  normative?: boolean;
  decoded: {
    outcome: string;
    registers?: Record<string, number>;
    written?: Record<string, number>;
    values?: Record<string, number>;
    bmsTime?: number;
    events?: { timestamp: number; id: number }[];
    errorCode?: number;
    discardedBytes?: number;
  };
}

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/tinybms-vectors.json", import.meta.url), "utf8"),
) as Vector[];

/** Registers that three vectors show as values only. */
const EXTRA: Record<string, Record<string, number>> = {
  version_1f: { 500: 0x0102, 501: 0x0301, 502: 242, 503: 0x0418 },
  // 24.5 km/h, 37 km, 5400 s.
  trip_20: { 54: 0, 55: 0x41c4, 44: 37, 34: 5400 },
};

/** The reply of these needs a fault: the unit refuses a request that is right. */
const REFUSED = ["nack_cmd_error_07", "nack_crc_error_09", "nack_modbus_03_not_modbus_exception", "nack_write_10"];

/** Vectors whose reply is what a unit sends: data, ACK or NACK with nothing foreign around it. */
const known = vectors.filter(
  ({ name, decoded: { outcome, discardedBytes } }) =>
    ["ok", "ack", "nack"].includes(outcome) && !discardedBytes && !REFUSED.includes(name),
);

function unitOf({ name, decoded }: Vector): ReturnType<typeof rawUnit> {
  const unit = rawUnit({ ...decoded.registers, ...EXTRA[name] });
  if (decoded.bmsTime !== undefined) unit.words.set([decoded.bmsTime & 0xffff, decoded.bmsTime >>> 16], 32);
  unit.log = () => (decoded.events ?? []).map(({ timestamp, id }): LogEntry => ({ time_s: timestamp, id }));
  return unit;
}

function replies(unit: Unit, heard: Heard[]): string {
  return heard.map((one) => hex(answer(unit, one))).join(" ");
}

function feedByByte(bytes: Uint8Array): Heard[] {
  const stream = createRequestStream();
  return Array.from(bytes).flatMap((byte) => takeRequests(stream, Uint8Array.of(byte)));
}

describe("simulator codec: vectors", () => {
  it("covers every vector that a unit can answer", () => {
    assert.equal(known.length, 45);
  });
  for (const vector of known) {
    it(vector.name, () => {
      const bytes = unhex(vector.request_hex);
      const whole = unitOf(vector);
      assert.equal(replies(whole, takeRequests(createRequestStream(), bytes)), vector.response_hex);
      const written = Object.fromEntries(whole.written);
      assert.deepEqual(written, vector.decoded.outcome === "nack" ? {} : (vector.decoded.written ?? {}));
      assert.equal(replies(unitOf(vector), feedByByte(bytes)), vector.response_hex, "byte by byte");
      const noisy = takeRequests(createRequestStream(), Uint8Array.from([0x00, 0xaa, 0x55, 0xaa, 0x10, ...bytes]));
      assert.equal(replies(unitOf(vector), noisy), vector.response_hex, "after noise");
    });
  }
  for (const name of REFUSED) {
    it(`${name}, by refusing a right request`, () => {
      const vector = vectors.find((candidate) => candidate.name === name);
      assert.ok(vector);
      const [heard] = takeRequests(createRequestStream(), unhex(vector.request_hex));
      assert.equal(
        hex(answer(rawUnit(), { command: heard.command, error: vector.decoded.errorCode ?? -1 })),
        vector.response_hex,
      );
    });
  }
  it("finds the request of 39 registers and refuses it, since its reply fits no packet", () => {
    const vector = vectors.find(({ name }) => name === "request_only_39_individual");
    assert.ok(vector);
    assert.equal(
      replies(rawUnit(), takeRequests(createRequestStream(), unhex(vector.request_hex))),
      hex(request(0x00, 0x09, 0x00)),
    );
  });
  it("sends the packets of multi_packet_block_speculative when told to misbehave", () => {
    const vector = vectors.find(({ name }) => name === "multi_packet_block_speculative");
    const live = vectors.find(({ name }) => name === "modbus_read_whole_live_block_0_55");
    assert.ok(vector && live);
    const faults = createFaults(fakeClock(), seededRandom(1));
    faults.set("multi-packet");
    const [heard] = takeRequests(createRequestStream(), unhex(vector.request_hex));
    const spoiled = spoiledAnswer(rawUnit(live.decoded.registers), heard, faults, seededRandom(1));
    assert.equal(hex(spoiled?.bytes ?? new Uint8Array()), vector.response_hex);
  });
});

describe("simulator codec: refusals", () => {
  const nackOf = (command: number): string => hex(request(0x00, command, 0x00));
  const refused: Record<string, number[]> = {
    "0x02 with an unknown option": [0x02, 3],
    "0x03 of 0 registers": [0x03, 0, 0, 0, 0],
    "0x03 of 128 registers": [0x03, 0, 0, 0, 128],
    "0x03 with a count beyond one byte": [0x03, 0, 0, 1, 1],
    "0x03 into 400..499": [0x03, 0x01, 0x8f, 0, 2],
    "0x03 across 400..499": [0x03, 0x01, 0x80, 0, 127],
    "0x03 beyond the last register": [0x03, 0x02, 0x57, 0, 2],
    "0x07 of 32 registers": [0x07, 32, 0, 0],
    "0x07 of an address far off": [0x07, 1, 0xff, 0xff],
    "0x09 with an odd length": [0x09, 3, 0, 0, 0],
    "0x09 of 16 registers": [0x09, 32, ...new Array<number>(32).fill(0)],
    "0x09 of nothing": [0x09, 0],
    "0x0D outside the settings": [0x0d, 4, 36, 0, 1, 0],
    "0x0D with half a pair": [0x0d, 2, 0x2c, 0x01],
    "0x10 with a length that does not fit the count": [0x10, 0x01, 0x2c, 0, 2, 2, 0, 1],
    "0x10 of 0 registers": [0x10, 0x01, 0x2c, 0, 0, 0],
    "0x10 outside the settings": [0x10, 0, 36, 0, 1, 2, 0, 1],
    "0x1D with an unknown option": [0x1d, 5, 0, 1],
    "0x1D of 101 registers": [0x1d, 1, 0, 101],
  };
  for (const [name, body] of Object.entries(refused)) {
    it(name, () =>
      assert.equal(replies(rawUnit(), takeRequests(createRequestStream(), request(...body))), nackOf(body[0])),
    );
  }
  it("reads the longest legal blocks", () => {
    for (const body of [
      [0x03, 0, 0, 0, 127],
      [0x07, 31, 0, 0],
      [0x09, 30, ...new Array<number>(30).fill(0)],
      [0x03, 0x01, 0xf4, 0, 100],
    ]) {
      const [heard] = takeRequests(createRequestStream(), request(...body));
      assert.equal(answer(rawUnit(), heard)[1], body[0]);
    }
  });
  it("answers CRC ERROR to a whole request with a wrong CRC, once the line is quiet or at once", () => {
    const stream = createRequestStream();
    assert.equal(replies(rawUnit(), takeRequests(stream, unhex("AA 14 7F 1E"))), hex(request(0x00, 0x14, 0x01)));
    assert.deepEqual(
      takeRequests(stream, unhex("AA 0D 04 AA 01 00 00 00 00")),
      [],
      "AA inside: could still begin something",
    );
    assert.equal(replies(rawUnit(), settleRequests(stream)), hex(request(0x00, 0x0d, 0x01)));
    assert.deepEqual(stream.held, []);
  });
  it("answers CMD ERROR to an unknown command in a good frame, nothing to fragments and noise", () => {
    const stream = createRequestStream();
    const cases: [Uint8Array, string][] = [
      [request(0x13), nackOf(0x13)],
      [request(0x28, 1, 2), nackOf(0x28)],
    ];
    for (const text of ["AA 07 02", "AA 55 01 02", "00 01 02", "AA"]) cases.push([unhex(text), ""]);
    for (const [bytes, expected] of cases) {
      assert.deepEqual(takeRequests(stream, bytes), []);
      assert.equal(replies(rawUnit(), settleRequests(stream)), expected);
    }
  });
  it("shows only wired cells in 0x1C", () => {
    const unit = rawUnit({ 12: 33000, 13: 33001, 14: 33002, 15: 33003 });
    const expected = request(0x1c, 8, 0xe8, 0x80, 0xe9, 0x80, 0xea, 0x80, 0xeb, 0x80);
    assert.equal(hex(answer(unit, { command: 0x1c, frame: request(0x1c) })), hex(expected));
  });
  it("answers 0x1E with the first five bytes of 0x1F", () => {
    const unit = rawUnit({ 500: 0x0102, 501: 0x0303, 502: 254, 503: 0x0418 });
    assert.equal(hex(answer(unit, { command: 0x1e, frame: request(0x1e) })), hex(request(0x1e, 5, 2, 1, 3, 254, 0)));
  });
});

describe("simulator codec: any bytes", () => {
  const starts = fc.oneof(
    fc.constant(0xaa),
    fc.constantFrom(0x03, 0x07, 0x09, 0x0b, 0x0d, 0x10, 0x1d),
    fc.integer({ min: 0, max: 255 }),
  );
  const streams = fc.array(starts, { maxLength: 600, size: "max" }).map((bytes) => Uint8Array.from(bytes));
  // One good request can be swallowed when junk before it makes a CRC right by chance (1 in 65536); what is found
  // empties the stream, so the second can't.
  it("never throws, holds a bounded rest, answers good frames only, and the next good request", () => {
    fc.assert(
      fc.property(streams, fc.constantFrom(0x14, 0x1a, 0x1c, 0x12), (junk, command) => {
        const unit = rawUnit();
        const stream = createRequestStream();
        for (const heard of takeRequests(stream, junk)) assert.ok(isGood(answer(unit, heard)));
        assert.ok(stream.held.length <= 264);
        takeRequests(stream, request(command));
        const last = takeRequests(stream, request(command)).at(-1);
        assert.ok(last && "frame" in last && last.command === command);
        assert.equal(answer(unit, last)[1], command);
      }),
      { numRuns: 500 },
    );
  });
  it("finds the same whole, in pieces and byte by byte", () => {
    const good = fc.constantFrom(request(0x14), request(0x07, 2, 36, 0), request(0x0b, 4, 44, 1, 1, 2, 3, 4));
    const mixes = fc.array(
      fc.oneof(
        streams.map((bytes) => bytes.slice(0, 20)),
        good,
      ),
    );
    fc.assert(
      fc.property(mixes, (parts) => {
        const bytes = Uint8Array.from(parts.flatMap((part) => Array.from(part)));
        const stream = createRequestStream();
        assert.deepEqual(takeRequests(createRequestStream(), bytes), feedByByte(bytes));
        assert.deepEqual(
          parts.flatMap((part) => takeRequests(stream, part)),
          feedByByte(bytes),
        );
      }),
    );
  });
});
