// PostgreSQL by pg: a small pool, timeouts on everything, so that a database that hangs is a database that is away.
import pg from "pg";
import { statementOf, type Query, type Sql, type Statement } from "./sql";

const CONNECT_MS = 5000,
  STATEMENT_MS = 30_000,
  LOCK_MS = 5000,
  CONNECTIONS = 6;

/** How a statement goes to pg; what carries a name is prepared once a connection. */
function configOf({ text, values, name, isArray }: Statement): pg.QueryConfig & { rowMode?: "array" } {
  return { text, values, ...(name ? { name } : {}), ...(isArray ? { rowMode: "array" as const } : {}) };
}

function queryOn(client: pg.Pool | pg.PoolClient): Query {
  return async <T>(statement: Statement | string, values?: unknown[]): Promise<T[]> =>
    (await client.query(configOf(statementOf(statement, values)))).rows as T[];
}

async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let fault: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    fault = error as Error;
    throw error;
  } finally {
    // A connection on which something failed may be in any state: it is not used again.
    client.release(fault);
  }
}

async function inTransaction(client: pg.PoolClient, statements: Statement[]): Promise<Record<string, unknown>[][]> {
  const query = queryOn(client),
    results: Record<string, unknown>[][] = [];
  await client.query("BEGIN");
  for (const statement of statements) results.push(await query(statement));
  await client.query("COMMIT");
  return results;
}

/** A database by its URL; nothing is tried before the first query. Errors of idle connections are told to `failed`. */
export function openPostgres(url: string, failed: (error: Error) => void = () => undefined): Sql {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS + 5000,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    keepAlive: true,
    application_name: "recorder",
  });
  pool.on("error", failed);
  pool.on("connect", (client) => client.on("error", () => undefined)); // its query fails as well
  return {
    kind: "postgres",
    query: queryOn(pool),
    batch: (statements) => withClient(pool, (client) => inTransaction(client, statements)),
    script: async (text) => {
      await pool.query(text);
    },
    session: (work) => withClient(pool, (client) => work(queryOn(client))),
    close: () => pool.end(),
  };
}

/** A database's URL for people: without the password. */
export function shownDatabase(url: string): string {
  if (!URL.canParse(url)) return "a database";
  const { protocol, username, host, pathname } = new URL(url);
  return `${protocol}//${username ? username + "@" : ""}${host}${pathname}`;
}
