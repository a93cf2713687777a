// What is fresh counts although something else is missing or implausible: blocks and tapers, in NORMAL
// as in DEGRADED, through the built image. r300 3550, r301 2900, r315 3650, r316 2800; limits of a battery at rest are
// 55.2/135/180.
import assert from "node:assert/strict";
import { imageText } from "./rig";
import { startUnit, type Readings, type Unit } from "./unit";

const REST = "55.2/135/180",
  HALF = "55.2/67.5/90";
/**
 * The longest way of a reply that must lower a limit into 0x351: poll, step of each second, frame; the events are asked
 * each 2 s. ms
 */
const SOON_S = 1.7,
  EVENTS_S = 3.7;
/** Registers 0.., 36.., 300..: cells, fast group, settings. */
const CELLS = 0,
  FAST = 36,
  SETTINGS = 300;

/** What goes wrong with the cells: nothing that is told of them can be taken. */
const gone: Record<string, Readings> = {
  "cell 5 reads 0": { raw: { 4: 0 } },
  "the cell block is not answered": { deaf: [CELLS] },
  "cell 5 reads 65535": { raw: { 4: 65535 } },
  "the cells do not add up": { raw: { 4: 20000, 5: 20000 } },
};
/**
 * How long they have been gone when the fresh data comes, s: before, around and after the 5 s of DEGRADED, up to the 15
 * s of LOST.
 */
const AFTER: Record<string, number[]> = {
  "cell 5 reads 0": [0, 1, 4.4, 5.6, 8, 11],
  "the cell block is not answered": [0, 1, 4.4, 5.6, 8, 11],
};

interface Row {
  name: string;
  readings: Readings;
  /**
   * What each limit is after it, in NORMAL and in DEGRADED; NaN: as it was, or (the voltage, while the cells are
   * protected) lower.
   */
  cvl: number;
  ccl: number;
  dcl: number;
  within?: number;
}

const one = (name: string, readings: Readings, cvl: number, ccl: number, dcl: number, within = SOON_S): Row => ({
  name,
  readings,
  cvl,
  ccl,
  dcl,
  within,
});
/** What must count at once, whatever else is missing. 53.6 is the pack voltage at the moment of the block. */
const triggers: Row[] = [
  one("register 41 says 3630 mV", { words: { max_cell_voltage: 3630 } }, 52.8, 0, NaN),
  one("register 41 says 3640 mV", { words: { max_cell_voltage: 3640 } }, 52.8, 0, NaN),
  one("register 41 says 3629 mV: no block, but nothing to charge", { words: { max_cell_voltage: 3629 } }, NaN, 0, NaN),
  one("register 41 says 3530 mV: 5 %", { words: { max_cell_voltage: 3530 } }, NaN, 6.7, NaN),
  one("register 40 says 2790 mV", { words: { min_cell_voltage: 2790 } }, NaN, NaN, 0),
  one("register 40 says 2950 mV: 20 %", { words: { min_cell_voltage: 2950 } }, NaN, NaN, 36),
  one("status 0x9B with event 0x03", { events: [0x03] }, 52.8, 0, NaN),
  one("status 0x9B with event 0x02", { events: [0x02] }, 53.6, 0, 0),
  one("status 0x9B with event 0x06", { events: [0x06] }, 52.8, 0, NaN),
  one("status 0x9B alone", { isUnexplained: true }, 53.6, 0, 0),
  one("a status that nobody knows", { words: { online_status: 0x55 } }, 53.6, 0, 0),
  one("event 0x37 alone", { events: [0x37] }, 53.6, 0, NaN, EVENTS_S),
  one("event 0x31 alone", { events: [0x31] }, NaN, NaN, 0, EVENTS_S),
  one("sensors at -5 degC", { words: { external_temp_1: -5, external_temp_2: -5 } }, 53.6, 0, 90),
  one("sensors at 60 degC", { words: { external_temp_1: 60, external_temp_2: 60 } }, 53.6, 0, 0),
  one("the BMS itself at 90 degC", { words: { internal_temp: 90 } }, 53.6, 0, 0),
];

function both(a: Readings, b: Readings): Readings {
  return {
    ...a,
    ...b,
    words: { ...a.words, ...b.words },
    raw: { ...a.raw, ...b.raw },
    deaf: [...(a.deaf ?? []), ...(b.deaf ?? [])],
  };
}

describe("system: fresh data counts while other data is missing", function () {
  this.timeout(300000);
  let image = "";
  before(async () => {
    image = await imageText();
  });

  /** A unit at rest for half a minute. */
  function rested(): Unit {
    const unit = startUnit({ image });
    unit.pass(30);
    assert.equal(unit.limits(), REST);
    return unit;
  }

  /** Limits may not be above what the row says, nor rise, from `within` on until the data is lost. */
  function judge(unit: Unit, row: Row, from: number, until: number): void {
    const most = { cvl: row.cvl, ccl: row.ccl, dcl: row.dcl };
    unit.pass(row.within ?? SOON_S);
    const at = unit.rig.clock.now(),
      said = unit.said.at(-1)!,
      before = unit.said.findLast((one) => one.at <= from)!;
    for (const key of ["cvl", "ccl", "dcl"] as const) {
      if (key === "cvl" && isNaN(most[key])) {
        assert.ok(said[key] <= before[key], JSON.stringify(said));
        continue;
      }
      const wanted = isNaN(most[key]) ? before[key] : Math.min(most[key], before[key]);
      assert.equal(said[key], wanted, `${key}, ${((at - from) / 1000).toFixed(1)} s after it: ${JSON.stringify(said)}`);
    }
    const first = unit.said.length;
    unit.pass((until - unit.rig.clock.now()) / 1000);
    for (const [i, later] of unit.said.slice(first).entries()) {
      const last = unit.said[first + i - 1];
      assert.ok(
        later.cvl <= last.cvl && later.ccl <= last.ccl && later.dcl <= last.dcl,
        `rose on data with a hole: ${JSON.stringify([last, later])}`,
      );
    }
  }

  for (const [hole, missing] of Object.entries(gone)) {
    for (const row of triggers) {
      it(`${hole}: ${row.name}`, () => {
        for (const after of AFTER[hole] ?? [1, 8]) {
          if (after + (row.within ?? SOON_S) > 14) continue; // lost by then
          const unit = rested(),
            lostAt = unit.rig.clock.now() + 14500;
          unit.read(missing);
          unit.pass(after);
          if (after >= 8) assert.equal(unit.limits(), HALF, "nothing but old cells");
          unit.read(both(missing, row.readings));
          const from = unit.rig.clock.now();
          if (after > 0 && after < 5) assert.equal(unit.limits(), REST);
          // half of the largest comes at 5 s in any case
          const halved = after < 5 && after + (row.within ?? SOON_S) > 3.9; // the cells may have been a second old
          if (halved) {
            unit.pass(row.within ?? SOON_S);
            const said = unit.said.at(-1)!;
            assert.ok(!(said.ccl > row.ccl) && !(said.dcl > row.dcl) && !(said.cvl > row.cvl), JSON.stringify(said));
          } else judge(unit, row, from, after < 5 ? from : lostAt);
        }
      });
    }
  }

  it("the fast group is not answered: the cells alone say that one is high, or low", () => {
    for (const after of [0, 3, 8]) {
      for (const [volts, limits] of [
        [3.64, /^52\.8\/0\//],
        [2.79, /\/0$/],
      ] as const) {
        const unit = rested();
        unit.read({ deaf: [FAST] });
        unit.pass(after);
        unit.read({ deaf: [FAST], cell_V: { 5: volts } });
        unit.pass(2.2);
        assert.match(unit.limits(), limits, `${volts} V after ${after} s`);
      }
    }
  });

  it("the fast group is not answered and the load changes: fresh cells are not judged by an old pack voltage", () => {
    const unit = rested();
    unit.read({ deaf: [FAST] });
    unit.pass(3);
    unit.read({ deaf: [FAST], cells_V: 3.45, cell_V: { 5: 3.64 } });
    unit.pass(2.2);
    assert.match(unit.limits(), /^52\.8\/0\//);
  });

  it("the settings are not answered: everything counts while they are old", () => {
    for (const row of triggers) {
      const unit = rested();
      unit.read({ deaf: [SETTINGS] });
      for (let s = 0; s < 140 && unit.limits() === REST; s++) unit.pass(1);
      assert.equal(unit.limits(), HALF);
      unit.pass(1);
      const from = unit.rig.clock.now();
      unit.read(both({ deaf: [SETTINGS] }, row.readings));
      judge(unit, row, from, from);
    }
  });

  it("nothing that ends while data is missing lets a limit rise, and afterwards it rises by the ramp", () => {
    const unit = rested();
    unit.read({ deaf: [CELLS], words: { max_cell_voltage: 3640 } });
    unit.pass(8);
    assert.equal(unit.limits(), "52.8/0/90");
    unit.read({ deaf: [CELLS] });
    unit.pass(4);
    assert.equal(unit.limits(), "52.8/0/90");
    unit.read({});
    unit.pass(20);
    const [cvl, ccl, dcl] = unit.limits().split("/").map(Number);
    assert.ok(cvl <= 52.9 && ccl === 0 && dcl === 90, unit.limits());
    unit.pass(200);
    assert.ok(unit.said.at(-1)!.ccl === 135 && unit.said.at(-1)!.dcl === 180, unit.limits());
  });
});

describe("system: the over-voltage block of the gateway itself", function () {
  this.timeout(300000);
  let image = "";
  before(async () => {
    image = await imageText();
  });

  /** Register 315 from far below to above register 300: a cell 20 mV below it blocks, wherever register 300 stands. */
  for (const cutoff of [3400, 3450, 3500, 3519, 3520, 3521, 3550, 3600, 3650]) {
    it(`r315 ${cutoff}, r300 3550`, () => {
      for (const above of [-1, 0, 10, 19]) {
        const unit = startUnit({ image });
        unit.read({ settings: { over_voltage_cutoff: cutoff }, cells_V: 3.33 });
        unit.pass(70);
        const top = cutoff - 20 + above;
        unit.read({ settings: { over_voltage_cutoff: cutoff }, cells_V: 3.33, cell_V: { 5: top / 1000 } });
        unit.pass(3);
        const { cvl, ccl } = unit.said.at(-1)!;
        if (above >= 0) assert.deepEqual([cvl, ccl], [52.8, 0], `${top} mV: ${unit.limits()}`);
        else if (top < 3400) assert.ok(ccl > 0, `${top} mV: ${unit.limits()}`);
      }
    });
  }
});

describe("system: limits after a silence that settings made", function () {
  this.timeout(300000);

  it("begin at the floor and 0 A, and rise as after a loss", async () => {
    const unit = startUnit({ image: await imageText() });
    unit.pass(30);
    assert.equal(unit.limits(), REST);
    unit.read({ settings: { fully_charged_voltage: 4200, over_voltage_cutoff: 4250 } });
    for (let s = 0; s < 140 && unit.limits() !== "-"; s++) unit.pass(1);
    assert.equal(unit.limits(), "-", "settings that do not fit the chemistry silence CAN");
    unit.pass(90);
    unit.read({ settings: { fully_charged_voltage: 3550, over_voltage_cutoff: 3650 } });
    const from = unit.said.length;
    for (let s = 0; s < 200 && unit.said.length === from; s++) unit.pass(1);
    const first = unit.said[from];
    assert.ok(first.cvl <= 52.9 && first.ccl <= 2.7 && first.dcl <= 3.6, JSON.stringify(first));
    unit.pass(20);
    for (const [i, now] of unit.said.slice(from + 1).entries()) {
      const last = unit.said[from + i],
        seconds = (now.at - last.at) / 1000 + 1;
      assert.ok(
        now.ccl - last.ccl <= 2.7 * seconds + 0.1 &&
          now.dcl - last.dcl <= 3.6 * seconds + 0.1 &&
          now.cvl - last.cvl <= 0.11,
        JSON.stringify([last, now]),
      );
    }
    assert.ok(unit.said.at(-1)!.ccl > 20, "without the 30 s");
    unit.pass(100);
    assert.ok(unit.said.at(-1)!.ccl === 135 && unit.said.at(-1)!.dcl === 180, unit.limits());
  });
});
