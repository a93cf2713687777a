// The least and greatest of a value over the last moments: what a step may have seen.

export interface Window {
  put(at: number, value: number): void;
  /** Over the last `ms` but the newest `but`, and what stood at their begin. */
  least(ms: number, but?: number): number;
  greatest(ms: number, but?: number): number;
}

export function newWindow(keep_ms: number): Window {
  const items: { at: number; value: number }[] = [];
  let now = 0;
  const over = (ms: number, but: number, better: (a: number, b: number) => number): number => {
    let found = NaN;
    for (let i = items.length - 1; i >= 0; i--) {
      if (but > 0 && i > 0 && items[i].at > now - but) continue;
      found = isNaN(found) ? items[i].value : better(found, items[i].value);
      if (items[i].at <= now - ms) break;
    }
    return found;
  };
  return {
    put(at, value) {
      now = at;
      items.push({ at, value });
      while (items.length > 2 && items[1].at < at - keep_ms) items.shift();
    },
    least: (ms, but = 0) => over(ms, but, Math.min),
    greatest: (ms, but = 0) => over(ms, but, Math.max),
  };
}
