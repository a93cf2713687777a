// What is true of a condition over time: for sure, perhaps, or not at all; and how long it has been so.

export type Tri = "yes" | "maybe" | "no";

export const triOf = (all: boolean, some: boolean): Tri => (all ? "yes" : some ? "maybe" : "no");

export function anyOf(...parts: Tri[]): Tri {
  return parts.includes("yes") ? "yes" : parts.includes("maybe") ? "maybe" : "no";
}

export function allOf(...parts: Tri[]): Tri {
  return parts.includes("no") ? "no" : parts.includes("maybe") ? "maybe" : "yes";
}

export const notOf = (tri: Tri): Tri => (tri === "yes" ? "no" : tri === "no" ? "yes" : "maybe");

/** Seconds that a condition has held for sure, and perhaps. */
export interface Held {
  sure: number;
  perhaps: number;
  /** Seconds that it has not held. */
  not: number;
}

/** Who looks each second does not see what lasts shorter, s. */
const UNSEEN_S = 1.3;

export const newHeld = (): Held => ({ sure: 0, perhaps: 0, not: 0 });

export function hold(held: Held, tri: Tri, dt: number): void {
  held.not = tri === "no" ? held.not + dt : 0;
  held.sure = tri === "yes" ? held.sure + dt : 0;
  if (tri === "no" && (held.perhaps === 0 || held.not > UNSEEN_S)) held.perhaps = 0;
  else held.perhaps += dt;
}

/** Asks a question of several candidates at once; none: perhaps. */
export function ask<T>(candidates: T[], is: (candidate: T) => boolean): Tri {
  if (candidates.length === 0) return "maybe";
  const yes = candidates.filter(is).length;
  return triOf(yes === candidates.length, yes > 0);
}
