// `npm run mutate -- --seed 1 --count 100`: seeded small faults in battery, charge control, bms, victron and config,
// one at a time, in a copy of the project. A fault that no unit test notices is a survivor: its line is printed, and
// somebody has to say why.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Command } from "commander";
import { root } from "../build/board";
import { authoredTables } from "../build/tables";
import { seededRandom } from "../simulator/random";
import { endWithReader } from "../stdout";
import { chosen, mutantsOf, mutated, type Mutant } from "./mutants";

/** Folders of the firmware, and the tests that look at each: those nearest first. None of them builds an image. */
const AREAS: Record<string, string[]> = {
  battery: [
    "test/battery",
    "test/charge",
    "test/settings/judge.test.ts",
    "test/publish/battery-json.test.ts",
    "test/bms",
    "test/victron",
  ],
  charge: ["test/charge", "test/battery", "test/settings/judge.test.ts", "test/victron/task.test.ts"],
  bms: ["test/bms", "test/tinybms", "test/battery"],
  victron: ["test/victron", "test/can/candump.test.ts", "test/can/tools.test.ts"],
  config: [
    "test/config",
    "test/settings/judge.test.ts",
    "test/api/routes.test.ts",
    "test/publish/discovery-bounds.test.ts",
  ],
};
const COPIED = [
  "firmware",
  "tools",
  "test",
  "boards",
  "package.json",
  "tsconfig.json",
  "tsconfig.base.json",
  ".mocharc.json",
];

/** Tests that wait for ever take no processor time: so much longer than it they may take by the clock. */
const REAL_TIME_FACTOR = 20;

type Verdict = "killed" | "timeout" | "SURVIVED";

/** Source files of an area that a mutant makes sense in: not generated, not a table that is baked. */
function filesOf(area: string): string[] {
  return readdirSync(join(root, "firmware", area))
    .filter((name) => name.endsWith(".ts") && !name.includes(".baked."))
    .map((name) => `firmware/${area}/${name}`)
    .filter((path) => !authoredTables.includes(path.slice("firmware/".length, -".ts".length)));
}

/** Test files by their place, as they are when the run begins. */
const testsOf = new Map<string, string[]>();

/** The test files at a place; those in the interpreter take too long. */
function testsAt(place: string): string[] {
  if (place.endsWith(".ts")) return [place];
  const known = testsOf.get(place),
    found = (): string[] =>
      readdirSync(join(root, place))
        .filter((name) => name.endsWith(".test.ts") && !name.includes("interpreter"))
        .map((name) => `${place}/${name}`);
  const tests = known ?? found();
  testsOf.set(place, tests);
  return tests;
}

/** Tests that take a minute and more: they are asked about what the others did not notice. */
const SLOW = ["charge/properties", "closed-loop", "flood", "exchange"];
const isSlow = (path: string): boolean => SLOW.some((name) => path.includes(name));

/**
 * The tests of an area in the order in which they are asked: those that have the file's name first; with `quick`
 * without the slow ones.
 */
function stagesOf(area: string, quick: boolean, file = ""): string[][] {
  const stages = AREAS[area]!.map(testsAt),
    slow = stages.flat().filter(isSlow),
    word = basename(file).split(/[-.]/)[0]!,
    near = stages.flat().filter((path) => word !== "" && basename(path).startsWith(word) && !isSlow(path));
  return [near, stages.flat().filter((path) => !isSlow(path) && !near.includes(path)), quick ? [] : slow].filter(
    (tests) => tests.length > 0,
  );
}

/** A copy of the project whose sources can be spoilt. */
function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "tinybms-mutate-"));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/**
 * Whether tests fail in the copy; null when they do not end within `limit_s` of processor time: on a busy machine they
 * take longer, not more.
 */
function fails(folder: string, tests: string[], limit_s: number): Promise<boolean | null> {
  return new Promise((done) => {
    const mocha = [
        "--import=tsx/esm",
        join(root, "node_modules/mocha/lib/cli/cli.js"),
        "--bail",
        "--exit",
        "--reporter",
        "min",
      ],
      limited = ["-c", 'ulimit -t "$0"; exec node "$@"', String(limit_s), ...mocha, ...tests],
      child = spawn("sh", limited, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.resume();
    child.stderr.resume();
    const timer = setTimeout(() => child.kill("SIGKILL"), limit_s * 1000 * REAL_TIME_FACTOR);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      done(signal ? null : code !== 0);
    });
  });
}

interface Options {
  seed: number;
  count: number;
  area: string[];
  limit: number;
  quick: boolean;
  list?: boolean;
}

async function judge(folder: string, mutant: Mutant, { limit, quick }: Options): Promise<Verdict> {
  const path = join(folder, mutant.file),
    text = readFileSync(path, "utf8"),
    area = mutant.file.split("/")[1]!;
  try {
    writeFileSync(path, mutated(text, mutant));
    for (const tests of stagesOf(area, quick, mutant.file)) {
      const failed = await fails(folder, tests, limit);
      if (failed !== false) return failed === null ? "timeout" : "killed";
    }
    return "SURVIVED";
  } finally {
    writeFileSync(path, text);
  }
}

async function run(options: Options): Promise<void> {
  const { seed, count, area, limit, quick, list } = options;
  const all = area.flatMap(filesOf).flatMap((file) => mutantsOf(file, readFileSync(join(root, file), "utf8"))),
    picked = chosen(all, count, seededRandom(seed)),
    verdicts: Verdict[] = [];
  const shown = ({ file, line, before, after }: Mutant): string =>
    `${file}:${line}  ${before.replace(/\s+/g, " ").slice(0, 60)}  ->  ${after.replace(/\s+/g, " ").slice(0, 60)}`;
  console.log(`${picked.length} of ${all.length} mutants, seed ${seed}`);
  if (list) return picked.forEach((mutant) => console.log(shown(mutant)));
  const folder = copyProject();
  try {
    const tests = [...new Set(area.flatMap((name) => stagesOf(name, quick).flat()))];
    if ((await fails(folder, tests, area.length * limit)) !== false)
      throw new Error(`without a mutant these fail, or take too long: ${tests.join(" ")}`);
    if (!(await fails(folder, ["test/no-such.test.ts"], limit))) throw new Error("no test is run at all");
    for (const mutant of picked) {
      verdicts.push(await judge(folder, mutant, options));
      console.log(`${verdicts.at(-1)!.padEnd(8)} ${shown(mutant)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const were = (wanted: Verdict): number => verdicts.filter((verdict) => verdict === wanted).length;
  console.log(
    `killed ${were("killed")} of ${verdicts.length}, and ${were("timeout")} by a test that did not end; seed ${seed}`,
  );
}

const command = new Command("mutate")
  .description("puts small faults into the firmware, one at a time, and tells which of them no unit test notices")
  .option("--seed <n>", "which of all mutants", Number, 1)
  .option("--count <n>", "how many", Number, 100)
  .option("--area <name...>", "folders of the firmware", Object.keys(AREAS))
  .option(
    "--limit <s>",
    "processor time for the tests of a folder; a mutant that makes them take more counts as noticed, and apart",
    Number,
    300,
  )
  .option("--quick", "without the tests that take a minute and more", false)
  .option("--list", "print them only")
  .parse();

const options = command.opts<Options>(),
  unknown = options.area.filter((name) => !(name in AREAS));
if (unknown.length) command.error(`error: no area ${unknown.join(", ")}; there are ${Object.keys(AREAS).join(", ")}`);
endWithReader();
await run(options);
