// The settings conversation against the simulated unit, byte for byte and without time: what is written in which order,
// what is refused and why, and that nothing is ever half applied.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { receive } from "../../firmware/bms/receive.cold";
import { VERIFY, type SettingsTalk } from "../../firmware/bms/settings";
import { settingsNext, settingsTalkOf, writeRefusal } from "../../firmware/bms/settings.cold";
import { settingsTook } from "../../tools/bms/settings-took";
import { setImageText } from "../../firmware/kernel/text.cold";
import { settings } from "../../tools/bake/settings";
import type { FaultName } from "../../tools/simulator/faults";
import { settingBound } from "../../tools/simulator/settings";
import { bench, reply, type Bench } from "./settings-bench";

type Changes = Record<string, unknown>;

/** Runs a conversation to its end. */
function run(b: Bench, talk: SettingsTalk): SettingsTalk {
  for (let exchanges = 0; talk.outcome === ""; exchanges++) {
    assert.ok(exchanges < 200, "it ends");
    const request = settingsNext(talk);
    assert.equal(settingsNext(talk), request, "the same again until told");
    const heard = reply(b, request),
      answered = b.lose(talk.step, talk.at) ? "" : heard;
    const found = receive(answered, request, null);
    settingsTook(talk, found.outcome, found.payload, found.error);
  }
  assert.equal(settingsNext(talk), "");
  return talk;
}

const change = (b: Bench, changes: Changes): SettingsTalk => run(b, settingsTalkOf(changes, false, true, true));
const block = (b: Bench): number[] => Array.from(b.words.slice(300, 400));
const addresses = (b: Bench): number[][] => b.written.map((writes) => writes.map(([address]) => address));

describe("settings conversation", () => {
  before(() => setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")));

  it("reads all settings and their limits", () => {
    const b = bench(),
      talk = run(b, settingsTalkOf(null, false, false, false));
    assert.equal(talk.outcome, "ok");
    assert.deepEqual(Array.from(talk.words!), block(b).slice(0, 44));
    (
      [
        ["min", 0],
        ["max", 1],
        ["default", 2],
      ] as const
    ).forEach(([kind, i]) => {
      assert.deepEqual(
        Array.from(talk.limits[i]!),
        Array.from({ length: 29 }, (_, at) => settingBound(b.words, kind, 300 + at)),
      );
    });
    assert.deepEqual(b.written, []);
  });

  it("needs the permission and the confirmation", () => {
    for (const [allowed, confirmed, reason] of [
      [false, true, /^bms\.allow_write: /],
      [false, false, /^bms\.allow_write: /],
      [true, false, /^confirm: /],
    ] as const) {
      const talk = settingsTalkOf({ over_heat_cutoff: 55 }, false, allowed, confirmed);
      assert.equal(talk.outcome, "refused");
      assert.match(talk.reason, reason);
      assert.equal(settingsNext(talk), "");
    }
    assert.equal(writeRefusal(true, true), "");
  });

  it("writes shared words without their neighbours, 32 bits in one command, and gives the undo", () => {
    const b = bench();
    b.words[329] |= 0x4000; // reserved bits
    b.words[331] |= 0x5500; // reserved high byte
    const before = block(b);
    b.unit.write = (writes) => {
      b.written.push(writes);
      for (const [address, raw] of writes) b.words[address] = raw;
      return true;
    };
    const talk = change(b, {
      charger_type: "can_reserved",
      enable_charge_restart_level: false,
      load_switch_type: 3,
      pulses_per_unit: 70000,
      battery_capacity: 100.25,
      low_temp_charger_cutoff: -12,
    });
    assert.equal(talk.reason, "");
    assert.deepEqual(
      [306, 312, 313, 320, 329, 330, 331].map((at) => b.words[at]),
      [10025, 70000 & 0xffff, 1, 0x10000 - 12, 0x4000, 0x0302, 0x5503],
    );
    assert.deepEqual(
      addresses(b).filter((list) => list.length > 1),
      [[312, 313]],
    );
    assert.deepEqual(talk.undo, {
      battery_capacity: 280,
      pulses_per_unit: 1,
      low_temp_charger_cutoff: 1,
      enable_charge_restart_level: 1,
      charger_type: 1,
      load_switch_type: 0,
    });
    assert.equal(change(b, talk.undo).outcome, "ok");
    assert.deepEqual(block(b), before);
  });

  it("writes what is as wanted already not at all", () => {
    const b = bench(),
      talk = change(b, { over_heat_cutoff: 60, charger_type: "cc_cv" });
    assert.deepEqual([talk.outcome, talk.done, talk.undo, b.written], ["ok", {}, {}, []]);
  });

  it("only checks when dry", () => {
    const b = bench(),
      talk = run(b, settingsTalkOf({ over_heat_cutoff: 55 }, true, false, false));
    assert.deepEqual([talk.outcome, talk.done, b.written], ["ok", { over_heat_cutoff: 55 }, []]);
  });

  const orders: [string, Changes, number[]][] = [
    [
      "widening",
      {
        fully_charged_voltage: 3900,
        fully_discharged_voltage: 2400,
        over_voltage_cutoff: 4000,
        under_voltage_cutoff: 2300,
      },
      [315, 316, 300, 301],
    ],
    [
      "narrowing",
      {
        fully_charged_voltage: 3400,
        fully_discharged_voltage: 3100,
        over_voltage_cutoff: 3500,
        under_voltage_cutoff: 3050,
      },
      [300, 301, 315, 316],
    ],
    [
      "all up",
      {
        fully_charged_voltage: 4100,
        fully_discharged_voltage: 3500,
        over_voltage_cutoff: 4200,
        under_voltage_cutoff: 3400,
      },
      [315, 300, 301, 316],
    ],
    [
      "all down",
      {
        fully_charged_voltage: 2500,
        fully_discharged_voltage: 1800,
        over_voltage_cutoff: 2600,
        under_voltage_cutoff: 1700,
      },
      [316, 301, 300, 315],
    ],
    ["currents up", { discharge_over_current_cutoff: 500, discharge_peak_current_cutoff: 600 }, [305, 317]],
    ["currents down", { discharge_over_current_cutoff: 50, discharge_peak_current_cutoff: 60 }, [317, 305]],
    [
      "the restart last",
      { operation_mode: "single_port", broadcast_protocol: 1, charge_restart_level: 80 },
      [321, 343, 340],
    ],
  ];
  for (const [name, changes, order] of orders) {
    it(`orders the writes: ${name}`, () => {
      const b = bench(),
        before = block(b),
        talk = change(b, changes);
      assert.equal(talk.reason, "");
      assert.deepEqual(addresses(b).flat(), order);
      b.written.length = 0;
      assert.equal(change(b, talk.undo).reason, "");
      assert.deepEqual(block(b), before);
    });
  }

  const refused: [Changes, string | RegExp][] = [
    [
      { over_voltage_cutoff: 3555, under_voltage_cutoff: 2700 },
      "over_voltage_cutoff: 3555 is below fully_charged_voltage 3550 + 10 mV",
    ],
    [{ fully_charged_voltage: 3645 }, "fully_charged_voltage: 3645 is above over_voltage_cutoff 3650 - 10 mV"],
    [{ fully_charged_voltage: 2905 }, "fully_charged_voltage: 2905 is below fully_discharged_voltage 2900 + 10 mV"],
    [{ under_voltage_cutoff: 2895 }, "under_voltage_cutoff: 2895 is above fully_discharged_voltage 2900 - 10 mV"],
    [
      { discharge_peak_current_cutoff: 199 },
      "discharge_peak_current_cutoff: 199 is below discharge_over_current_cutoff 200",
    ],
    [
      { discharge_over_current_cutoff: 251 },
      "discharge_over_current_cutoff: 251 is above discharge_peak_current_cutoff 250",
    ],
    [{ over_voltage_cutoff: 4501 }, "over_voltage_cutoff: 4501 is above the maximum 4500 mV"],
    [{ charge_over_current_cutoff: 70000 }, "charge_over_current_cutoff: must be 1 to 750 A"],
    [{ over_heat_cutoff: 19 }, "over_heat_cutoff: 19 is below the minimum 20 degC"],
    [{ low_temp_charger_cutoff: -41 }, "low_temp_charger_cutoff: -41 is below the minimum -40 degC"],
    [{ battery_capacity: 0.05 }, "battery_capacity: 0.05 is below the minimum 0.1 Ah"],
    [{ battery_capacity: 10.005 }, "battery_capacity: must be a multiple of 0.01 Ah"],
    [{ series_cells: 15.5 }, "series_cells: must be a whole number"],
    [{ series_cells: "many" }, "series_cells: must be a number"],
    [{ series_cells: null }, "series_cells: must be a number"],
    [{ series_cells: NaN }, "series_cells: must be a number"],
    [{ discharge_over_current_timeout: 31 }, "discharge_over_current_timeout: 31 is above the maximum 30 s"],
    [{ discharge_over_current_timeout: 300 }, "discharge_over_current_timeout: must be 0 to 30 s"],
    [{ enable_charge_restart_level: 2 }, "enable_charge_restart_level: must be 0 to 1"],
    [{ precharge_pin: 1 }, /^precharge_pin: must be one of 0=disabled, 2=discharge_fet/],
    [{ distance_unit: "furlong" }, "distance_unit: must be one of 1=meter, 2=kilometer, 3=feet, 4=mile, 5=yard"],
    [{ over_heat_cutoff: 55, reserved: 1 }, "reserved: is no setting"],
    [{ option_flags: 1 }, "option_flags: is no setting"],
    [
      { over_heat_cutoff: 55, set_state_of_charge: 50 },
      "set_state_of_charge: must be changed alone, because it cannot be taken back",
    ],
  ];
  for (const [changes, reason] of refused) {
    it(`refuses ${JSON.stringify(changes)}`, () => {
      const b = bench(),
        before = block(b),
        talk = change(b, changes);
      assert.equal(talk.outcome, "refused");
      if (typeof reason === "string") assert.equal(talk.reason, reason);
      else assert.match(talk.reason, reason);
      assert.deepEqual([b.written, block(b)], [[], before]);
    });
  }

  it("goes by the unit's own limits, and by the printed ones where a neighbour moves too", () => {
    const b = bench(),
      bound = b.unit.bound;
    b.unit.bound = (kind, address) => (kind === "max" && address === 318 ? 160 : bound(kind, address));
    assert.equal(
      change(b, { charge_over_current_cutoff: 161 }).reason,
      "charge_over_current_cutoff: 161 is above the maximum 160 A",
    );
    assert.equal(change(b, { charge_over_current_cutoff: 160 }).outcome, "ok");
    assert.equal(change(b, { fully_charged_voltage: 3900, over_voltage_cutoff: 3910 }).outcome, "ok");
  });

  it("writes nothing when the limits cannot be read", () => {
    const b = bench();
    b.lose = (step) => step === 2;
    assert.equal(change(b, { over_heat_cutoff: 55 }).reason, "limits of the settings: the BMS does not answer");
    b.lose = () => false;
    b.faults.set("nack");
    assert.match(change(b, { over_heat_cutoff: 55 }).reason, /^settings: the BMS refuses it/);
    assert.deepEqual(b.written, []);
  });

  it("says when the unit is locked", () => {
    const b = bench(),
      before = block(b);
    b.faults.set("locked");
    const talk = change(b, { over_heat_cutoff: 55, series_cells: 15 });
    assert.equal(talk.outcome, "refused");
    assert.equal(talk.reason, "series_cells: the BMS refuses it (CMD ERROR); it may be locked; nothing was changed");
    assert.deepEqual(block(b), before);
  });

  it("takes a state of charge that is read back as taken over", () => {
    const b = bench();
    assert.equal(change(b, { set_state_of_charge: 80 }).outcome, "ok");
    b.words[328] = 0xffff;
    const taken = b.unit.write;
    b.unit.write = (writes) => {
      taken(writes);
      b.words[328] = 0xffff;
      return true;
    };
    const talk = change(b, { set_state_of_charge: 81 });
    assert.deepEqual([talk.outcome, talk.undo], ["ok", {}]);
    b.unit.write = (writes) => {
      taken(writes);
      b.words[328] = 1000;
      return true;
    };
    const wrong = change(b, { set_state_of_charge: 82 });
    assert.deepEqual(
      [wrong.outcome, wrong.reason],
      ["unsure", "set_state_of_charge: reads back 2 instead of 82; it cannot be taken back"],
    );
  });

  const three = { over_voltage_cutoff: 3700, charger_type: "can_reserved", over_heat_cutoff: 55 };
  it("brings all back when the second write is refused", () => {
    const b = bench(),
      before = block(b);
    b.refuse = (writes) => writes[0][0] === 330;
    const talk = change(b, three);
    assert.deepEqual(
      [talk.outcome, talk.reason],
      ["refused", "charger_type: the BMS refuses it (CMD ERROR); all settings are as before"],
    );
    assert.ok(b.written.length > 0);
    assert.deepEqual(block(b), before);
  });

  it("goes the way back in the opposite order", () => {
    const b = bench(),
      before = block(b);
    let refusals = 1;
    b.refuse = (writes) => writes[0][0] === 316 && refusals-- > 0;
    const talk = change(b, {
      fully_charged_voltage: 4100,
      fully_discharged_voltage: 3500,
      over_voltage_cutoff: 4200,
      under_voltage_cutoff: 3400,
    });
    assert.match(talk.reason, /^under_voltage_cutoff: .*all settings are as before$/);
    assert.deepEqual(addresses(b).flat(), [315, 300, 301, 301, 300, 315]);
    assert.deepEqual(block(b), before);
  });

  it("brings all back when a read-back differs", () => {
    for (const times of [1, 2, 3]) {
      const b = bench(),
        before = block(b);
      b.faults.set("altered-write", { times });
      const talk = change(b, three);
      assert.equal(talk.outcome, "refused");
      assert.match(talk.reason, /^over_voltage_cutoff: reads back 3701 instead of 3700; all settings are as before$/);
      assert.deepEqual(block(b), before);
    }
    const b = bench(),
      before = block(b);
    b.faults.set("ignore-write", { times: 1 });
    assert.match(
      change(b, three).reason,
      /^over_voltage_cutoff: reads back 3650 instead of 3700; all settings are as before$/,
    );
    assert.deepEqual(block(b), before);
    b.faults.set("ignore-write");
    assert.match(
      change(b, three).reason,
      /^over_voltage_cutoff: reads back 3650 instead of 3700; nothing was changed$/,
    );
  });

  it("brings back a neighbour that moved by itself, and bits of a word that nobody named", () => {
    for (const [address, reason] of [
      [303, /^early_balancing_threshold: reads back 3351/],
      [319, /^over_heat_cutoff: reads back 54/],
    ] as const) {
      const b = bench(),
        before = block(b),
        write = b.unit.write;
      let once = true;
      b.unit.write = (writes) => {
        const done = write(writes);
        if (once && writes[0][0] === 319) {
          once = false;
          b.words[address] += address === 303 ? 1 : -1;
        }
        return done;
      };
      const talk = change(b, three);
      assert.equal(talk.outcome, "refused");
      assert.match(talk.reason, reason);
      assert.deepEqual(block(b), before);
    }
    const b = bench(),
      write = b.unit.write;
    let once = true;
    b.unit.write = (writes) => {
      const done = write(writes);
      if (once && writes[0][0] === 331) {
        once = false;
        b.words[331] |= 0x100;
      }
      return done;
    };
    const talk = change(b, { load_switch_type: 2 });
    assert.deepEqual(
      [talk.outcome, talk.reason],
      ["refused", "load_switch_type: another part of its register has changed; all settings are as before"],
    );
    assert.equal(b.words[331], 0);
  });

  it("finds out what was kept when a reply to a write is lost", () => {
    const b = bench(),
      before = block(b);
    // Carried out, but not answered.
    b.lose = (step, at) => step === 5 && at === 1;
    const talk = change(b, three);
    assert.deepEqual(
      [talk.outcome, talk.reason],
      ["refused", "over_heat_cutoff: the BMS does not answer; all settings are as before"],
    );
    assert.deepEqual(block(b), before);
  });

  it("says that it does not know when the line is dead after writing, and what could not be brought back", () => {
    const b = bench();
    b.lose = (step) => step === VERIFY;
    const talk = change(b, three);
    assert.deepEqual([talk.outcome, talk.reason], ["unsure", "settings after writing: the BMS does not answer"]);
    const c = bench();
    c.faults.set("altered-write");
    const worse = change(c, three);
    assert.equal(worse.outcome, "unsure");
    assert.match(
      worse.reason,
      /^over_voltage_cutoff: .*not everything could be brought back: over_voltage_cutoff: reads back/,
    );
  });

  it("never leaves a change half applied, whatever is asked and whatever the unit refuses", () => {
    const odd = fc.constantFrom(0, 1, -1, 70000, 0.5, NaN, "fet", "cc_cv", true, null);
    const one = fc.constantFrom(...settings).chain((row) => {
      const names = Object.keys(row.enum ?? {}).map(Number),
        plain = fc.integer({ min: row.min, max: row.max }).map((raw) => raw / row.per);
      const old = fc.integer({ min: -3, max: 3 }).map((by) => (startOf(row.key) + by) / row.per);
      return fc.tuple(
        fc.constant(row.key),
        fc.oneof(
          { weight: 6, arbitrary: names.length ? fc.constantFrom(...names) : fc.oneof(old, plain) },
          { weight: 1, arbitrary: odd },
        ),
      );
    });
    const fault = fc.constantFrom<FaultName | "">("", "", "altered-write", "ignore-write", "locked");
    const counts: Record<string, number> = { ok: 0, refused: 0, unsure: 0 };
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 5 }),
        fault,
        fc.integer({ min: 1, max: 3 }),
        fc.nat(43),
        (list, name, times, stubborn) => {
          const b = bench(),
            before = block(b),
            changes = Object.fromEntries(list);
          if (Object.keys(changes).some((key) => key.startsWith("set_"))) return;
          if (name) b.faults.set(name, { times });
          let refusals = 1;
          b.refuse = (writes) => writes[0][0] === 300 + stubborn && refusals-- > 0;
          const talk = change(b, changes);
          counts[talk.outcome]++;
          // the fault hit the way back as well: said, not hidden
          if (talk.outcome === "unsure") return assert.match(name, /-write/);
          if (talk.outcome === "ok") {
            assert.deepEqual(
              Object.keys(talk.done).map((key) => [key, valueIn(b.words, key)]),
              Object.entries(talk.done),
            );
            b.faults.clear();
            refusals = 0;
            assert.equal(change(b, talk.undo).outcome, "ok");
          } else {
            assert.notEqual(talk.reason, "");
          }
          assert.deepEqual(block(b), before);
        },
      ),
      { numRuns: 600 },
    );
    assert.ok(counts.ok > 50 && counts.refused > 50, JSON.stringify(counts));
  });
});

/** A setting of the unit in its unit of measure, read apart from the firmware. */
function valueIn(words: Uint16Array, key: string): number {
  const { register, lsb, width, signed, per } = settings.find((row) => row.key === key)!;
  const raw =
    width === 32 ? words[register] + 65536 * words[register + 1] : Math.floor(words[register] / 2 ** lsb) % 2 ** width;
  return (signed && raw >= 0x8000 ? raw - 0x10000 : raw) / per;
}

/** The raw number that the unit starts with. */
function startOf(key: string): number {
  return Math.round(valueIn(bench().words, key) * settings.find((row) => row.key === key)!.per);
}
