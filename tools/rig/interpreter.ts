// Finds and runs Espruino for Linux. The interpreter keeps its flash in a file of its working directory, so each run
// gets a directory of its own; stdin is held open, because an end of file there feeds the console for ever.
import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** What the tests print where no interpreter is installed. */
export const NO_INTERPRETER = "skipped: no Espruino for Linux found";

/** The path of an executable: as given when it names a file, else searched on PATH; null when there is none. */
export function findExecutable(name: string): string | null {
  const places = name.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  for (const place of places) {
    const path = isAbsolute(name) ? name : resolve(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/** The interpreter: environment variable ESPRUINO, else `espruino-linux` on PATH, else null. */
export function findInterpreter(): string | null {
  return findExecutable(process.env.ESPRUINO || "espruino-linux");
}

/** A fresh directory for one interpreter; `remove` deletes it with everything in it. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "tinybms-rig-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Waits until a child process has ended; kills it after `timeoutMs`. Resolves with its exit code (null: killed). */
export function ended(child: ChildProcess, timeoutMs: number): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    child.once("close", (code) => {
      clearTimeout(timer);
      done(code);
    });
  });
}

/** A process that dies with this one, however this one ends. Returns it. */
export function tied(child: ChildProcess): ChildProcess {
  const kill = (): void => void child.kill("SIGKILL");
  process.on("exit", kill);
  child.once("close", () => process.off("exit", kill));
  return child;
}

/** Ends a child process by `signal` (Espruino hears only SIGKILL); kills it when it is still there after 2 s. */
export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  await ended(child, 2000);
  child.stdin?.destroy(); // not before: the interpreter reads an end of file for ever
}

/** The command that runs the interpreter, and what stands before it (such as valgrind with its options). */
export type Launch = { interpreter: string; wrapper?: string[] };

/** Starts the interpreter in `directory` with stdin held open. No script: it boots from the flash file there. */
export function launchInterpreter(launch: Launch, directory: string, script?: string): ChildProcess {
  if (!existsSync(directory)) throw new Error(`no directory ${directory}`);
  const words = [...(launch.wrapper ?? []), launch.interpreter, ...(script === undefined ? [] : [script])];
  const child = tied(spawn(words[0]!, words.slice(1), { cwd: directory, stdio: ["pipe", "pipe", "pipe"] }));
  child.stdin!.on("error", () => undefined); // it may end before we do
  return child;
}

/** Runs a script (a file) to its end and resolves with everything it printed. Throws when it does not end in time. */
export async function runScript(
  launch: Launch,
  directory: string,
  script: string,
  timeoutMs = 600_000, // against a hang alone: the machine may be busy
): Promise<string> {
  const child = launchInterpreter(launch, directory, script);
  const printed: Buffer[] = [];
  child.stdout!.on("data", (data: Buffer) => printed.push(data));
  child.stderr!.on("data", (data: Buffer) => printed.push(data));
  const code = await ended(child, timeoutMs);
  child.stdin!.destroy();
  const text = Buffer.concat(printed).toString("latin1");
  if (code === null) throw new Error(`the interpreter did not end within ${timeoutMs} ms; it printed:\n${text}`);
  return text;
}
