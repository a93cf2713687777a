// The recorder's time: ages are told by its clock, not by that of whoever looks.
import { useEffect, useState } from "preact/hooks";

let ahead = 0;

/** An answer said what time it is there, ms. */
export function setClock(time: number): void {
  ahead = time - Date.now();
}

/** Time at the recorder, ms. */
export const now = (): number => Date.now() + ahead;

/** The time, told again every second. */
export function useNow(everyMs = 1000): number {
  const [time, setTime] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setTime(now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return time;
}
