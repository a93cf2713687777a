// GET /api/status, the piece that ends the member limits: why they are what they are.
import { historyText, whyText } from "../battery/limits-texts";
import { rulesText } from "../battery/rules-text.cold";
import type { App } from "./app";

/** The second piece of the answer. */
export function limitsPiece(app: App): string {
  const limits = app.limits;
  return `,${whyText(limits)},"broken_rules":${rulesText(limits, false)},"history":${historyText(limits)}}`;
}
