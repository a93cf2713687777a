// Every alarm of the table raised and cleared once by a scenario of the simulator or a fault of the bus, in virtual
// time: when it comes, that it does not come too early, that it stays while it must, and where it is seen: in 0x35A as
// a GX reads it, and over HTTP.
import assert from "node:assert/strict";
import { alarmFields, alarmRows, type AlarmRow } from "../../firmware/tables/alarms";
import { plugGx } from "../../tools/can/gx";
import { decodeFrame } from "../../tools/can/decode";
import { alarmWays, nameOf, stagesOf, timesOf, type AlarmWay, type Stage } from "../../tools/simulator/alarm-scenarios";
import { ALARMS, imageText, type Status } from "./rig";
import { startVirtual, type OwnFrame, type VirtualRig } from "../../tools/host/virtual";
import { jsonOf } from "../../tools/host/virtual-network";

/**
 * From what the battery shows to the frame: a poll, a step of the alarms, a frame; and how much a timer may seem short,
 * s. An answer of the device takes a few looks at most.
 */
const LATEST_S = 3.5,
  EARLIEST_S = -1.5,
  LOOK_MS = 250,
  MOST_LOOKS = 8,
  /** Before the end of a stage HTTP is asked at each look, so that its last word is of that stage's end. */
  ENDING_S = 1.5;
/** An alarm that has a field is asked for over HTTP so much more seldom than it is looked for in the frame. */
const ASKED_EACH = 8;

/** What only the bus can show: with the fault each second, and without it. */
interface BusWay extends AlarmWay {
  fault(rig: VirtualRig): void;
  heal(rig: VirtualRig): void;
}

/** A start that nobody wanted is test/system/watchdog.test.ts, memory (node has none) test/care/ten-seconds.test.ts. */
const elsewhere = [
  { id: 50, level: 1 },
  { id: 52, level: 1 },
] as const;

const ack = (rig: VirtualRig): void => {
  rig.can.bus.partner = "ack";
};
const busWays: BusWay[] = [
  {
    id: 42,
    level: 1,
    at: {},
    late_s: 75,
    lateClear_s: 130,
    fault: (rig) => rig.can.fault.txError({ seg: 3, type: 0 }),
    heal: ack,
  },
  {
    id: 43,
    level: 1,
    at: {},
    late_s: 13,
    fault: (rig) => {
      rig.can.bus.partner = "none";
    },
    heal: ack,
  },
  {
    id: 44,
    level: 2,
    at: {},
    late_s: 20,
    lateClear_s: 12,
    fault: (rig) => {
      rig.can.bus.partner = "noEcho";
    },
    heal: ack,
  },
  {
    id: 45,
    level: 1,
    at: {},
    late_s: 11,
    fault: (rig) => {
      plugGx(rig.gx, false);
      ack(rig);
    },
    heal: (rig) => {
      if (!rig.gx.isPlugged) plugGx(rig.gx, true);
    },
  },
];

const rowOf = (id: number): AlarmRow => alarmRows.find((row) => row.id === id)!;

/** The level of a field in a frame 0x35A: 2 alarm, 1 warning, 0 none. */
function levelOf({ id, data }: OwnFrame, field: string): number {
  const pairs = decodeFrame(id, data)!
    .fields.filter(({ key }) => key === field)
    .map(({ value }) => value);
  return pairs[0] === "active" ? 2 : pairs[1] === "active" ? 1 : 0;
}

/** What each look saw: the time of the unit (s), and the levels in the frame and over HTTP. */
interface Seen {
  at_s: number;
  frame: number;
  http: number;
}

function watch(rig: VirtualRig, way: AlarmWay, stages: Stage[], end_s: number, bus?: BusWay): Seen[] {
  const seen: Seen[] = [],
    { field } = rowOf(way.id);
  let frame = 0,
    http = 0,
    busAt_s = 0;
  rig.frames.push((own) => {
    if (own.id === ALARMS && field) frame = levelOf(own, field);
  });
  const ask = (): void => {
    const answer = rig.get("/api/status");
    for (let looks = 0; !answer.isOver && looks < MOST_LOOKS; looks++) rig.clock.run(LOOK_MS);
    const status = jsonOf<Status>(answer);
    if (status) http = status.alarms.find(({ id }) => id === way.id)?.severity ?? 0;
  };
  // Stages follow the unit's time. The clock is ahead of it: no step of the unit is made while the image boots.
  for (let at_s = 0, looks = 0; at_s < end_s; at_s = rig.simulator.time_s(), looks++) {
    if (bus && at_s >= busAt_s) {
      busAt_s = Math.floor(at_s) + 1;
      (stages.findLast(({ from_s }) => at_s >= from_s)!.role === "at" ? bus.fault : bus.heal)(rig);
    }
    const isEnding = stages.some(({ from_s }) => from_s > at_s && from_s <= at_s + ENDING_S);
    if (field && looks % ASKED_EACH && !isEnding) rig.clock.run(LOOK_MS);
    else ask();
    seen.push({ at_s: rig.simulator.time_s(), frame, http });
  }
  return seen;
}

/** Where the alarm must be seen: in its field, or over HTTP when it has none; a bus that is broken shows nothing. */
const levelIn = (way: AlarmWay, look: Seen): number => (rowOf(way.id).field ? look.frame : look.http);

function judge(way: AlarmWay, stages: Stage[], seen: Seen[]): void {
  const { after, hold } = timesOf(way),
    { late_s = 0, lateClear_s = 0 } = way;
  const isOn = (look: Seen): boolean => levelIn(way, look) >= way.level;
  const during = (stage: Stage, i: number): Seen[] => {
    const to_s = stages[i + 1]?.from_s ?? Infinity;
    return seen.filter(({ at_s }) => at_s > stage.from_s && at_s <= to_s);
  };
  stages.forEach((stage, i) => {
    const looks = during(stage, i),
      from_s = stage.from_s,
      name = `${nameOf(way)}, stage ${stage.role}`;
    const first = (what: boolean): number => (looks.find((look) => isOn(look) === what)?.at_s ?? NaN) - from_s;
    if (["calm", "below", "short"].includes(stage.role))
      assert.ok(!looks.some(isOn), `${name}: raised after ${first(true)} s`);
    if (stage.role === "at") {
      assert.ok(
        first(true) >= after + EARLIEST_S && first(true) <= after + late_s + LATEST_S,
        `${name}: raised after ${first(true)} s, not ${after}`,
      );
      const last = looks.at(-1)!;
      assert.ok(last.http >= way.level, `${name}: HTTP says ${last.http}`);
    }
    if (stage.role === "between") assert.ok(looks.every(isOn), `${name}: cleared after ${first(false)} s`);
    if (stage.role === "clear") {
      assert.ok(
        first(false) >= hold + EARLIEST_S && first(false) <= hold + lateClear_s + LATEST_S,
        `${name}: cleared after ${first(false)} s, not ${hold}`,
      );
    }
  });
  const last = seen.at(-1)!;
  assert.deepEqual([last.frame, last.http], [0, 0], `${nameOf(way)}: still there at the end`);
}

describe("system: every alarm", () => {
  let image = "";
  const events = new Set<number>();
  before(async () => {
    image = await imageText();
  });

  function run(way: AlarmWay, scenario: string, bus?: BusWay): void {
    const { stages, end_s } = stagesOf(way),
      rig = startVirtual({ image, seed: 1, scenario, settings: { mqtt: { enabled: false } } });
    judge(way, stages, watch(rig, way, stages, end_s, bus));
    rig.simulator.battery.log(false).forEach(({ id }) => events.add(id));
    assert.deepEqual(
      rig.console.filter((line) => /^(task |fault: |Uncaught)/.test(line)),
      [],
    );
  }

  it("has a scenario for each of its levels", () => {
    const ways: Pick<AlarmWay, "id" | "level">[] = [...alarmWays, ...busWays, ...elsewhere];
    const missing = alarmRows.flatMap((row) =>
      [row.warning || row.warnWhile ? 1 : 0, row.alarm || row.alarmWhile || row.events ? 2 : 0]
        .filter((level) => level && !ways.some((way) => way.id === row.id && way.level === level))
        .map((level) => `${row.code} ${level}`),
    );
    assert.deepEqual(missing, []);
    for (const { field } of alarmRows) assert.ok(field === undefined || alarmFields.includes(field));
  });

  for (const way of alarmWays) it(nameOf(way), () => run(way, nameOf(way)));
  for (const way of busWays) it(`${nameOf(way)} (bus)`, () => run(way, "idle", way));

  it("was shown with each of its events", function () {
    if (events.size === 0) this.skip(); // a single test was asked for
    const wanted = alarmRows.flatMap((row) => [...(row.events ?? []), ...(row.warningEvents ?? [])]);
    assert.deepEqual(
      wanted.filter((id) => !events.has(id)),
      [],
    );
  });
});
