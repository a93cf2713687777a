// Charge control as the build makes it, in the interpreter: each case of its tests and random sequences give
// what node gives.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { limitsStep } from "../../firmware/charge/control";
import * as memorySlot from "../../firmware/charge/memory";
import { narrowLimits } from "../../firmware/charge/external.cold";
import type { Snapshot } from "../../firmware/battery/snapshot";
import { root } from "../../tools/build/board";
import { described, type Line, sessionOf } from "../../tools/charge/whatif";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { seededRandom } from "../../tools/simulator/random";
import { buildProject } from "../build/project";
import { stepWorld, type World, worldOf } from "../fixtures/charge";

/** What a step takes, as numbers only; unknown is null. */
interface Job {
  values: number[];
  snapshot: number[];
  events: number[];
  now: number;
  dt: number;
  state?: number[];
  settings?: number[];
  tables?: number[];
  external?: number[];
}

const main = `
import { limitsStep } from "${root}firmware/charge/control";
import { narrowLimits } from "${root}firmware/charge/external.cold";
import { limitsOf } from "${root}firmware/charge/limits";
import { snapshotOf } from "${root}firmware/battery/snapshot";
const snapshot = snapshotOf();
let limits = limitsOf();
function numbers(given: (number | null)[]): number[] {
  return given.map(function (x) { return x === null ? NaN : x; });
}
function shown(x: number): string {
  return isNaN(x) ? "-" : "" + Math.round(x * 1000);
}
global["run"] = function (text: string): void {
  const job = JSON.parse(text), given = numbers(job["snapshot"]);
  if (job["state"]) {
    limits = limitsOf();
    limits.state.set(numbers(job["state"]));
    limits.settings.set(numbers(job["settings"]));
    limits.tables = new Int16Array(job["tables"]);
  }
  snapshot.values.set(numbers(job["values"]));
  snapshot.phase = given[0]; snapshot.settingsAt = given[1]; snapshot.cells = given[2]; snapshot.firstCell = given[3];
  snapshot.highest = given[4]; snapshot.lowest = given[5]; snapshot.sum = given[6]; snapshot.topCell = given[7];
  snapshot.faults.low = job["events"][0]; snapshot.faults.high = job["events"][1];
  if (job["external"]) narrowLimits(limits, job["external"][0], job["external"][1], job["external"][2], job["external"][3]);
  const fell = limitsStep(limits, snapshot, job["now"], job["dt"]), s = limits.state;
  print("~" + shown(s[0]) + " " + shown(s[1]) + " " + shown(s[2]) + " " + s[${memorySlot.state}] + " " + s[${memorySlot.blocks}] + " " + s[${memorySlot.tc}] + " " + limits.reason + " " + limits.valid + " " + fell);
};
`;

const snapshotNumbers = (s: Snapshot): number[] => [
  s.phase,
  s.settingsAt,
  s.cells,
  s.firstCell,
  s.highest,
  s.lowest,
  s.sum,
  s.topCell,
];
const shown = (x: number): string => (isNaN(x) ? "-" : String(Math.round(x * 1000)));

/** What the script prints, said by node. */
function stepped({ limits, snapshot, now }: World, dt: number): string {
  const fell = limitsStep(limits, snapshot, now, dt),
    s = limits.state;
  return `~${shown(s[memorySlot.cvl])} ${shown(s[memorySlot.ccl])} ${shown(s[memorySlot.dcl])} ${s[memorySlot.state]} ${s[memorySlot.blocks]} ${s[memorySlot.tc]} ${limits.reason} ${limits.valid} ${fell}`;
}

function jobOf({ limits, snapshot, now }: World, dt: number, whole: boolean): Job {
  const memory = whole
    ? { state: Array.from(limits.state), settings: Array.from(limits.settings), tables: Array.from(limits.tables) }
    : {};
  return {
    values: Array.from(snapshot.values),
    snapshot: snapshotNumbers(snapshot),
    events: [snapshot.faults.low, snapshot.faults.high],
    now,
    dt,
    ...memory,
  };
}

const jsonOf = (job: Job): string => JSON.stringify(job);

/** Jobs and what node answers; the text of a job is made before its step. */
interface Tried {
  jobs: string[];
  expected: string[];
}

function tryLines(lines: Line[]): Tried {
  const tried: Tried = { jobs: [], expected: [] };
  for (const line of lines) {
    const { session, dt } = described(sessionOf(), line);
    tried.jobs.push(jsonOf(jobOf(session, dt, true)));
    tried.expected.push(stepped(session, dt));
  }
  return tried;
}

/** A random sequence: calm stretches, and now and then anything. */
function trySequence(seed: number, count: number, steps: number): Tried {
  const random = seededRandom(seed),
    world = worldOf(count, seed % 2 ? { soc_sync: true, soc_taper: true } : {}),
    tried: Tried = { jobs: [], expected: [] };
  const pick = (low: number, high: number): number => Math.round(low + random() * (high - low)),
    rare = (): boolean => random() < 0.1;
  let line: Line = {},
    level = 3400,
    top = 0,
    phase = 1;
  for (let i = 0; i < steps; i++) {
    if (rare()) [level, top] = [pick(2850, 3500), rare() ? pick(0, 250) : pick(0, 60)];
    if (rare())
      line = {
        current: pick(-50, 50),
        soc: rare() ? pick(0, 8) : pick(70, 100),
        tmin: rare() ? null : pick(-5, 25),
        tmax: pick(20, 60),
        tint: pick(20, 95),
        status: [0x97, 0x91, 0x92, 0x9b][pick(0, 3)],
        faults: rare() ? [pick(2, 15)] : rare() ? [[0x31, 0x37][pick(0, 1)]] : [],
      };
    phase = rare() ? pick(1, 4) : random() < 0.4 ? 1 : phase;
    const external = rare()
        ? [pick(50000, 56000), pick(0, 100), pick(0, 100), world.now + pick(1000, 40000)]
        : undefined,
      dt = rare() ? 20 : 1;
    if (external) narrowLimits(world.limits, external[0], external[1], external[2], external[3]);
    world.snapshot.phase = 0; // so that the fixture only sets the inputs
    stepWorld(
      world,
      new Array<number>(count).fill(level).map((mv, at) => mv + (at === 0 ? top : 0)),
      line,
      0,
    );
    world.snapshot.phase = phase;
    world.now += dt * 1000;
    tried.jobs.push(jsonOf({ ...jobOf(world, dt, i === 0), ...(external ? { external } : {}) }));
    tried.expected.push(stepped(world, dt));
  }
  return tried;
}

describe("charge control in the interpreter", () => {
  let interpreter: string, code: string;
  before(async function () {
    const found = findInterpreter();
    if (!found) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    interpreter = found;
    code = (await buildProject({ "main.ts": main })).code;
  });

  async function compare({ jobs, expected }: Tried): Promise<void> {
    const directory = temporaryDirectory();
    try {
      const script = join(directory.path, "script.js");
      writeFileSync(
        script,
        code + "\n" + jobs.map((job) => `run('${job}');\n`).join("") + 'setTimeout("quit()",1);\n',
        "latin1",
      );
      const printed = await runScript({ interpreter }, directory.path, script, 60_000);
      assert.doesNotMatch(printed, /Uncaught|ERROR|Interrupted|MEMORY/);
      assert.deepEqual(
        [...printed.matchAll(/~[^\r\n]*/g)].map(([line]) => line.trim()),
        expected,
      );
    } finally {
      directory.remove();
    }
  }

  it("the cases of node", async () => {
    const vectors = JSON.parse(readFileSync(root + "test/vectors/charge-control-vectors.json", "utf8")) as {
      line: Line;
    }[];
    await compare(tryLines(vectors.map(({ line }) => line)));
  });

  it("configurations that do not fit, nmc, missing sensors and values", async () => {
    const cells = new Array<number>(14).fill(3.3),
      configs: Line[] = [
        { r315: 3.59 },
        { r329: 0 },
        { r300: 4.2 },
        { r320: 3 },
        { v_bulk: 3.2 },
        {
          t_chg: [
            [10, 0.5],
            [30, 1],
          ],
        },
        { chemistry: "nmc", r300: 4.2, r301: 3, r315: 4.25, r316: 2.9 },
      ];
    await compare(
      tryLines([
        ...configs.map((config) => ({ cells, soc: 50, tmin: 8, config })),
        { cells, tmin: null, tmax: null },
        { cells, soc: null },
        { cells, tint: null },
      ]),
    );
  });

  for (const [seed, count] of [
    [1, 16],
    [2, 16],
    [3, 4],
    [4, 13],
  ]) {
    it(`random sequence ${seed} with ${count} cells`, async () => {
      const tried = trySequence(seed, count, 150);
      assert.ok(new Set(tried.expected).size > 30);
      await compare(tried);
    });
  }
});
