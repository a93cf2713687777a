// Where we are: `/` is the fleet, `/device/<id>` a device; the part after # names a tab of either.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  /** Null: the fleet. */
  device: string | null;
  tab: string;
}

function placeNow(): Place {
  const [, id] = /^\/device\/([^/]+)\/?$/.exec(location.pathname) ?? [];
  return { device: id === undefined ? null : decodeURIComponent(id), tab: location.hash.slice(1) };
}

/** The tab of messages that could not be kept, of a device and of the fleet. */
export const LETTERS_TAB = "letters";

const CHANGED = "placechanged";

export const pathOf = (device: string | null, tab = ""): string =>
  (device === null ? "/" : "/device/" + encodeURIComponent(device)) + (tab ? "#" + tab : "");

/** Go there without loading the page again. */
export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(CHANGED));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const look = (): void => setPlace(placeNow());
    for (const event of ["popstate", "hashchange", CHANGED]) addEventListener(event, look);
    return () => {
      for (const event of ["popstate", "hashchange", CHANGED]) removeEventListener(event, look);
    };
  }, []);
  return place;
}

/** The token of a link such as `/#token=...`, taken out of the address bar; null when there is none. */
export function takeToken(): string | null {
  const [, token] = /^#token=(.+)$/.exec(location.hash) ?? [];
  if (token === undefined) return null;
  history.replaceState(null, "", location.pathname);
  return decodeURIComponent(token);
}
