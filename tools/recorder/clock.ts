// When it was: a device counts from its boot, so its boots are kept, each with the time at which it began. Pure; times
// are ms. The same message gets the same time whenever and by whomever it is worked on, as long as the boots that are
// kept are the same: anchors are only ever added, and the first one for a stretch of a boot wins.

/** Flags of a row. The lower flags win where two rows have one key. */
export const ESTIMATED = 1,
  ARRIVAL = 2,
  REPLAYED = 4;

const EARLIEST = Date.UTC(2020, 0, 1),
  AHEAD = 300_000,
  SLACK = 5000,
  FALL = 5000,
  MOVED = 2000,
  OFF = 1000;

/** From `fromMs` after the boot on, time = epoch + ms since boot. Segments of one boot share `bootAt`. */
export interface Anchor {
  bootAt: number;
  fromMs: number;
  epoch: number;
  /** The device's own number of this start, when it tells it. */
  boot: number | null;
  source: "uptime" | "time" | "estimated";
}

/**
 * What is known of a device's time. `sinceMs` and `seenAt`: the newest message of the newest boot. `isUnsure`: the
 * device has said that it does not know when it booted.
 */
export interface DeviceClock {
  anchors: Anchor[];
  sinceMs: number;
  seenAt: number;
  isUnsure: boolean;
}

/** What a message says of its time. `isFresh`: sent just now, neither retained nor a copy. */
export interface Stamp {
  time: number | null;
  sinceMs: number | null;
  arrival: number;
  isFresh: boolean;
}

/** The time of a message, and the anchor that it adds. Null: nothing is known but that it is old. */
export interface Timed {
  time: number;
  flags: number;
  anchor: Anchor | null;
}

export const newClock = (): DeviceClock => ({ anchors: [], sinceMs: -1, seenAt: 0, isUnsure: false });

const order = (a: Anchor, b: Anchor): number => a.bootAt - b.bootAt || a.fromMs - b.fromMs;

/** The segment of the newest boot that does not put the message after its arrival. */
function segmentOf(anchors: Anchor[], sinceMs: number, arrival: number): Anchor | null {
  for (let i = anchors.length - 1; i >= 0; i--) {
    const one = anchors[i];
    if (one.fromMs <= sinceMs && one.epoch + sinceMs <= arrival + SLACK) return one;
  }
  return null;
}

/**
 * Keep an anchor unless one like it is there already. A real one takes the place of nothing: it opens a segment of the
 * boot that it belongs to. Returns what is to be kept for good: the one that was added, or one that has learned its
 * number; else null.
 */
export function addAnchor(clock: DeviceClock, anchor: Anchor): Anchor | null {
  const isReal = anchor.source !== "estimated",
    near = isReal ? OFF : MOVED;
  const same = clock.anchors.findLast(
    (one) => Math.abs(one.epoch - anchor.epoch) <= near && one.fromMs <= anchor.fromMs,
  );
  if (same) {
    if (anchor.boot === null || same.boot !== null) return null;
    same.boot = anchor.boot;
    return same;
  }
  const boot = isReal
    ? clock.anchors.find((one) => one.source === "estimated" && belongs(clock, one, anchor))
    : undefined;
  const added = { ...anchor, bootAt: boot?.bootAt ?? anchor.bootAt };
  if (clock.anchors.some((one) => order(one, added) === 0)) return null;
  clock.anchors.push(added);
  clock.anchors.sort(order);
  return added;
}

/**
 * A real anchor belongs to an estimated boot when that one is the newest and began near it: an estimate is late by a
 * delivery.
 */
function belongs(clock: DeviceClock, estimated: Anchor, real: Anchor): boolean {
  const newest = Math.max(...clock.anchors.map(({ bootAt }) => bootAt));
  return estimated.bootAt === newest && Math.abs(estimated.epoch - real.epoch) < 600_000;
}

/**
 * A counter that fell is a new boot only when that boot can have begun after what was last heard of the one before. A
 * device that knows its clock tells each boot by itself, so there a counter that fell is a message that comes late.
 */
function isNewBoot(clock: DeviceClock, sinceMs: number, arrival: number): boolean {
  const isKnown = !clock.isUnsure && clock.anchors.length > 0 && clock.anchors.at(-1)!.source !== "estimated";
  if (isKnown) return false;
  return clock.sinceMs >= 0 && sinceMs < clock.sinceMs - FALL && arrival - sinceMs >= clock.seenAt - OFF;
}

function hear(clock: DeviceClock, sinceMs: number, arrival: number, isBoot: boolean): void {
  if (!isBoot && sinceMs <= clock.sinceMs) return;
  clock.sinceMs = sinceMs;
  clock.seenAt = arrival;
}

/**
 * The time of a message and of the anchor that it makes, in this order: its own time, when it is believable; its boot's
 * epoch and its counter; for a fresh one an epoch that is estimated of its arrival; its arrival. Null for an old one
 * without any of them.
 */
export function timeOfMessage(clock: DeviceClock, { time, sinceMs, arrival, isFresh }: Stamp): Timed | null {
  if (time !== null && time >= EARLIEST && time <= arrival + AHEAD) return { time, flags: 0, anchor: null };
  if (sinceMs === null || sinceMs < 0) return isFresh ? { time: arrival, flags: ARRIVAL, anchor: null } : null;
  const isBoot = isFresh && isNewBoot(clock, sinceMs, arrival),
    segment = isBoot ? null : segmentOf(clock.anchors, sinceMs, arrival);
  if (segment) {
    if (isFresh) hear(clock, sinceMs, arrival, false);
    return { time: segment.epoch + sinceMs, flags: segment.source === "estimated" ? ESTIMATED : 0, anchor: null };
  }
  if (!isFresh) return null;
  hear(clock, sinceMs, arrival, true);
  const epoch = arrival - sinceMs;
  const anchor = addAnchor(clock, { bootAt: epoch, fromMs: 0, epoch, boot: null, source: "estimated" });
  return { time: arrival, flags: ESTIMATED, anchor };
}

/**
 * A device says when it booted (ms since 1970, null: it does not know). The anchor that this adds, null when it was
 * known.
 */
export function bootTold(
  clock: DeviceClock,
  bootAt: number | null,
  boot: number | null,
  arrival: number,
): Anchor | null {
  clock.isUnsure = bootAt === null || bootAt < EARLIEST || bootAt > arrival + AHEAD;
  if (bootAt === null || clock.isUnsure) return null;
  const estimated = clock.anchors.some(
    (one) => one.source === "estimated" && belongs(clock, one, { ...one, epoch: bootAt }),
  );
  const fromMs = estimated ? Math.max(0, arrival - bootAt, clock.sinceMs + 1) : 0;
  return addAnchor(clock, { bootAt, fromMs, epoch: bootAt, boot, source: "uptime" });
}

/** A message carries both its time and its counter: the anchor that this adds, when the boot was not known so well. */
export function timeTold(clock: DeviceClock, time: number, sinceMs: number, arrival: number): Anchor | null {
  if (time < EARLIEST || time > arrival + AHEAD) return null;
  const epoch = time - sinceMs,
    known = segmentOf(clock.anchors, sinceMs, arrival);
  if (known && known.source !== "estimated" && Math.abs(known.epoch - epoch) <= OFF) return null;
  const fromMs = known?.source === "estimated" ? Math.max(sinceMs, clock.sinceMs + 1) : 0;
  return addAnchor(clock, { bootAt: epoch, fromMs, epoch, boot: null, source: "time" });
}

/** The epoch of a boot by its number, null while it is not known. */
export function epochOfBoot(clock: DeviceClock, boot: number): number | null {
  return clock.anchors.findLast((one) => one.boot === boot)?.epoch ?? null;
}

/**
 * A clock as the database knows it: its anchors, and the time of the newest row, which stands for the newest message.
 */
export function clockOf(anchors: Anchor[], newest: number | null): DeviceClock {
  const clock: DeviceClock = { ...newClock(), anchors: [...anchors].sort(order) },
    last = clock.anchors.at(-1);
  if (last && newest !== null && newest > last.epoch)
    Object.assign(clock, { sinceMs: newest - last.epoch, seenAt: newest });
  return clock;
}
