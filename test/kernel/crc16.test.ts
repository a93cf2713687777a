// The CRC of the TinyBMS against every frame that the vendor and the captures print.
import assert from "node:assert/strict";
import { crc16Table } from "../../firmware/kernel/crc16";
import { bmsVectors, bytes, slowCrc } from "../fixtures/bytes";

function tableCrc(text: string): number {
  return Buffer.from(text, "latin1").reduce((crc, byte) => (crc >> 8) ^ crc16Table[(crc ^ byte) & 255], 0xffff);
}

describe("crc16", () => {
  it("gives the check value of CRC-16/MODBUS", () => assert.equal(tableCrc("123456789"), 0x4b37));

  it("agrees with the bitwise form for each byte", () => {
    for (let byte = 0; byte < 256; byte++)
      assert.equal(tableCrc(String.fromCharCode(byte)), slowCrc(String.fromCharCode(byte)));
  });

  it("is 0 over each request and each good reply of the vectors", () => {
    for (const vector of bmsVectors) {
      if (vector.request_hex) assert.equal(tableCrc(bytes(vector.request_hex)), 0, vector.name);
      const isOneFrame =
        ["ok", "nack", "ack"].includes(vector.decoded.outcome) && vector.decoded.discardedBytes === undefined;
      if (isOneFrame && vector.response_hex) assert.equal(tableCrc(bytes(vector.response_hex)), 0, vector.name);
    }
  });
});
