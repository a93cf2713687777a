// GET /api/log: the last lines of the log, the newest first.

import type { Needs } from "./needs";
import { logPieces } from "../log/log.cold";
import type { Part } from "./pieces.cold";

/** The answer, a few lines a piece. */
export function logOf(needs: Needs): Part {
  const lines = logPieces(needs);
  return function (_, piece) {
    return (piece ? "" : '{"lines":[') + (lines() || "]}\r\n");
  };
}
