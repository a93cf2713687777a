// GET /api/status, the first piece: the measurements and the limits, whose object stays open for the next piece.
import { headText } from "../http/head.cold";
import { liveText } from "../http/status.cold";
import type { App } from "./app";

/** Head of the answer and the first piece. */
export function livePiece(app: App): string {
  return headText(200) + liveText(app.snapshot, app.limits, app.natives.now());
}
