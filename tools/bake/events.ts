// Bakes the table of events: which fault a recovery ends, as straight code; the names as a line of the image's text.
import { events, SYSTEM_STARTED } from "../../firmware/tables/events";
import { header } from "./names";

/** What a number may be, and a name: it stands in JSON and between commas. */
function check(): void {
  const ids = new Set(events.map(({ id }) => id)),
    names = new Set(events.map(({ name }) => name));
  if (ids.size !== events.length || names.size !== events.length)
    throw new Error("two events with the same number or name");
  for (const { id, name, severity, clearedBy } of events) {
    if (!(id > 0 && id < 256) || !/^[a-z_]+$/.test(name)) throw new Error(`event ${id} ${name}`);
    if (clearedBy !== undefined && (!ids.has(clearedBy) || severity === "info"))
      throw new Error(`event ${id} cannot be cleared by ${clearedBy}`);
  }
}

/** All events as `,number:name,...,`. */
export function eventsLine(): string {
  check();
  return `,${events.map(({ id, name }) => `${id}:${name}`).join()},`;
}

/** firmware/bms/events.baked.cold.ts */
export function bakeEvents(): string {
  check();
  const pairs = events.flatMap(({ id, clearedBy }) =>
    clearedBy !== undefined && clearedBy !== SYSTEM_STARTED ? [{ id, clearedBy }] : [],
  );
  const first = Math.min(...pairs.map(({ clearedBy }) => clearedBy)),
    last = Math.max(...pairs.map(({ clearedBy }) => clearedBy));
  const ended = Array.from(
    { length: last - first + 1 },
    (_, i) => pairs.find(({ clearedBy }) => clearedBy === first + i)?.id ?? 0,
  );
  const text = ended.map((id) => "\\x" + id.toString(16).padStart(2, "0")).join("");
  return `${header("tables/events.ts")}
/** The fault or warning that a recovery event ends; 0 for all other events. */
export function endedBy(id: number): number {
  return id < ${first} ? 0 : "${text}".charCodeAt(id - ${first}) | 0;
}
`;
}
