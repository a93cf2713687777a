// A limit that must fall falls with the reply that says so: every cause, in the built image with its work and its UART
// as on a chip. r300 3550, r301 2900, r315 3650, r316 2800; limits of a battery at rest are 55.2/135/180, at 3.35 V a
// cell.
import assert from "node:assert/strict";
import { imageText } from "./rig";
import { CELLS, EVENTS, FAST, repliesOf, SETTINGS, timeOfFall } from "./falls";
import { startUnit, type Readings, type Unit } from "./unit";

const REST = "55.2/135/180";
/** From the last byte to the frame; a release's UART is looked at each 100 ms. ms */
const MOST_MS = 120,
  LOOK_MS = 100;
/** Where in the second, and between two polls, the change comes, s. */
const PHASES = [0, 0.13, 0.29, 0.41, 0.57, 0.68, 0.83, 0.94];

type Limits = { cvl: number; ccl: number; dcl: number };
interface Row {
  name: string;
  /** What the battery reads before, when it does not rest. */
  before?: Readings;
  readings: Readings;
  group: number;
  most: Partial<Limits>;
  /** Only a reply counts that was asked for after one of this group. */
  behind?: number;
  /** Which reply of the group it is: settings count with the second equal one. */
  times?: number;
  /** No limit may be below these. */
  least?: Partial<Limits>;
}

const words = (changes: Record<string, number | null>): Readings => ({ words: changes });
const sensors = (celsius: number): Readings => words({ external_temp_1: celsius, external_temp_2: celsius });

const rows: Row[] = [
  // blocks
  {
    name: "own over-voltage by register 41",
    readings: words({ max_cell_voltage: 3630 }),
    group: FAST,
    most: { cvl: 52.8, ccl: 0 },
  },
  { name: "own over-voltage by the cells", readings: { raw: { 4: 36300 } }, group: CELLS, most: { cvl: 52.8, ccl: 0 } },
  {
    name: "own under-voltage by register 40",
    readings: words({ min_cell_voltage: 2820 }),
    group: FAST,
    most: { dcl: 0 },
  },
  { name: "own under-voltage by the cells", readings: { raw: { 4: 28200 } }, group: CELLS, most: { dcl: 0 } },
  { name: "charge factor 0 by cold", readings: sensors(-1), group: FAST, most: { ccl: 0 } },
  { name: "charge factor 0 by heat", readings: sensors(56), group: FAST, most: { ccl: 0 } },
  {
    name: "both factors 0 by the BMS itself",
    readings: words({ internal_temp: 90 }),
    group: FAST,
    most: { ccl: 0, dcl: 0 },
  },
  {
    name: "a status that nobody knows",
    readings: words({ online_status: 0x55 }),
    group: FAST,
    most: { ccl: 0, dcl: 0 },
  },
  { name: "status 0x9B: the charge", readings: { isUnexplained: true }, group: FAST, most: { ccl: 0 } },
  {
    name: "status 0x9B without a cause: the discharge",
    readings: { isUnexplained: true },
    group: EVENTS,
    behind: FAST,
    most: { dcl: 0 },
  },
  ...(
    [
      [0x02, 0],
      [0x04, 0],
      [0x05, 0],
      [0x07, 0],
      [0x0a, 0],
      [0x0b, 0],
      [0x0c, 0],
      [0x0d, 0],
      [0x0e, 0],
      [0x0f, 0],
      [0x03, 180],
      [0x06, 180],
    ] as const
  ).map(
    ([id, dcl]): Row => ({
      name: `fault 0x${id.toString(16).padStart(2, "0")}`,
      readings: { events: [id] },
      group: EVENTS,
      most: { ccl: 0, dcl, ...([0x03, 0x06, 0x07, 0x0b].includes(id) ? { cvl: 52.8 } : {}) },
      least: { dcl },
    }),
  ),
  { name: "warning 0x31", readings: { events: [0x31] }, group: EVENTS, most: { dcl: 0 } },
  { name: "warning 0x37", readings: { events: [0x37] }, group: EVENTS, most: { ccl: 0 } },
  // hard zone: the charge voltage
  { name: "hard zone", readings: { raw: { 4: 35000 } }, group: CELLS, most: { cvl: 53.7, ccl: 27 } },
  // tapers
  {
    name: "charge current by register 41",
    readings: words({ max_cell_voltage: 3455 }),
    group: FAST,
    most: { ccl: 123.8 },
  },
  { name: "charge current by the cells", readings: { raw: { 4: 34550 } }, group: CELLS, most: { ccl: 123.8 } },
  {
    name: "charge current further",
    before: words({ max_cell_voltage: 3470 }),
    readings: words({ max_cell_voltage: 3472 }),
    group: FAST,
    most: { ccl: 85.5 },
  },
  {
    name: "discharge current by register 40",
    readings: words({ min_cell_voltage: 3090 }),
    group: FAST,
    most: { dcl: 171 },
  },
  { name: "discharge current by the cells", readings: { raw: { 4: 30900 } }, group: CELLS, most: { dcl: 171 } },
  {
    name: "discharge current further",
    before: words({ min_cell_voltage: 3050 }),
    readings: words({ min_cell_voltage: 3045 }),
    group: FAST,
    most: { dcl: 130.5 },
  },
  { name: "cold", readings: sensors(3), group: FAST, most: { ccl: 45, dcl: 158.4 } },
  { name: "colder", before: sensors(3), readings: sensors(2), group: FAST, most: { ccl: 33.7, dcl: 151.2 } },
  { name: "one sensor cold", readings: words({ external_temp_1: 5 }), group: FAST, most: { ccl: 67.5 } },
  { name: "hot", readings: sensors(47), group: FAST, most: { ccl: 54, dcl: 144 } },
  { name: "the BMS itself hot", readings: words({ internal_temp: 76 }), group: FAST, most: { ccl: 74.2, dcl: 99 } },
  {
    name: "no sensor any more",
    readings: words({ external_temp_1: null, external_temp_2: null }),
    group: FAST,
    most: { ccl: 67.5, dcl: 90 },
  },
  // settings of the battery: with the second equal reply, in two pieces
  {
    name: "register 318 smaller",
    readings: { settings: { charge_over_current_cutoff: 100 } },
    group: SETTINGS,
    times: 2,
    most: { ccl: 90 },
  },
  {
    name: "register 317 smaller",
    readings: { settings: { discharge_over_current_cutoff: 100 } },
    group: SETTINGS,
    times: 2,
    most: { dcl: 90 },
  },
  {
    name: "a rule of the settings broken",
    readings: { settings: { option_flags: 0 } },
    group: SETTINGS,
    most: { ccl: 27 },
    times: 2,
  },
];

const isAtMost =
  (most: Partial<Limits>) =>
  (said: Limits): boolean =>
    (["cvl", "ccl", "dcl"] as const).every((key) => !(said[key] > (most[key] ?? Infinity) + 0.01));

describe("system: a limit that must fall falls at once", function () {
  this.timeout(600000);
  let image = "";
  before(async () => {
    image = await imageText();
  });

  function started(espruino: string, phase: number): Unit {
    const unit = startUnit({ image, espruino });
    unit.pass(30 + phase);
    assert.equal(unit.limits(), REST);
    return unit;
  }

  for (const [espruino, look] of [
    ["newest", 0],
    ["2v29", LOOK_MS],
  ] as const) {
    for (const { name, before, readings, group, behind, most, times = 1, least = {} } of rows) {
      it(`${espruino}: ${name}`, () => {
        for (const phase of group === SETTINGS ? [0, 0.5] : PHASES) {
          const unit = started(espruino, phase),
            replies = repliesOf(unit);
          if (before) {
            unit.read(before);
            unit.pass(5);
          }
          const from = unit.said.length,
            late = timeOfFall(unit, replies, { readings, group, behind, times, isMet: isAtMost(most) });
          assert.ok(late <= MOST_MS + look, `${late.toFixed(1)} ms, ${phase} s: ${unit.limits()}`);
          for (const said of unit.said.slice(from))
            for (const key of ["cvl", "ccl", "dcl"] as const)
              assert.ok(said[key] >= (least[key] ?? 0) - 0.01, `${key} ${said[key]}, ${phase} s`);
        }
      });
    }
  }
});
