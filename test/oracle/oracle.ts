// The oracle: plays a story to the built image on the virtual clock, and judges every 0x351 and 0x35A by the spec
// alone, their absence too.
import { repeat } from "../../tools/host/clock";
import { ALARMS, CELLS, CHARGE, LIMITS, MEASURED } from "../system/rig";
import { startVirtual, type OwnFrame } from "../system/virtual";
import { judgeAlarms, type AlarmsJudge } from "./alarms";
import { watchFaults } from "./faults";
import { follow, SETTINGS_FIRST, type Known } from "./known";
import { judgeLimits, type LimitsJudge } from "./limits";
import { listen } from "./line";
import { isFailingAt, phasesOf, type Work } from "./phases";
import { storyOf, type Episode, type Focus } from "./story";
import { takeOver } from "./world";

/** Something that the spec does not allow. */
export interface Wrong {
  at_s: number;
  what: string;
  section: string;
  expected: string;
  seen: string;
  /** What the oracle held possible then. */
  context: string;
}

export interface Play {
  /** One that can be broken (test/fixtures/image.ts): stories let a part of it throw. */
  image: string;
  seed: number;
  seconds: number;
  focus: Focus;
  /** Only these episodes of the story. */
  keep?: number[];
  /** So much of the story is left out before, s. */
  from?: number;
  /** Ends with so many faults found. */
  most?: number;
  /** What is judged in place of a frame, null: nothing. So the oracle itself is tested. */
  tamper?(frame: OwnFrame): OwnFrame | null;
  /** Told of each frame that is judged. */
  watch?(text: string): void;
}

export interface Played {
  wrong: Wrong[];
  story: Episode[];
  limits: number;
  alarms: number;
  console: string[];
}

const TICK_MS = 100,
  /** A step of the oracle falls between those of the device. */
  OFFSET_MS = 37;
/**
 * Longest time without 0x351 (1.5 s, and the look of this judge), and without 0x35A, which may lose the bus to the GX's
 * frame and then waits for the next second; ms.
 */
const LIMITS_GAP_MS = 1600,
  ALARMS_GAP_MS = 2400,
  /** From the moment that frames must come to the first. */
  BEGIN_MS = 2600,
  /** "At once" for a reading that is asked again: the other groups may be due before it. */
  ASK_AGAIN_MS = 2000;
const SAME_MS = 20000,
  MOST = 12;

const word = (data: number[], at: number): number => data[at] | (data[at + 1] << 8);

/** Cells of a run: mostly 16. */
const cellsOf = (seed: number): number => [16, 16, 16, 14, 16, 8][seed % 6];

/** Play one story. */
export function play({ image, seed, seconds, focus, keep, from = 0, most = MOST, tamper, watch }: Play): Played {
  const rig = startVirtual({ image, seed, scenario: "idle", settings: { mqtt: { enabled: false } } });
  const line = listen(rig),
    faults = watchFaults(
      line,
      () => known,
      () => isFailingAt(work, now()),
    );
  const world = takeOver(rig, cellsOf(seed), seed, faults);
  const wrong: Wrong[] = [],
    saidAt = new Map<string, number>();
  let known: Known, limits: LimitsJudge, alarms: AlarmsJudge, phases: ReturnType<typeof phasesOf>;
  let work: Work = { since: NaN, until: -Infinity },
    deaths = 0,
    limitsAt = NaN,
    alarmsAt = NaN,
    demandedSince = NaN;
  const counts = { limits: 0, alarms: 0 };
  const now = (): number => rig.clock.now();
  let steppedAt = 0;
  const stepFaults = (): void => {
    faults.step(now(), (now() - steppedAt) / 1000);
    steppedAt = now();
  };

  function report(what: string, section: string, expected: string, seen: string): void {
    const before = saidAt.get(what) ?? -Infinity;
    saidAt.set(what, now());
    if (now() - before < SAME_MS) return;
    wrong.push({
      at_s: now() / 1000,
      what,
      section,
      expected,
      seen,
      context: `${limits.describe()} ${alarms.describe()}`,
    });
  }

  function begin(): void {
    line.onReply.length = 0;
    line.forget();
    known = follow(line);
    work = { since: NaN, until: -Infinity };
    phases = phasesOf(known, work);
    const look = (): ReturnType<typeof phases.look> => phases.look(now());
    limits = judgeLimits({ known, faults, phases: look, wrong: report });
    alarms = judgeAlarms({ known, faults, line, phases: look, wrong: report });
    limitsAt = alarmsAt = demandedSince = NaN;
    faults.started(now(), world.unordered());
  }
  begin();

  rig.frames.push((frame) => {
    const told = tamper ? tamper(frame) : frame,
      moment = now();
    if (!told) return;
    const { id, data, at } = told;
    stepFaults();
    if (id === LIMITS) {
      counts.limits++;
      limits.judge({
        at: moment,
        cvl: word(data, 0) / 10,
        ccl: word(data, 2) / 10,
        dcl: word(data, 4) / 10,
        low: word(data, 6) / 10,
      });
      limitsAt = moment;
      watch?.(
        `${(moment / 1000).toFixed(3)} 351 ${word(data, 0) / 10} ${word(data, 2) / 10} ${word(data, 4) / 10} ${limits.describe()}`,
      );
    } else if (id === ALARMS) {
      counts.alarms++;
      if (!limits.maySend()) report("alarms while silent", "README 4", "no frame", Buffer.from(data).toString("hex"));
      else alarms.judge(moment, data);
      alarmsAt = moment;
      watch?.(`${(moment / 1000).toFixed(3)} 35A ${Buffer.from(data).toString("hex")}`);
    } else if ([CHARGE, MEASURED, CELLS].includes(id)) {
      const p = phases.look(moment);
      if (!p.boot && !p.normal && !p.degraded)
        report("values while lost", "README 4", "no frame", id.toString(16) + ` at ${at}`);
    } else if (!limits.maySend()) report("a frame while silent", "README 4", "no frame", id.toString(16));
  });

  function lookForSilence(): void {
    if (!limits.mustSend()) demandedSince = NaN;
    else if (isNaN(demandedSince)) demandedSince = now();
    const late = (at: number, gap: number): boolean =>
      now() - Math.max(isNaN(at) ? -Infinity : at, demandedSince + BEGIN_MS - gap) > gap;
    if (late(limitsAt, LIMITS_GAP_MS)) report("no 0x351", "README 9", "each second", `last at ${limitsAt}`);
    if (late(alarmsAt, ALARMS_GAP_MS)) report("no 0x35A", "README 9", "each second", `last at ${alarmsAt}`);
    const { askAgainAt } = known;
    if (!isNaN(askAgainAt)) {
      if (line.asked[SETTINGS_FIRST] > askAgainAt) known.askAgainAt = NaN;
      else if (now() - Math.max(askAgainAt, line.cleanSince) > ASK_AGAIN_MS) {
        report("settings not asked again", "README 1.5", `at once after ${askAgainAt}`, "not asked");
        known.askAgainAt = NaN;
      }
    }
  }

  const restartDevice = (): void => {
    rig.restart();
    begin();
  };
  const fail = (step: string): void => {
    rig.device.global.broken = step;
    if (step) work.since = now();
    else if (!isNaN(work.since)) Object.assign(work, { since: NaN, until: now() });
  };
  rig.clock.schedule(OFFSET_MS, () =>
    repeat(rig.clock, TICK_MS, () => {
      // Its watchdog: three exceptions in a minute, and it is not fed any more.
      if (rig.deaths.length > deaths) {
        deaths = rig.deaths.length;
        restartDevice();
      }
      stepFaults();
      limits.tick(now());
      alarms.tick(now());
      lookForSilence();
    }),
  );
  const story = storyOf(seed, from + seconds, focus)
    .map((episode) => ({ ...episode, at_s: episode.at_s - from }))
    .filter(({ index, at_s }) => at_s >= 0 && (!keep || keep.includes(index)));
  const scene = { world, rig, restartDevice, fail, reread: () => faults.reread(now()) };
  for (const episode of story) {
    rig.clock.schedule(episode.at_s * 1000 + 11, () => {
      watch?.(`${(now() / 1000).toFixed(3)} --- ${episode.index} ${episode.name} for ${episode.for_s} s`);
      episode.begin(scene);
    });
    if (episode.for_s > 0)
      rig.clock.schedule((episode.at_s + episode.for_s) * 1000 + 17, () => {
        watch?.(`${(now() / 1000).toFixed(3)} --- ${episode.index} ends`);
        episode.end(scene);
      });
  }
  while (now() < seconds * 1000 && wrong.length < most) rig.clock.run(1000);
  rig.device.dispose();
  return { wrong, story, ...counts, console: rig.console };
}

/** The episodes of a story that are needed for its first fault, by leaving out what is not; `tries` plays at most. */
export function shrink(options: Play, { wrong, story }: Played, tries = 30): { keep: number[]; first: Wrong } {
  let keep = story.filter(({ at_s }) => at_s <= wrong[0].at_s).map(({ index }) => index),
    first = wrong[0],
    part = Math.ceil(keep.length / 2);
  for (let left = tries, at = 0; left > 0 && keep.length > 1; left--) {
    const fewer = [...keep.slice(0, at), ...keep.slice(at + part)];
    const again = play({ ...options, keep: fewer, most: 1, seconds: Math.ceil(first.at_s) + 30 });
    const same = again.wrong.find(({ what }) => what === wrong[0].what);
    if (same) {
      keep = fewer;
      first = same;
    } else at += part;
    if (at >= keep.length) {
      if (part === 1) break;
      part = Math.ceil(part / 2);
      at = 0;
    }
  }
  return { keep, first };
}

/** A fault as a person reads it. */
export function textOf({ at_s, what, section, expected, seen, context }: Wrong): string {
  return `${at_s.toFixed(2)} s: ${what}: seen ${seen}, expected ${expected} (${section})\n      ${context}`;
}
