// Data for a component: asked for when it appears and when `key` changes, and again every `everyMs` while the page is
// looked at.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { reasonOf } from "./api";

export interface Loaded<T> {
  data: T | null;
  /** Why the last try failed; "" when it did not. Data of an earlier try stays. */
  fault: string;
  again(): void;
}

/** `key` names what is asked for: another key drops the data of the one before. */
export function useLoad<T>(key: string, ask: () => Promise<T>, everyMs = 0): Loaded<T> {
  const [held, setHeld] = useState<{ key: string; data: T | null; fault: string }>({ key, data: null, fault: "" }),
    [round, setRound] = useState(0),
    newest = useRef(ask);
  newest.current = ask;
  const again = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    let isWanted = true;
    newest.current().then(
      (data) => isWanted && setHeld({ key, data, fault: "" }),
      (thrown) =>
        isWanted && setHeld((old) => ({ key, data: old.key === key ? old.data : null, fault: reasonOf(thrown) })),
    );
    return () => {
      isWanted = false;
    };
  }, [key, round]);
  useEffect(() => {
    if (everyMs === 0) return;
    const timer = setInterval(() => document.hidden || again(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, again]);
  const isOwn = held.key === key;
  return { data: isOwn ? held.data : null, fault: isOwn ? held.fault : "", again };
}
