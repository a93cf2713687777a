// GET /api/log: the last lines of the log, the newest first.

import type { Needs } from "./needs";
import { logText } from "../log/log.cold";

/** The whole answer. */
export function logPart(needs: Needs, piece: number): string {
  return piece ? "" : '{"lines":' + logText(needs) + "}\r\n";
}
