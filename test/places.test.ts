// Names of places: where code counts what a table lists, the names stand in the table's order.
import assert from "node:assert/strict";
import * as words from "../firmware/battery/words.baked";
import * as phases from "../firmware/battery/snapshot";
import * as places from "../firmware/bms/places";
import * as reasons from "../firmware/charge/limits";
import * as charge from "../firmware/charge/memory";
import * as baked from "../firmware/publish/topics.baked";
import { groups, registers } from "../firmware/tables/registers";
import { chargeStates, phases as phaseNames, reasons as reasonNames, statuses } from "../firmware/tables/states";
import { classes, energyPeriods, energySides, families, onceTopics, stateTopics } from "../firmware/tables/topics";
import { planOf } from "../tools/bake/plan";

type Constants = Record<string, unknown>;

const constantOf = (name: string): string => name.toUpperCase().replace(/\W/g, "_");

/** The values of constants by name; undefined for one that there is not. */
const valuesOf = (of: Constants, names: readonly string[], prefix = ""): unknown[] =>
  names.map((name) => of[prefix + constantOf(name)]);

const counted = (list: readonly unknown[]): number[] => list.map((_, i) => i);

describe("places", () => {
  const tables: [string, Constants, readonly string[], string?][] = [
    ["poll groups", places, planOf().map(({ group }) => group)],
    ["families of rare topics", baked, families, "FAMILY_"],
    ["topics of a period", baked, stateTopics.map(({ suffix }) => suffix)],
    ["topics of a connection", baked, onceTopics.map(({ suffix }) => suffix)],
    ["classes of topics", baked, classes],
    ["sides of the energy", baked, energySides, "SIDE_"],
    ["periods of the energy", baked, energyPeriods, "PERIOD_"],
    ["phases", phases as unknown as Constants, phaseNames],
  ];
  for (const [what, constants, names, prefix] of tables)
    it(`${what} are named in the order of their table`, () =>
      assert.deepEqual(valuesOf(constants, names, prefix), counted(names)));

  it("groups without slots follow the settings", () => {
    const after = Object.keys(groups).slice(places.AFTER_SETTINGS);
    assert.deepEqual(after, ["extra", "statistics", "identity"]);
    assert.equal(baked.GROUP_STARTS.split(" ").length, after.length);
  });

  it("reasons and states of a charge are numbered as their names stand", () => {
    const { FRESH, USER, COLD, SUSTAINED, RECOVERING, CONFIG, EXTERNAL, LATE, GONE, MUTE } = reasons;
    assert.deepEqual(
      [FRESH, USER, COLD, SUSTAINED, RECOVERING, CONFIG, EXTERNAL, LATE, GONE, MUTE].map((i) => reasonNames[i]),
      ["fresh", "user", "cold", "sustain", "recovering", "config", "external", "degraded", "lost", "silent"],
    );
    const { BULK, ABSORPTION, FLOAT, HOLD, SUSTAIN } = charge;
    assert.deepEqual(
      [BULK, ABSORPTION, FLOAT, HOLD, SUSTAIN].map((i) => chargeStates[i]),
      ["BULK", "ABS", "FLOAT", "IMB_HOLD", "SUSTAIN"],
    );
  });

  it("the first name of a status is that of the first number", () => {
    const { STATUS_CHARGING, STATUS_IDLE, STATUS_FAULT } = words;
    assert.deepEqual(
      [STATUS_CHARGING, STATUS_IDLE, STATUS_FAULT].map((status) => statuses[status - STATUS_CHARGING]),
      ["charging", "idle", "fault"],
    );
  });

  it("words and addresses are those of the registers", () => {
    const addressOf = (key: string): number => registers.find((row) => row.key === key)!.at!;
    assert.equal(words.ESTIMATED_TIME_LEFT_WORD, addressOf("estimated_time_left") - 32);
    assert.equal(words.DETECTED_CELLS_WORD, addressOf("detected_cells") - 32);
    assert.equal(words.SERIAL_NUMBER_WORD, addressOf("serial_number") - 500);
    assert.equal(words.FULL_CHARGE_COUNT, addressOf("full_charge_count"));
  });

  it("the short round of the states ends before the first topic with the long period", () => {
    assert.equal(
      stateTopics.findIndex(({ every }) => every > 30),
      baked.RT_NETWORK_STATE,
    );
  });
});
