// The embedded database with what makes it safe: it never syncs its files, so copies are made that are synced, and the
// spool keeps what came since the older of two. A database that does not open is put aside, and the newest copy takes
// its place.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPglite } from "./pglite";
import type { Position, Spool } from "./spool";
import type { Sql } from "./sql";

export const SNAPSHOT_MS = 6 * 3_600_000;
const KEPT = 2;

/** Names of snapshots, oldest first: the ms at which they were made. */
function snapshots(data: string): string[] {
  const folder = join(data, "snapshots");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(a) - Number(b));
}

/** Open it, or the newest copy that opens. */
export async function openEmbedded(
  data: string,
  warn: (text: string, error?: unknown) => void,
  now: () => number,
): Promise<Sql> {
  const folder = join(data, "db"),
    copies = snapshots(data);
  mkdirSync(data, { recursive: true });
  for (;;) {
    try {
      return await openPglite(folder);
    } catch (error) {
      const copy = copies.pop(),
        aside = `${folder}.broken-${now()}`;
      if (!existsSync(folder)) throw error;
      renameSync(folder, aside);
      warn(
        `the database does not open: it is kept as ${aside}; ${copy ? "the last snapshot takes its place" : "a new one is filled from the spool"}`,
        error,
      );
      if (copy) cpSync(join(data, "snapshots", copy), folder, { recursive: true });
    }
  }
}

/** Make a copy, keep two, and let go of what the spool held for those before them. */
export async function makeSnapshot(
  data: string,
  sql: Sql,
  spool: Spool,
  position: Position,
  now: number,
): Promise<void> {
  const folder = join(data, "snapshots"),
    name = String(now);
  await sql.snapshot?.(join(folder, name));
  writeFileSync(join(folder, name + ".json"), JSON.stringify(position), { flush: true });
  const all = snapshots(data),
    kept = all.slice(-KEPT);
  for (const old of all.slice(0, -KEPT)) {
    rmSync(join(folder, old), { recursive: true, force: true });
    rmSync(join(folder, old + ".json"), { force: true });
  }
  const [oldest] = kept,
    noted = join(folder, oldest + ".json");
  if (kept.length === KEPT && existsSync(noted)) spool.forget(JSON.parse(readFileSync(noted, "utf8")) as Position);
}

/** When the next snapshot is due. */
export function snapshotDue(data: string): number {
  return Number(snapshots(data).at(-1) ?? 0) + SNAPSHOT_MS;
}
