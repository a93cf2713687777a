// Requests: those of all vectors and of the protocol's own list, byte by byte; what the protocol forbids is no request.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  askFor,
  control,
  readBlock,
  readBounds,
  readEach,
  requestOf,
  writeBlock,
  writeEach,
} from "../../firmware/bms/requests.cold";
import { bmsVectors, bytes, framed, hex, slowCrc } from "../fixtures/bytes";

const low = (text: string, at: number): number => text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8);
const high = (text: string, at: number): number => (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);
const each = (text: string, from: number, step: number, read: (text: string, at: number) => number): number[] =>
  Array.from({ length: Math.ceil((text.length - 2 - from) / step) }, (_, i) => read(text, from + step * i));

/** The same request again, from the meaning of its bytes. */
function again(request: string): string {
  const command = request.charCodeAt(1),
    second = request.charCodeAt(2);
  switch (command) {
    case 0x02:
      return control(second);
    case 0x03:
      return readBlock(3, high(request, 2), high(request, 4));
    case 0x07:
      return readBlock(7, low(request, 3), second);
    case 0x09:
      return readEach(each(request, 3, 2, low));
    case 0x0d:
      return writeEach(each(request, 3, 4, low), each(request, 5, 4, low));
    case 0x10:
      return writeBlock(high(request, 2), each(request, 7, 2, high));
    case 0x1d:
      return readBounds(second, high(request, 3));
    default:
      return askFor(command);
  }
}

/**
 * Vectors whose request goes beyond the limits, writes elsewhere, is 0x0B, which is not used, or has a reply over 64
 * bytes.
 */
const refused = [
  "write_block_300_301_pl_data_only",
  "write_block_300_301_pl_incl_addr",
  "request_only_39_individual",
  "nack_write_0d",
  "multi_packet_block_speculative",
  "block_settings_300_330_max_single_packet",
  "modbus_read_whole_live_block_0_55",
  "modbus_read_all_settings_300_343",
  "all_events_captured_values",
  "all_events_49_full_log",
  "settings_1d_current_100_max",
];

describe("requests", () => {
  for (const vector of bmsVectors) {
    const request = bytes(vector.request_hex),
      isRefused = refused.includes(vector.name);
    it(`${vector.name}${isRefused ? " is refused" : ""}`, () => {
      assert.equal(hex(requestOf(request.charCodeAt(1), request.slice(2, -2))), hex(request), "start and CRC");
      assert.equal(hex(again(request)), isRefused ? "" : hex(request));
    });
  }

  it("has every request that the protocol prints whole", () => {
    const printed = [
      "AA 11 BF 1C",
      "AA 14 7F 1F",
      "AA 15 BE DF",
      "AA 16 FE DE",
      "AA 17 3F 1E",
      "AA 18 7F 1A",
      "AA 19 BE DA",
      "AA 1A FE DB",
      "AA 1B 3F 1B",
      "AA 1C 7E D9",
      "AA 1E FF 18",
      "AA 1F 3E D8",
      "AA 20 7E C8",
    ];
    assert.deepEqual(
      printed.map((one) => hex(askFor(bytes(one).charCodeAt(1)))),
      printed.map((one) => hex(bytes(one))),
    );
    assert.deepEqual(
      [1, 2, 5].map((option) => hex(control(option))),
      ["aa02019140", "aa0202d141", "aa02059083"],
    );
    assert.deepEqual(
      [1, 2, 3, 4].map((option) => hex(readBounds(option, 29))),
      [1, 2, 3, 4].map((option) => hex(framed(`\xaa\x1d${String.fromCharCode(option)}\x00\x1d`))),
    );
  });

  it("stop at the limits", () => {
    const zeros = (count: number): number[] => new Array<number>(count).fill(0),
      settings = (count: number): number[] => zeros(count).map((_, i) => 300 + i);
    const good = [
      readBlock(7, 0, 29),
      readBlock(7, 0xffff, 1),
      readBlock(3, 0, 29),
      readEach(zeros(14)),
      writeBlock(300, zeros(100)),
      writeBlock(399, [0xffff]),
      writeEach(settings(15), zeros(15)),
      writeEach([399], [0xffff]),
      readBounds(1, 1),
      readBounds(4, 29),
    ];
    assert.deepEqual(
      good.filter((request) => slowCrc(request) !== 0 || request === ""),
      [],
    );
    const bad = [
      readBlock(7, 0, 30),
      readBlock(7, 0, 0),
      readBlock(7, -1, 1),
      readBlock(7, 0x10000, 1),
      readBlock(7, 0xffff, 2),
      readBlock(7, 0.5, 1),
      readBlock(7, 0, 1.5),
      readBlock(7, NaN, 1),
      readBlock(3, 0, 30),
      readBlock(3, 0, 0),
      readBlock(4, 0, 1),
      readEach([]),
      readEach(zeros(15)),
      readEach([0x10000]),
      readEach([NaN]),
      writeBlock(300, []),
      writeBlock(299, [0]),
      writeBlock(300, zeros(101)),
      writeBlock(399, [0, 0]),
      writeBlock(400, [0]),
      writeBlock(300, [0x10000]),
      writeBlock(300, [-1]),
      writeBlock(300, [1.5]),
      writeEach([], []),
      writeEach([299], [0]),
      writeEach([400], [0]),
      writeEach([300], []),
      writeEach([300], [-1]),
      writeEach([300], [0x10000]),
      writeEach(settings(16), zeros(16)),
      readBounds(0, 1),
      readBounds(5, 1),
      readBounds(1, 0),
      readBounds(1, 30),
      control(0),
      control(3),
      control(4),
      control(6),
      control(NaN),
    ];
    assert.deepEqual(
      bad,
      bad.map(() => ""),
    );
  });

  it("askFor knows the commands without fields and no other", () => {
    const known = Array.from({ length: 256 }, (_, command) => command).filter((command) => askFor(command) !== "");
    assert.deepEqual(known, [0x11, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1e, 0x1f, 0x20]);
    assert.equal(askFor(17.5) + askFor(NaN), "");
  });

  it("carry any legal words, in the order of the command", () => {
    const word = fc.nat(0xffff),
      list = fc.array(word, { minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(list, fc.nat(85), (words, offset) => {
        const block = writeBlock(300 + offset, words),
          addresses = words.map((_, i) => 300 + offset + i),
          single = writeEach(addresses, words);
        assert.deepEqual(each(block, 7, 2, high), words);
        assert.deepEqual([each(single, 3, 4, low), each(single, 5, 4, low)], [addresses, words]);
        assert.deepEqual(each(readEach(words), 3, 2, low), words);
        for (const request of [block, single, readEach(words)]) assert.equal(slowCrc(request), 0);
      }),
    );
  });
});
