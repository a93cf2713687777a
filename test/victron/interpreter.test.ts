// The encoders, the alarms and the energy counters give the same in the interpreter as in node, over thousands of
// values.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { root } from "../../tools/build/board";
import { crc32 } from "../../tools/host/crc32";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { buildProject } from "../build/project";

const program = `
import { alarmsOf } from "${root}firmware/battery/alarms.cold";
import { alarmsStep } from "${root}firmware/battery/alarms.baked";
import { energyRecord, readEnergy } from "${root}firmware/battery/energy.cold";
import * as r from "${root}firmware/battery/registers.baked";
import { deriveSecond } from "${root}firmware/battery/derived";
import { snapshotOf, NORMAL } from "${root}firmware/battery/snapshot";
import { encoders, rareFrame } from "${root}firmware/victron/frames.baked";
import { batteryTexts, settingTexts } from "${root}firmware/victron/texts.cold";

const s = snapshotOf(), v = s.values, a = alarmsOf(), random = { seed: 1 };
/** A number of many sizes, sometimes unknown. */
function next(): number {
  random.seed = (random.seed * 16807) % 2147483647;
  const x = random.seed / 2147483647, size = random.seed % 7;
  return size === 0 ? NaN : (x - 0.3) * (size === 1 ? 10 : size === 2 ? 100 : size === 3 ? 4000 : size === 4 ? 70000 : 60);
}
function shown(bytes: number[] | Uint8Array | undefined): string {
  let sum = 0;
  if (!bytes) return "-";
  for (const byte of bytes) sum = (sum * 31 + byte) % 1000003;
  return bytes.length + ":" + sum;
}
function frames(): string {
  let line = "", row = 0;
  for (const encode of encoders) line += shown(encode(v)) + " ";
  for (row = encoders.length; row < 13; row++) line += shown(rareFrame(row, v)) + " ";
  return line;
}
s.phase = NORMAL;
s.cells = 16;
for (let i = 0; i < 150; i++) {
  for (let slot = 0; slot < v.length; slot++) v[slot] = next();
  s.highest = v[3] = 3000 + next();
  s.lowest = v[2] = 2900 + next();
  v[4] = v[5] = next();
  v[r.lowestCell] = 1 + i % 16;
  v[r.highestCell] = 16 - i % 16;
  deriveSecond(s);
  a.at = i;
  a.step = 4;
  alarmsStep(a, s);
  print("~" + frames() + a.on.join("") + " " + a.raised + " " + a.warned + " " + s.derived);
}
const record = energyRecord(4294967295, 1234.567, 89, E.CRC32);
print("~" + btoa(record) + " " + JSON.stringify(readEnergy(record, E.CRC32)));
print("~" + btoa(settingTexts("TinyBMS", "A longer name") + batteryTexts("0011223344556677", "NMC", 14)));
`;

describe("frames, alarms and energy in the interpreter", () => {
  it("are those of node", async function () {
    const interpreter = findInterpreter();
    if (!interpreter) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    const { code } = await buildProject({ "main.ts": program }),
      directory = temporaryDirectory(),
      expected: string[] = [];
    runInNewContext(code, {
      print: (line: string) => expected.push(line),
      btoa,
      E: { CRC32: (text: string) => crc32(Buffer.from(text, "latin1")) },
    });
    assert.equal(expected.length, 152);
    assert.ok(new Set(expected).size > 140);
    try {
      const script = join(directory.path, "script.js");
      writeFileSync(script, code, "latin1");
      const printed = await runScript({ interpreter }, directory.path, script);
      assert.doesNotMatch(printed, /Uncaught|ERROR/);
      assert.deepEqual(
        [...printed.matchAll(/~.*/g)].map(([line]) => line.trim()),
        expected,
      );
    } finally {
      directory.remove();
    }
  });
});
