// What the registers of a chip tell for hardware/config, and that nothing is told of a machine that has none. The
// revisions are those of ESP-IDF (efuse_hal_get_major_chip_version).
import "./chip"; // before the driver, which takes the natives when it is loaded
import assert from "node:assert/strict";
import { RESTART_MARK, RESTART_WANTED } from "../../firmware/drivers/restart";
import { chipFacts, wasReset } from "../../firmware/drivers/machine.cold";
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

describe("why the chip started", () => {
  const RESET_STATE = 0x3ff48034;
  /** Whether nobody wanted it; what stands in the mark afterwards. */
  function startBy(cause: number, mark: number): [boolean, number] {
    const { peek32, poke32 } = chip,
      registers: Record<number, number> = { [RESET_STATE]: 0x3000 | (cause << 6) | cause, [RESTART_MARK]: mark };
    chip.peek32 = (address) => registers[address] ?? assert.fail(`0x${address.toString(16)} was read`);
    chip.poke32 = (address, value) => void (registers[address] = Number(value));
    try {
      return [wasReset(), registers[RESTART_MARK]];
    } finally {
      Object.assign(chip, { peek32, poke32 });
    }
  }

  it("power, a pin, brown-out and sleep are no reset that is told of", () => {
    for (const cause of [0, 1, 5, 14, 15]) assert.deepEqual(startBy(cause, 0), [false, 0], `cause ${cause}`);
  });

  it("a watchdog of the chip is", () => {
    for (const cause of [4, 7, 8, 9, 11, 13, 16]) assert.deepEqual(startBy(cause, 0)[0], true, `cause ${cause}`);
  });

  it("software is unless it was wanted, once", () => {
    for (const cause of [3, 12]) {
      assert.deepEqual(startBy(cause, 0), [true, 0], "a panic, which the bite of Espruino's watchdog is");
      assert.deepEqual(startBy(cause, RESTART_WANTED), [false, 0], "a command");
    }
  });
});
