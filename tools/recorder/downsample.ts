// Which table answers a question about a stretch of time, and its points with the holes shown as such. Pure; times in
// ms.

const MINUTE = 60_000,
  HOUR = 3_600_000;

/** One point of a chart; all null: nothing was told. `n` is how many values it stands for. */
export interface Point {
  t: number;
  min: number | null;
  max: number | null;
  avg: number | null;
  n: number;
}

/** Where points are taken from, and how long one lasts, ms (0: each value is one). */
export interface Source {
  table: "raw" | "1m" | "1h";
  step: number;
}

/**
 * Raw values when they fit; else the coarsest table that still gives half of the points wanted, in whole steps of it.
 */
export function sourceOf(from: number, to: number, points: number, rawCount: number): Source {
  if (rawCount <= points) return { table: "raw", step: 0 };
  const wanted = Math.max(1, (to - from) / points);
  if (wanted >= HOUR / 2) return { table: "1h", step: Math.ceil(wanted / HOUR) * HOUR };
  if (wanted >= MINUTE / 2) return { table: "1m", step: Math.ceil(wanted / MINUTE) * MINUTE };
  return { table: "raw", step: Math.ceil(wanted) };
}

/**
 * How long a sensor may be silent until its line breaks: `leastMs`, or three times what it keeps to between most of its
 * points.
 */
export function holeMs(points: Point[], leastMs: number): number {
  const between = points.slice(1).map(({ t }, i) => t - points[i].t);
  between.sort((a, b) => a - b);
  return Math.max(leastMs, 3 * (between[between.length >> 1] ?? 0));
}

/**
 * Points with an empty one wherever more than `gapMs` lie between two of them, so that no line is drawn over a hole.
 */
export function withHoles(points: Point[], gapMs: number): Point[] {
  const out: Point[] = [];
  for (const point of points) {
    const before = out.at(-1);
    if (before && before.avg !== null && point.t - before.t > gapMs)
      out.push({ t: before.t + gapMs / 2, min: null, max: null, avg: null, n: 0 });
    out.push(point);
  }
  return out;
}
