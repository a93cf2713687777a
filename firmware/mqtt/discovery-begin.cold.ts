// What Home Assistant's discovery begins with.
import type { Discovery } from "./discovery";

/** Nothing told yet; what is missing is set before it is used. */
export function discoveryOf(): Discovery {
  return { at: 0, prefix: "", clear: "", since: -1, toldCells: 0, toldLevel: 0 } as Discovery;
}
