// Settings of the simulated unit: what it starts with, its limits, and what it refuses (TinyBMS Communication
// Protocols Rev D, settings; firmware/charge/README.md).

import assert from "node:assert/strict";
import { initialSettings, settingBound, writeSettings } from "../../tools/simulator/settings";
import { getBits, rows } from "../../tools/simulator/words";
import type { Write } from "../../tools/simulator/words";

function settings(cells = 16): Uint16Array {
  const words = new Uint16Array(600);
  initialSettings(words, cells);
  return words;
}

describe("simulator settings", () => {
  it("start as the recommended LFP settings", () => {
    const words = settings();
    const expected = {
      300: 3550,
      301: 2900,
      303: 3350,
      306: 28000,
      307: 16,
      308: 20,
      315: 3650,
      316: 2800,
      317: 200,
      318: 150,
      319: 60,
      320: 1,
      321: 85,
    };
    for (const [address, raw] of Object.entries(expected)) assert.equal(words[Number(address)], raw, address);
    assert.equal(getBits(words, "option_flags", "enable_charge_restart_level"), 1);
    assert.equal(settings(8)[307], 8);
  });
  it("lie within their own limits, so that a backup can be restored", () => {
    const words = settings();
    const all = Array.from({ length: 44 }, (_, i): Write => [300 + i, words[300 + i]]);
    assert.ok(writeSettings(words, all));
  });
  it("have limits and defaults for every row, 0 for reserved ones", () => {
    const words = settings();
    for (const row of rows.filter(({ write }) => write)) {
      const bound = (kind: "min" | "max" | "default"): number => settingBound(words, kind, row.at);
      const signed = (raw: number): number => (row.type === "i16" ? (raw << 16) >> 16 : raw);
      if (row.words !== 2) assert.ok(signed(bound("min")) <= signed(bound("max")), row.key);
      if (row.factory !== undefined && row.words !== 2) assert.equal(bound("default"), row.factory, row.key);
    }
    assert.deepEqual(
      [300, 302, 309, 344, 399].map((address) => settingBound(words, "max", address)),
      [3640, 0, 0, 0, 0],
    );
    assert.deepEqual(
      [312, 313].map((address) => settingBound(words, "max", address)),
      [100000 & 0xffff, 1],
    );
    assert.equal(settingBound(words, "min", 320), 0x10000 - 40);
  });
  it("move the limits of their neighbours", () => {
    const words = settings();
    assert.deepEqual([settingBound(words, "min", 300), settingBound(words, "max", 300)], [2910, 3640]);
    assert.ok(writeSettings(words, [[315, 3800]]));
    assert.equal(settingBound(words, "max", 300), 3790);
    assert.equal(settingBound(words, "min", 305), 200);
  });
  const refused: Record<string, Write[]> = {
    "an address below the settings": [[299, 0]],
    "an address above the settings": [[400, 0]],
    "a reserved register that would change": [[302, 1]],
    "300 too near to 315": [[300, 3641]],
    "315 too near to 300": [[315, 3559]],
    "301 too near to 316": [[301, 2809]],
    "317 above 305": [[317, 251]],
    "a signed value below its range": [[320, 0x10000 - 41]],
    "a signed value above its range": [[320, 11]],
    "a name that does not exist": [[337, 1]],
    "a high byte in a one-byte register": [[331, 0x0100]],
    "reserved bits that would change": [[329, 0x000c]],
    "a time-out beyond its range": [[330, 0x1f01]],
    "a charger type that does not exist": [[330, 0x0303]],
    "half of a 32-bit value that becomes too large": [[313, 2]],
    "everything when one of several is wrong": [
      [308, 30],
      [320, 50],
    ],
  };
  for (const [name, writes] of Object.entries(refused)) {
    it(`refuse ${name}`, () => {
      const words = settings();
      assert.equal(writeSettings(words, writes), false);
      assert.deepEqual(words, settings());
    });
  }
  it("take several together that would not fit one by one", () => {
    const words = settings();
    assert.equal(writeSettings(words, [[300, 4180]]), false);
    assert.ok(
      writeSettings(words, [
        [300, 4180],
        [315, 4200],
        [320, 0x10000 - 5],
        [330, 0x0001],
      ]),
    );
    assert.deepEqual([words[300], words[315], words[320], words[330]], [4180, 4200, 65531, 1]);
  });
});
