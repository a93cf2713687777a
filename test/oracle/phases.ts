// Which phases the device may be in, by the ages of what reached it (README 4). Between two
// bounds of the age several phases are allowed; none is that the age rules out.
import type { Known } from "./known";

export interface Phases {
  boot: boolean;
  normal: boolean;
  degraded: boolean;
  lost: boolean;
  silent: boolean;
  /** The work of each second has failed for so long that nothing but the fail-safe may be said. */
  overdue: boolean;
  /** It fails now: limits do not rise, and what falls little does not fall. */
  isFailing: boolean;
  /** The least and the greatest age that the data can have, ms. */
  least: number;
  most: number;
}

const DEGRADED_MS = 5000,
  LOST_MS = 15000,
  SILENT_MS = 75000,
  SETTINGS_EVERY_MS = 60000;
/** Ages are looked at each half second, limits follow in the next second (README 9). */
const LAG_MS = 1700,
  EARLY_MS = 100;
/**
 * The way back: three good snapshots in a row, at the soonest with three fast polls, at the latest with so many cell
 * blocks.
 */
const RECOVERY_SOONEST = 3,
  RECOVERY_LATEST = 5,
  IN_A_ROW_MS = 2600;
/** Cells and pack voltage that agree: 1 % and 0.1 V (README 1.2). */
const PART = 0.01,
  VOLTS = 0.1;

/** The work of each second of a device: since when it fails (NaN: it does not), and when it failed last, ms. */
export interface Work {
  since: number;
  until: number;
}

/** Limits that were not made for so long are replaced (README 4.2). */
const OVERDUE_MS = 3000,
  /** The last work that came to its end may be of a second before the first that failed. */
  SECOND_MS = 1600;

/** The work of each second fails, or may have failed in the last second. */
export const isFailingAt = (work: Work, now: number): boolean => !isNaN(work.since) || now - work.until < SECOND_MS;

/** A new start of the device. `look` gives what is allowed now. */
export function phasesOf(known: Known, work: Work): { look(now: number): Phases } {
  let completeAt = -Infinity, // of the last snapshot that counts for sure
    maybeFast = -Infinity,
    maybeCells = -Infinity;
  let soonest = 0, // good polls in a row, as the device may count them, and for sure
    latest = 0,
    rowAt = -Infinity,
    maybeRowAt = -Infinity;
  let isBootSure = true,
    isBootPossible = true,
    isLostSure = false,
    isLostPossible = false,
    isSilentSure = false,
    isSilentPossible = false,
    isDegradedPossible = false;
  const settingsAge = (now: number, at: number): number => Math.max(0, now - at - SETTINGS_EVERY_MS);

  function snapshot(now: number): void {
    const fast = known.fast.at(-1),
      cells = known.cells.at(-1);
    if (!fast || !cells) return;
    const isGood = fast.isPlausible && cells.isPlausible,
      doAgree = Math.abs(cells.sum - fast.pack) <= PART * fast.pack + VOLTS;
    if (!isGood || !doAgree || !fast.isSure || !cells.isSure) return;
    const at = Math.min(fast.at, cells.at);
    if (now - at < IN_A_ROW_MS) completeAt = at;
  }
  known.onFast.push((fast) => {
    if (!fast.isPlausible) {
      latest = 0;
      return;
    }
    if (fast.at - maybeRowAt > IN_A_ROW_MS) soonest = 0;
    maybeRowAt = maybeFast = fast.at;
    soonest++;
    snapshot(fast.at);
  });
  known.onCells.push((cells) => {
    if (!cells.isPlausible) {
      latest = 0;
      return;
    }
    maybeCells = cells.at;
    const before = completeAt;
    snapshot(cells.at);
    if (completeAt === before) latest = 0;
    else if (cells.at - rowAt > IN_A_ROW_MS) latest = 1;
    else latest++;
    rowAt = cells.at;
  });

  function look(now: number): Phases {
    const least = Math.max(now - Math.min(maybeFast, maybeCells), settingsAge(now, known.settingsAt)),
      most = Math.max(now - completeAt, settingsAge(now, known.settingsSureAt));
    if (least < Infinity) isBootSure = false;
    const isFailing = !isNaN(work.since),
      failedFor = isFailing ? now - work.since : 0;
    // Good snapshots in a row end a loss; while a group is old there is none.
    if (isLostPossible && most > DEGRADED_MS) latest = 0;
    if (latest >= RECOVERY_LATEST && most < DEGRADED_MS && !isFailing) isBootPossible = false;
    if (!isBootSure) {
      if (most > SILENT_MS - EARLY_MS) isSilentPossible = true;
      if (most > LOST_MS - EARLY_MS) isLostPossible = true;
      if (most > DEGRADED_MS - EARLY_MS) isDegradedPossible = true;
      if (least > LOST_MS + LAG_MS) {
        isLostSure = true;
        soonest = 0;
      }
      isSilentSure = least > SILENT_MS + LAG_MS || failedFor > SILENT_MS + LAG_MS;
      // What a second makes that fails is old by its age, as everything else (README 4.2).
      if (isFailing) isLostPossible = true;
      if (failedFor > LOST_MS - SECOND_MS) latest = 0;
      if (failedFor > LOST_MS + LAG_MS) {
        isLostSure = true;
        soonest = 0;
      }
      if (failedFor > SILENT_MS - SECOND_MS) isSilentPossible = true;
    }
    const isBackSoonest = soonest >= RECOVERY_SOONEST && least < DEGRADED_MS,
      isBackLatest = latest >= RECOVERY_LATEST && most < DEGRADED_MS && !isFailing && !(now - work.until < OVERDUE_MS);
    if (isBackSoonest) isLostSure = false;
    if (isBackLatest) isLostPossible = isSilentPossible = isDegradedPossible = false;
    return {
      boot: isBootPossible,
      normal: !isBootSure && !isLostSure && least <= DEGRADED_MS + LAG_MS,
      degraded: isDegradedPossible && !isLostSure && least <= LOST_MS + LAG_MS,
      lost: isLostPossible && !isSilentSure,
      silent: isSilentPossible,
      overdue: failedFor > OVERDUE_MS + LAG_MS,
      isFailing: isFailingAt(work, now),
      least,
      most,
    };
  }
  return { look };
}
