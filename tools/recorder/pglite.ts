// PGlite behind the same door as PostgreSQL: requests go to its worker and are answered in their order.
import { Worker } from "node:worker_threads";
import { statementOf, type Query, type Sql, type Statement } from "./sql";

/** What the worker is asked for, and what it answers. */
type Request =
  | { id: number; op: "query"; statement: Statement }
  | { id: number; op: "batch"; statements: Statement[] }
  | { id: number; op: "script"; text: string }
  | { id: number; op: "snapshot"; folder: string }
  | { id: number; op: "close" };
interface Reply {
  id: number;
  result?: unknown;
  error?: { message: string; code?: string };
}

type Asked = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Requests to the worker by number. When the worker dies, all that wait fail, and all that come. */
function correspond(worker: Worker): (asked: Asked) => Promise<unknown> {
  const waiting = new Map<number, Waiting>();
  let next = 0,
    gone: Error | null = null;
  const end = (error: Error): void => {
    gone = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on("message", ({ id, result, error }: Reply) => {
    const own = waiting.get(id);
    waiting.delete(id);
    if (error) own?.reject(Object.assign(new Error(error.message), { code: error.code }));
    else own?.resolve(result);
  });
  worker.on("error", end);
  worker.on("exit", () => end(new Error("the embedded database has ended")));
  return (asked) => {
    if (gone) return Promise.reject(gone);
    return new Promise((resolve, reject) => {
      waiting.set(++next, { resolve, reject });
      worker.postMessage({ ...asked, id: next });
    });
  };
}

/** Whoever comes waits until those before are done. */
function turnstile(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const own = last.then(work, work);
    last = own.catch(() => undefined);
    return own;
  };
}

/** The embedded database in this folder. Rejects when it does not open. */
export async function openPglite(folder: string): Promise<Sql> {
  const worker = new Worker(new URL("./pglite-worker.mjs", import.meta.url), { workerData: { folder } });
  const ask = correspond(worker),
    inTurn = turnstile();
  const direct: Query = async <T>(statement: Statement | string, values?: unknown[]): Promise<T[]> =>
    (await ask({ op: "query", statement: statementOf(statement, values) })) as T[];
  try {
    await direct("SELECT 1");
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    kind: "pglite",
    query: (statement, values) => inTurn(() => direct(statement, values)),
    batch: (statements) => inTurn(async () => (await ask({ op: "batch", statements })) as Record<string, unknown>[][]),
    script: (text) => inTurn(async () => void (await ask({ op: "script", text }))),
    session: (work) => inTurn(() => work(direct)),
    snapshot: (to) => inTurn(async () => void (await ask({ op: "snapshot", folder: to }))),
    close: () =>
      inTurn(async () => {
        await ask({ op: "close" }).catch(() => undefined);
        await worker.terminate();
      }),
  };
}
