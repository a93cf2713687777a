// GET /api/openapi.json: the description of this API, as it stands in the image's text.

import { textSlice } from "../kernel/text";
import { OPENAPI_AT, OPENAPI_END } from "./text.baked";

/** Characters in a piece. */
const PIECE = 1024;

/** The piece; "" behind the last. */
export function openApiPart(piece: number): string {
  const at = OPENAPI_AT + piece * PIECE;
  return at < OPENAPI_END ? textSlice(at, at + PIECE < OPENAPI_END ? at + PIECE : OPENAPI_END) : "";
}
