// PGlite in a thread of its own, so that a long write does not hold up messages and viewers. One request at a time, in
// their order.
import { closeSync, cpSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import type { Statement } from "./sql";

/** What the other side asks for, and what it gets. */
export type Request =
  | { id: number; op: "query"; statement: Statement }
  | { id: number; op: "batch"; statements: Statement[] }
  | { id: number; op: "script"; text: string }
  | { id: number; op: "snapshot"; folder: string }
  | { id: number; op: "close" };
export interface Reply {
  id: number;
  result?: unknown;
  error?: { message: string; code?: string };
}

const { folder } = workerData as { folder: string };
const opened = PGlite.create({ dataDir: folder });

async function rowsOf(db: Pick<PGlite, "query">, { text, values, isArray }: Statement): Promise<unknown[]> {
  return (await db.query(text, values, { rowMode: isArray ? "array" : "object" })).rows;
}

function syncAll(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) syncAll(inner);
    else sync(inner);
  }
  sync(path);
}

function sync(path: string): void {
  const file = openSync(path, "r");
  fsyncSync(file);
  closeSync(file);
}

/** A copy under its final name only when all of it is on the disk. */
async function snapshot(db: PGlite, to: string): Promise<void> {
  await db.exec("CHECKPOINT");
  const half = to + ".half";
  rmSync(half, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true });
  cpSync(folder, half, { recursive: true });
  syncAll(half);
  renameSync(half, to);
  sync(dirname(to));
}

async function answer(request: Request): Promise<unknown> {
  const db = await opened;
  switch (request.op) {
    case "query":
      return rowsOf(db, request.statement);
    case "batch":
      return db.transaction(async (transaction) => {
        const results: unknown[][] = [];
        for (const statement of request.statements) results.push(await rowsOf(transaction as never, statement));
        return results;
      });
    case "script":
      return void (await db.exec(request.text));
    case "snapshot":
      return snapshot(db, request.folder);
    case "close":
      return db.close();
  }
}

let last: Promise<void> = Promise.resolve();
parentPort!.on("message", (request: Request) => {
  last = last.then(async () => {
    const { id } = request;
    try {
      parentPort!.postMessage({ id, result: await answer(request) } satisfies Reply);
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      parentPort!.postMessage({ id, error: { message, code } } satisfies Reply);
    }
    if (request.op === "close") process.exit();
  });
});
