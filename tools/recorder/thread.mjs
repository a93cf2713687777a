// The start of a worker thread that is written in TypeScript: node 20 gives threads none of the loaders of the main
// thread.
import { workerData } from "node:worker_threads";
import { tsImport } from "tsx/esm/api";

await tsImport(workerData.module, import.meta.url);
