// A fault of the image itself: told even when nothing else works.
import type { App } from "./app";
import { ERROR, writeLog } from "./log";

/** Say it on the console in any case; where it can be said properly depends on what is broken. */
export function logFault(app: App, text: string): void {
  try {
    writeLog(app, ERROR, text);
  } catch (error) {
    app.natives.print("fault: " + text);
  }
}
