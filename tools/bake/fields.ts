// Bakes where the settings table starts in the image's text.
import { fields } from "../../firmware/tables/fields";
import { header } from "./names";
import { lineStarts, linesBeforeFields } from "./text";

/** Settings that are shown in one turn of the main loop. */
const PIECE_ROWS = 6;

/** Where pieces of a module begin: `module:place in the table`, the place of the first is 0. */
function pieces(starts: number[]): string {
  const own = (module: string): number => fields.findIndex((field) => field.module === module);
  return fields
    .flatMap(({ module }, row) => {
      const nth = row - own(module);
      if (nth % PIECE_ROWS) return [];
      return [`${module}:${nth && starts[linesBeforeFields + row]! - starts[linesBeforeFields]!}`];
    })
    .join(" ");
}

/** firmware/config/fields.baked.ts */
export function bakeFields(): string {
  const seen = new Set<string>();
  for (const { module, key, type, min, max } of fields) {
    if (seen.has(`${module}.${key}`)) throw new Error(`two settings ${module}.${key}`);
    if (min !== undefined && max !== undefined && min > max) throw new Error(`${module}.${key}: bad range`);
    if (
      type === "string" &&
      min === undefined &&
      max === undefined &&
      !fields.some((f) => f.module === module && f.key === key && f.oneOf)
    ) {
      throw new Error(`${module}.${key}: a string needs a longest length`);
    }
    seen.add(`${module}.${key}`);
  }
  const starts = lineStarts();
  return `${header("tables/fields.ts")}
/** Where the settings table starts and ends in the image's text, one line of JSON a setting. */
export const FIELDS_AT = ${starts[linesBeforeFields]}, FIELDS_END = ${starts[linesBeforeFields + fields.length]};
/** The modules, in the order of the table. */
export const modules = ${JSON.stringify([...new Set(fields.map((field) => field.module))].join(" "))};
/** Settings of a piece that is shown, and where the pieces begin: module, place in the table (0: its first). */
export const PIECE_ROWS = ${PIECE_ROWS}, pieces = ${JSON.stringify(pieces(starts))};
`;
}
