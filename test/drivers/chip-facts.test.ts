// What the registers of a chip tell for hardware/config, and that nothing is told of a machine that has none. The
// revisions are those of ESP-IDF (efuse_hal_get_major_chip_version).
import "./chip"; // before the driver, which takes the natives when it is loaded
import assert from "node:assert/strict";
import { chipFacts } from "../../firmware/drivers/machine.cold";
import { chip } from "./chip";

const FUSES_3 = 0x3ff5a00c,
  FUSES_5 = 0x3ff5a014,
  APB_DATE = 0x3ff6607c,
  CLOCK_SOURCE = 0x3ff48070,
  CLOCK_PERIOD = 0x3ff0003c;

/** A WROOM as it is sold today: revision 3, two cores, 240 MHz; other bits of the registers are set. */
const WROOM: Record<number, number> = {
  [FUSES_3]: 0x0000f202,
  [FUSES_5]: 0x00100000,
  [APB_DATE]: 0x96042000,
  [CLOCK_SOURCE]: 0x29580010,
  [CLOCK_PERIOD]: 2,
};

function factsOf(registers: Record<number, number>, board = "ESP32"): [number, number, number] {
  const { peek32 } = chip,
    { env } = process;
  chip.peek32 = (address) => (registers[address] ?? assert.fail(`0x${address.toString(16)} was read`)) >>> 0;
  Object.defineProperty(process, "env", { value: { BOARD: board }, configurable: true });
  try {
    const { rev, cpuFreqMhz, cores } = chipFacts();
    return [rev, cpuFreqMhz, cores];
  } finally {
    chip.peek32 = peek32;
    Object.defineProperty(process, "env", { value: env, configurable: true });
  }
}

describe("what the chip is", () => {
  it("a WROOM", () => assert.deepEqual(factsOf(WROOM), [3, 240, 2]));

  it("the revision stands in three registers", () => {
    const old = { ...WROOM, [FUSES_3]: 0x00000202, [FUSES_5]: 0, [APB_DATE]: 0x16042000 };
    assert.equal(factsOf(old)[0], 0);
    assert.equal(factsOf({ ...old, [FUSES_3]: 0x00008202 })[0], 1);
    assert.equal(factsOf({ ...old, [FUSES_3]: 0x00008202, [FUSES_5]: 0x00100000 })[0], 2);
    assert.equal(factsOf({ ...WROOM, [FUSES_5]: 0 })[0], 0, "a combination that is none");
  });

  it("the clock, unknown when it is not the PLL's", () => {
    assert.equal(factsOf({ ...WROOM, [CLOCK_PERIOD]: 0 })[1], 80);
    assert.equal(factsOf({ ...WROOM, [CLOCK_PERIOD]: 1 })[1], 160);
    assert.ok(isNaN(factsOf({ ...WROOM, [CLOCK_PERIOD]: 3 })[1]));
    assert.ok(isNaN(factsOf({ ...WROOM, [CLOCK_SOURCE]: 0 })[1]), "the crystal's");
  });

  it("one core", () => assert.equal(factsOf({ ...WROOM, [FUSES_3]: 0x0000f203 })[2], 1));

  it("another machine has no registers to read", () => {
    assert.ok(factsOf({}, "HOST").every((fact) => isNaN(fact)));
    assert.ok(factsOf({}, "LINUX").every((fact) => isNaN(fact)));
  });
});
