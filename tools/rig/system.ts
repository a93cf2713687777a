// The whole gateway off the chip: an image booted from flash in Espruino for Linux, with the TinyBMS simulator on a
// UART as the ESP32 has it, the CAN controller modelled by the prelude, an MQTT broker and HTTP over loopback. Node and
// interpreter share one clock (lockstep.ts).
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import ts from "typescript";
import { GX_IDENTITY, GX_KEEPALIVE } from "../../firmware/tables/frames";
import { hostClock, repeat } from "../host/clock";
import { DEFAULT_ESPRUINO, releaseOf } from "../host/espruino";
import { mergeSettings, type Settings } from "../host/settings";
import type { Clock } from "../simulator/clock";
import { createSimulator, type Simulator } from "../simulator/simulator";
import { startBroker, type RigBroker } from "./broker";
import { openControl, type Control } from "./control";
import { consoleLog, errorLines, takeOutput, type ConsoleLog, type SentFrame } from "./console";
import { provision, settingsFiles } from "./flash";
import { findInterpreter, launchInterpreter, NO_INTERPRETER, stopProcess, temporaryDirectory } from "./interpreter";
import { type Lockstep, lockstep } from "./lockstep";
import { openNames } from "./names";
import { freePort, sleep, until, waitBy } from "./wait";

export interface SystemOptions {
  /** Text of the image. */
  image: string;
  /** On top of those that point the image at this rig's broker and HTTP port. */
  settings?: Settings;
  /** Other files in the flash. */
  files?: Record<string, string>;
  /** JsVars that the image may have, all together; the rest is taken away before it starts. Absent: all 16383. */
  room?: number;
  /** Period of the memory samples; 0: none. */
  sampleMs?: number;
  scenario?: string;
  cells?: number;
  /** Faults of the TinyBMS or its line, from the start on. */
  bmsFaults?: string[];
  /** "aedes" forces the embedded broker, "none" starts without one. */
  broker?: "mosquitto" | "aedes" | "none";
  /** False: no GX on the bus, so no keep-alive frames are injected. */
  gx?: boolean;
  /** The release of Espruino whose UART it has. */
  espruino?: string;
  /** How much faster than real time everything may go; SCALE when not said. */
  timeScale?: number;
  /**
   * Words before the interpreter, valgrind and its options: the prelude then hides its own cost from the count, and
   * time is real.
   */
  wrapper?: string[];
}

/**
 * JsVars. `steady` and `most` are what the interpreter has in use without the prelude: its own share and the image's.
 */
export interface SystemMemory {
  bare: number;
  prelude: number;
  steady: number;
  most: number;
}

export interface System {
  /** Of the image and of everything around it. */
  clock: Clock;
  console: ConsoleLog;
  simulator: Simulator;
  broker: RigBroker | null;
  httpPort: number;
  directory: string;
  child: ChildProcess;
  /** What the image sent to the TinyBMS, piece by piece, with the time (ms of the clock). */
  requests: { at: number; bytes: Uint8Array }[];
  /** Frames that the controller sent, all or those of one id. */
  frames(id?: number): SentFrame[];
  errors(): string[];
  /** GET or PUT over loopback; rejects when the image does not answer in 10 s. */
  http(
    path: string,
    options?: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; text: string }>;
  /** Collects garbage and reports; `anew` lets `most` begin again. */
  memory(anew?: boolean): Promise<SystemMemory>;
  /** A frame from another node on the bus. */
  inject(id: number, data: ArrayLike<number>): void;
  faults: SystemFaults;
  /** The interpreter's error flags since they were last asked for (E.getErrorFlags clears them). */
  errorFlags(): Promise<string[]>;
  /** Ends one dump of callgrind and begins the next. */
  mark(): Promise<void>;
  /** Runs one line of JavaScript in the interpreter. */
  tell(line: string): void;
  stop(): Promise<void>;
}

export interface SystemFaults {
  bus(state: "ok" | "no acknowledge" | "off"): void;
  ping(answers: boolean): void;
  names(resolve: boolean): void;
  /** net.connect blocks this long, then throws; 0: normal. */
  connectBlocks(seconds: number): void;
}

/**
 * Espruino's main loop never sleeps while a socket is open: what the interpreter waits for real time is half a core for
 * nothing.
 */
const SCALE = 8;
const KEEPALIVE_DATA = [0, 0, 0, 0, 0, 0, 0, 0],
  IDENTITY_DATA = [0x12, 0x34, 0x56, 0x78, ...Buffer.from("VIC"), 0],
  GX_MS = 1000,
  ANSWER_MS = 10_000,
  BOOT_MS = 120_000;
/** Under callgrind a reply comes in one go, as on the chip, where the UART's driver collects it. */
const WHOLE_REPLY_MS = 15;
/** What the network's name server knows. */
const HOSTS = { localhost: "127.0.0.1" };
const BUS_CODE = { "ok": "k", "no acknowledge": "n", "off": "o" } as const;
const rigFile = (name: string): string => readFileSync(new URL(name, import.meta.url), "latin1");

/** tools/host/uart-model.ts as a body of a function that returns its functions, in the interpreter's language. */
function uartModelText(): string {
  const source = readFileSync(new URL("../host/uart-model.ts", import.meta.url), "utf8"),
    { outputText: text } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2015, module: ts.ModuleKind.ESNext, removeComments: true },
    });
  const names = [...text.matchAll(/^export function (\w+)/gm)].map(([, name]) => `${name}:${name}`);
  return `${text.replace(/^export /gm, "")}return {${names.join(",")}};`;
}

/**
 * The text of `.boot0`: the prelude called with its options, and what it returns when the texts are gone. It is run
 * from RAM: Espruino for Linux opens its flash file anew for each few bytes that it reads there.
 */
export function preludeText(options: object): string {
  const inRam = (text: string): string => `eval(${JSON.stringify(text)})`;
  return `print("~bare "+process.memory().usage);
rig=${inRam(rigFile("prelude.js"))}(${JSON.stringify(options)},${inRam(`(function(){${uartModelText()}})`)}());
rig();delete rig;
`;
}

type Rig = (command: string) => void;

/** The prelude's `~mem` line comes once before the image and once for each "m". */
async function askMemory(log: ConsoleLog, rig: Rig, anew: boolean): Promise<SystemMemory> {
  const asked = log.memory.length;
  rig("m");
  const { usage, most } = await until("a memory report", BOOT_MS, () => log.memory[asked]);
  if (anew) rig("z");
  const prelude = log.memory[0]!.usage - log.bare;
  return { bare: log.bare, prelude, steady: usage - prelude, most: Math.max(usage, most) - prelude };
}

async function askFlags(log: ConsoleLog, rig: Rig): Promise<string[]> {
  const answers = log.flagAnswers;
  log.flags = [];
  rig("f");
  await until("the error flags", BOOT_MS, () => log.flagAnswers > answers);
  return log.flags;
}

async function request(
  clock: Clock,
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const late = new AbortController(),
    cancel = clock.schedule(ANSWER_MS, () => late.abort(new Error(`no answer to ${path} in ${ANSWER_MS} ms`)));
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...options, signal: late.signal });
    return { status: answer.status, text: await answer.text() };
  } finally {
    cancel();
  }
}

function faultsOf(rig: Rig): SystemFaults {
  return {
    bus: (state) => rig(`b${BUS_CODE[state]}`),
    ping: (answers) => rig(`p${Number(answers)}`),
    names: (resolve) => rig(`n${Number(resolve)}`),
    connectBlocks: (seconds) => rig(`c${seconds}`),
  };
}

/** Whatever was started is stopped again in reverse order, also when starting fails half-way. */
interface Undo {
  push(step: () => unknown): void;
  all(): Promise<void>;
}
function undoList(): Undo {
  const steps: (() => unknown)[] = [];
  return {
    push: (step) => void steps.push(step),
    all: async () => {
      for (let step = steps.pop(); step; step = steps.pop()) await step();
    },
  };
}

async function flashFiles(
  options: SystemOptions,
  ports: { broker: number; http: number; control: number; names: number },
) {
  const mqtt = ports.broker ? { host: "127.0.0.1", port: ports.broker } : {};
  const settings = mergeSettings({ http: { port: ports.http }, mqtt }, options.settings ?? {});
  const { sampleMs = 50, room = 0 } = options;
  const prelude = preludeText({
    hosts: HOSTS,
    namePort: ports.names,
    control: ports.control,
    sampleMs,
    room,
    uart: releaseOf(options.espruino ?? DEFAULT_ESPRUINO).uart,
    counted: Boolean(options.wrapper),
  });
  return { ...options.files, ...settingsFiles(settings), ".boot0": prelude, ".bootcde": options.image };
}

type Parts = Pick<System, "clock" | "requests" | "simulator" | "broker" | "httpPort" | "directory" | "child">;

function handles(parts: Parts, control: Control, stop: () => Promise<void>): System {
  const log = consoleLog(),
    rig = control.send;
  return {
    ...parts,
    console: log,
    stop,
    frames: (id) => (id === undefined ? log.frames : log.frames.filter((frame) => frame.id === id)),
    errors: () => errorLines(log),
    http: (path, options) => request(parts.clock, parts.httpPort, path, options),
    memory: (anew = false) => askMemory(log, rig, anew),
    inject: (id, data) =>
      rig(`r${id.toString(16).padStart(3, "0")}${Buffer.from(Array.from(data)).toString("base64")}`),
    faults: faultsOf(rig),
    mark: async () => {
      const marks = log.marks;
      rig("d");
      await until("the mark", 60_000, () => log.marks > marks);
    },
    errorFlags: () => askFlags(log, rig),
    tell: (line) => rig(`e${line}`),
  };
}

/**
 * Simulator and image on one line. Bytes to the image carry their time, or are held back until none has come for a
 * while.
 */
function wire(simulator: Simulator, control: Control, clock: Clock, isCounted: boolean): () => void {
  const held: Uint8Array[] = [];
  let cancel = (): void => undefined;
  const hear = (bytes: Uint8Array): void => control.send(`u${clock.now()} ${Buffer.from(bytes).toString("base64")}`);
  return simulator.onSend((bytes) => {
    if (!isCounted) return hear(bytes);
    held.push(bytes);
    cancel();
    cancel = clock.schedule(WHOLE_REPLY_MS, () => hear(Buffer.concat(held.splice(0))));
  });
}

/**
 * The clock of node and image: in lockstep, or real time under callgrind, where the prelude's lines still bring what
 * the image writes.
 */
function clockOf(options: SystemOptions, control: Control, written: (bytes: Uint8Array) => void): Lockstep {
  if (!options.wrapper) return lockstep(control, options.timeScale ?? SCALE, written);
  control.onLine((line) => {
    if (line[0] === "w") written(Buffer.from(line.slice(line.indexOf(" ") + 1), "base64"));
  });
  return { ...hostClock(), start: () => undefined, stop: () => undefined };
}

/**
 * Starts everything and resolves when the image runs (the prelude has reported). Throws where no interpreter is
 * installed.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const interpreter = findInterpreter();
  if (!interpreter) throw new Error(NO_INTERPRETER);
  const undo = undoList();
  try {
    const directory = temporaryDirectory();
    undo.push(directory.remove);
    const broker = options.broker === "none" ? null : await startBroker(options.broker);
    undo.push(() => broker?.close());
    const httpPort = await freePort(),
      control = await openControl(),
      requests: System["requests"] = [];
    undo.push(control.close);
    const clock = clockOf(options, control, (bytes) => {
      requests.push({ at: clock.now(), bytes });
      simulator.receive(bytes);
    });
    const { scenario, cells } = options,
      simulator = createSimulator({ scenario, cells, now: clock.now, schedule: clock.schedule });
    undo.push(() => simulator.close());
    for (const name of options.bmsFaults ?? []) simulator.faults.set(name);
    undo.push(wire(simulator, control, clock, Boolean(options.wrapper)));
    const names = await openNames(HOSTS);
    undo.push(names.close);
    const ports = { broker: broker?.port ?? 0, http: httpPort, control: control.port, names: names.port };
    await provision({ interpreter }, directory.path, await flashFiles(options, ports));
    const child = launchInterpreter({ interpreter, wrapper: options.wrapper }, directory.path);
    undo.push(() => stopProcess(child, "SIGKILL"));
    const system = handles(
      { clock, requests, simulator, broker, httpPort, directory: directory.path, child },
      control,
      undo.all,
    );
    child.stdout!.on("data", (piece: Buffer) => takeOutput(system.console, piece.toString("latin1")));
    child.stderr!.on("data", () => undefined); // its start-up banner, and valgrind's
    await until("the prelude reports", BOOT_MS, () => system.console.memory.length > 0);
    undo.push(waitBy(clock));
    undo.push(clock.stop);
    clock.start();
    if (options.gx !== false) undo.push(keepGx(system));
    return system;
  } catch (error) {
    await undo.all();
    throw error;
  }
}

/** A GX on the bus: its keep-alive and its identity each second. Returns the switch that takes it away. */
function keepGx(system: System): () => void {
  return repeat(system.clock, GX_MS, () => {
    system.inject(GX_KEEPALIVE, KEEPALIVE_DATA);
    system.inject(GX_IDENTITY, IDENTITY_DATA);
  });
}

export { sleep, until };
