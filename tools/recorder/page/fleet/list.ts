// The list of devices, kept up to date by what the recorder tells. Pure.
import type { FleetChange } from "../../live";
import type { FleetRow } from "../api";
import { ageOf, type Age } from "../parts/age";

/** When a device told something last, ms; null: never. */
export function heardAt({ lastSeen, stateAt }: FleetRow): number | null {
  const seen = lastSeen === null ? 0 : Date.parse(lastSeen);
  return Math.max(seen, stateAt ?? 0) || null;
}

/** Age of what is shown of a device: of its state when it has told one. */
export const stateAge = (row: FleetRow, now: number): Age => ageOf(row.stateAt ?? heardAt(row), now);

export type Status = "online" | "stale" | "silent" | "offline";

export function statusOf(row: FleetRow, now: number): Status {
  if (row.online === false) return "offline";
  const age = stateAge(row, now);
  return age === "fresh" ? "online" : age;
}

/** The list after changes; null when one of them is of a device that is not in it. */
export function applied(rows: FleetRow[], changes: FleetChange[]): FleetRow[] | null {
  const byId = new Map(changes.map((change) => [change.id, change]));
  const after = rows.map((row) => {
    const change = byId.get(row.id);
    if (!change) return row;
    byId.delete(row.id);
    const { lastSeen, state, ...rest } = change;
    return {
      ...row,
      ...rest,
      lastSeen: lastSeen || row.lastSeen,
      state: state === undefined ? row.state : (state as FleetRow["state"]),
    };
  });
  return byId.size > 0 ? null : after;
}

/** What a filter looks at: name, state, phase and reason. */
export function isLike(row: FleetRow, search: string, now: number): boolean {
  const text = [row.id, row.name, statusOf(row, now), row.phase, row.state?.lim, row.state?.st, row.fw].join(" ");
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().replaceAll("_", " ").includes(word));
}
