// The schema of a database brought up to date, by one recorder at a time; a schema newer than this program is refused.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type { Query, Sql } from "./sql";

export type Engine = "plain" | "timescale" | "citus";

const LOCK = 7_362_951;
const folder = fileURLToPath(new URL("./migrations", import.meta.url));

async function applied(query: Query): Promise<number> {
  await query(
    "CREATE TABLE IF NOT EXISTS schema_migrations (n int PRIMARY KEY, hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
  );
  const [{ count }] = await query<{ count: number }>("SELECT count(*)::int AS count FROM schema_migrations");
  return count;
}

/** What the database has of what there is. */
export async function schemaState(sql: Sql): Promise<{ have: number; want: number }> {
  const [{ known }] = await sql.query<{ known: boolean }>(
    "SELECT to_regclass('schema_migrations') IS NOT NULL AS known",
  );
  const have = known ? (await sql.query<{ n: number }>("SELECT count(*)::int AS n FROM schema_migrations"))[0].n : 0;
  return { have, want: readMigrationFiles({ migrationsFolder: folder }).length };
}

/**
 * Apply what is missing, each migration whole or not at all; then the engine's own part. Returns how many were applied.
 */
export async function migrate(sql: Sql, engine: Engine): Promise<number> {
  const all = readMigrationFiles({ migrationsFolder: folder });
  return sql.session(async (query) => {
    await query(`SELECT pg_advisory_lock(${LOCK})`);
    try {
      const have = await applied(query);
      if (have > all.length)
        throw new Error(`the database's schema is newer (${have}) than this recorder (${all.length}): update it`);
      for (const [i, { sql: statements, hash }] of all.entries()) {
        if (i < have) continue;
        await query("BEGIN");
        for (const statement of statements) await query(statement);
        await query("INSERT INTO schema_migrations (n, hash) VALUES ($1, $2)", [i, hash]);
        await query("COMMIT");
      }
      if (have === 0 && engine !== "plain") await applyEngine(query, engine);
      return all.length - have;
    } catch (error) {
      await query("ROLLBACK").catch(() => undefined);
      throw error;
    } finally {
      await query(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => undefined);
    }
  });
}

async function applyEngine(query: Query, engine: Engine): Promise<void> {
  const text = readFileSync(new URL(`./engines/${engine}.sql`, import.meta.url), "utf8");
  for (const statement of text.split(/^--> .*$/m)) if (statement.trim() !== "") await query(statement);
}
