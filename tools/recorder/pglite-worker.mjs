// PGlite in a thread of its own, so that a long write does not hold up messages and viewers. One request at a time, in
// their order. JavaScript: node 20 gives threads none of the loaders of the main thread. Requests and replies are typed
// in pglite.ts.
import { closeSync, cpSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";

const { folder } = workerData,
  opened = PGlite.create({ dataDir: folder });

async function rowsOf(db, { text, values, isArray }) {
  return (await db.query(text, values, { rowMode: isArray ? "array" : "object" })).rows;
}

function syncAll(path) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) syncAll(inner);
    else sync(inner);
  }
  sync(path);
}

function sync(path) {
  const file = openSync(path, "r");
  fsyncSync(file);
  closeSync(file);
}

/** A copy under its final name only when all of it is on the disk. */
async function snapshot(db, to) {
  await db.exec("CHECKPOINT");
  const half = to + ".half";
  rmSync(half, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true });
  cpSync(folder, half, { recursive: true });
  syncAll(half);
  renameSync(half, to);
  sync(dirname(to));
}

async function answer(request) {
  const db = await opened;
  switch (request.op) {
    case "query":
      return rowsOf(db, request.statement);
    case "batch":
      return db.transaction(async (transaction) => {
        const results = [];
        for (const statement of request.statements) results.push(await rowsOf(transaction, statement));
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

let last = Promise.resolve();
parentPort.on("message", (request) => {
  last = last.then(async () => {
    const { id } = request;
    try {
      parentPort.postMessage({ id, result: await answer(request) });
    } catch (error) {
      const { message, code } = error;
      parentPort.postMessage({ id, error: { message, code } });
    }
    if (request.op === "close") process.exit();
  });
});
