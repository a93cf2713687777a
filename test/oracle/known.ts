// What the device may and must take for true of the battery, from the replies that reached it: measurements, cells,
// settings. Where a reply may or may not have been taken there are several candidates, and the judges allow what lies
// between them.
import { planOf, type Plan, type Reading, type Settings } from "./spec";
import type { Line, Reply } from "./line";

/** A reply of the fast group (registers 36 to 52). */
export interface Fast extends Reading {
  at: number;
  isSure: boolean;
  isPlausible: boolean;
}

/** A reply of the cell block. */
export interface Cells {
  at: number;
  isSure: boolean;
  isPlausible: boolean;
  volts: number[];
  sum: number;
  highest: number;
  lowest: number;
}

/** A reply with all settings, 300 and on. */
interface SettingsRead {
  at: number;
  words: Settings;
  isSure: boolean;
}

export interface Known {
  fast: Fast[];
  cells: Cells[];
  /**
   * When settings came last that may count as fresh, and that do for sure: a change may wait for the second equal reply
   * (README 1.5).
   */
  settingsAt: number;
  settingsSureAt: number;
  detected: number;
  /** The plan that counts, with those that must narrow it and those that may; empty before the first settings. */
  plans(now: number): { must: Plan[]; may: Plan[] };
  /** A settings reply was implausible or differed: they must be asked again from `SETTINGS_FIRST` on (README 1.5). */
  askAgainAt: number;
  onFast: ((fast: Fast) => void)[];
  onCells: ((cells: Cells) => void)[];
}

const MOST_CANDIDATES = 8,
  /** So long other settings may wait for the second reading, which is asked for at once; each has two replies; ms. */
  TWICE_MS = 2500,
  /** From a settings reply to the step that uses it, ms. */
  SETTLED_MS = 1300;
/** First register of the settings. */
export const SETTINGS_FIRST = 300;
const FAST_FIRST = 36,
  FAST_LAST = 50,
  SETTINGS_LAST = 343,
  ABSENT = -32768;

const float = new DataView(new ArrayBuffer(4));

function floatOf(low: number, high: number): number {
  float.setUint16(0, high);
  float.setUint16(2, low);
  return float.getFloat32(0);
}

const signed = (word: number): number => (word << 16) >> 16;

function temperatureOf(word: number): number {
  return signed(word) === ABSENT ? NaN : signed(word) / 10;
}

function isTemperature(value: number): boolean {
  return isNaN(value) || (value >= -45 && value <= 125);
}

/** Plausibility, as far as this group goes (README 1.2). */
function isPlausibleFast(reading: Reading, plan: Plan | undefined): boolean {
  const { vMin, vMax, pack, current, soc, t1, t2, internal } = reading;
  const most = plan ? 1.5 * Math.max(plan.settings[317], plan.settings[318]) : Infinity;
  return (
    vMin >= 0.5 &&
    vMax <= 5 &&
    vMin <= vMax &&
    pack > 0 &&
    Math.abs(current) <= most &&
    soc >= 0 &&
    soc <= 101 &&
    [t1, t2, internal].every(isTemperature)
  );
}

function fastOf(words: (register: number) => number, at: number, isSure: boolean, plan: Plan | undefined): Fast {
  const reading: Reading = {
    pack: floatOf(words(36), words(37)),
    current: floatOf(words(38), words(39)),
    vMin: words(40) / 1000,
    vMax: words(41) / 1000,
    t1: temperatureOf(words(42)),
    t2: temperatureOf(words(43)),
    soc: (words(46) + words(47) * 0x10000) / 1e6,
    internal: signed(words(48)) / 10,
    status: words(50),
  };
  return { ...reading, at, isSure, isPlausible: isPlausibleFast(reading, plan) };
}

/** A block that does not add up with the pack voltage (1 % and 0.1 V) may count as missing (README 1.2). */
function addsUp({ sum }: Cells, fast: Fast[]): boolean {
  return fast.every(({ pack }) => Math.abs(sum - pack) <= pack / 100 + 0.1 - 1e-6);
}

/**
 * The cells of a block 0..15 (README 1.3: the named registers are 16-N..15; where they hold a zero and the others do
 * not, those).
 */
function cellsOf(words: number[], n: number, at: number, isSure: boolean): Cells {
  const named = words.slice(16 - n),
    others = words.slice(0, n),
    used = named.includes(0) && !others.includes(0) ? others : named;
  const volts = used.map((word) => word / 10000),
    highest = Math.max(...volts),
    lowest = Math.min(...volts);
  return {
    at,
    isSure,
    isPlausible: lowest >= 0.5 && highest <= 5,
    volts,
    sum: volts.reduce((sum, volt) => sum + volt, 0),
    highest,
    lowest,
  };
}

/** Registers that cannot be so in any battery: README 1.5. */
const RANGES: Record<number, [number, number]> = {
  300: [1200, 4500],
  301: [1000, 3500],
  306: [10, 65500],
  307: [4, 16],
  315: [1200, 4500],
  316: [800, 3500],
  317: [1, 750],
  318: [1, 750],
};

function isPlausibleBlock(first: number, words: number[]): boolean {
  return Object.entries(RANGES).every(([register, [low, high]]) => {
    const word = words[Number(register) - first];
    return word === undefined || (word >= low && word <= high);
  });
}

/** Settings without which there is no plan. */
const NEEDED = [300, 301, 303, 306, 307, 315, 316, 317, 318, 319, 320, 321, 329, 340];

const isSame = (a: Settings, b: Settings): boolean => Object.keys(a).every((key) => a[Number(key)] === b[Number(key)]);

function keepSinceSure<T extends { isSure: boolean; isPlausible: boolean }>(list: T[], item: T): void {
  if (item.isSure && item.isPlausible) list.length = 0;
  list.push(item);
  if (list.length > MOST_CANDIDATES) list.splice(1, 1);
}

/** Follow the replies on a line. */
export function follow(line: Line): Known {
  /** What counts; what came since and is not confirmed; the last one; what counted until `confirmedAt`. */
  let counts: Settings | null = null,
    pending: SettingsRead[] = [],
    last: SettingsRead | null = null,
    before: Settings[] = [],
    confirmedAt = -Infinity;
  /** The reading that is under way: the first of its replies has begun it. */
  let reading: SettingsRead = { at: NaN, words: {}, isSure: false };
  let cache: { must: Plan[]; may: Plan[] } | null = null,
    cachedUntil = 0;
  const known: Known = {
    fast: [],
    cells: [],
    settingsAt: -Infinity,
    settingsSureAt: -Infinity,
    detected: NaN,
    askAgainAt: NaN,
    onFast: [],
    onCells: [],
    plans(now) {
      if (!counts) return { must: [], may: [] };
      if (cache && now < cachedUntil) return cache;
      const must = [planOf(counts)],
        may = [...must];
      cachedUntil = Infinity;
      if (now - confirmedAt < SETTLED_MS) {
        may.push(...before.map(planOf));
        cachedUntil = confirmedAt + SETTLED_MS;
      }
      for (const set of pending) {
        const plan = planOf(set.words);
        may.push(plan);
        // What narrows counts at once: a second equal reply is not waited for (README 1.5).
        if (now - set.at > TWICE_MS && set.isSure && set === pending.at(-1)) must.push(plan);
        else if (now - set.at <= TWICE_MS) cachedUntil = Math.min(cachedUntil, set.at + TWICE_MS + 1);
      }
      cache = { must, may };
      return cache;
    },
  };
  const takeSet = (set: SettingsRead): void => {
    const isTwice = !!last && isSame(set.words, last.words),
      isKnown = !!counts && isSame(set.words, counts);
    known.settingsAt = set.at;
    cache = null;
    last = set;
    if (counts && !isTwice) {
      known.askAgainAt = set.at;
      pending.push(set);
      if (pending.length > MOST_CANDIDATES) pending.shift();
      return;
    }
    if (isTwice && set.isSure) known.settingsSureAt = set.at;
    if (isKnown && pending.length === 0) return;
    before = [...(counts ? [counts] : []), ...pending.map(({ words }) => words)];
    counts = set.words;
    pending = [];
    confirmedAt = set.at;
  };
  /**
   * Settings come in several replies, and count together: all that one reading brought, or nothing of it. What failed
   * between two of them may make the device begin anew.
   */
  const takeSettings = ({ first, words, at, isSure }: Reply): void => {
    if (!isPlausibleBlock(first, words)) {
      known.askAgainAt = at;
      reading = { at, words: {}, isSure: false };
      return;
    }
    if (first === SETTINGS_FIRST) reading = { at, words: {}, isSure: true };
    words.forEach((word, i) => (reading.words[first + i] = word));
    reading = { at, words: reading.words, isSure: reading.isSure && isSure && line.cleanSince <= reading.at };
    if (NEEDED.every((register) => register in reading.words)) {
      takeSet(reading);
      reading = { at, words: {}, isSure: false };
    }
  };
  line.onReply.push((reply) => {
    const { command, first, words, at, isSure } = reply,
      last = first + words.length - 1,
      plan = known.plans(at).must[0] as Plan | undefined;
    if (command !== 0x03 && command !== 0x07) return;
    if (first <= FAST_FIRST && last >= FAST_LAST && first >= 16) {
      const fast = fastOf((register) => words[register - first], at, isSure && first === FAST_FIRST, plan);
      keepSinceSure(known.fast, fast);
      known.onFast.forEach((tell) => tell(fast));
    }
    if (first <= 53 && last >= 53 && first >= 16) known.detected = words[53 - first];
    if (first === 0 && words.length >= 16 && plan) {
      const block = cellsOf(words.slice(0, 16), plan.n, at, isSure),
        cells = { ...block, isSure: block.isSure && addsUp(block, known.fast) };
      keepSinceSure(known.cells, cells);
      known.onCells.forEach((tell) => tell(cells));
    }
    if (first >= SETTINGS_FIRST && last <= SETTINGS_LAST) takeSettings(reply);
  });
  return known;
}
