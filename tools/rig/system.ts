// The whole gateway off the chip: an image booted from flash in Espruino for Linux, with the TinyBMS simulator on a pty, the
// CAN controller modelled by the prelude, an MQTT broker and HTTP over loopback.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GX_IDENTITY, GX_KEEPALIVE } from "../../firmware/victron/frames";
import { mergeSettings, type Settings } from "../host/settings";
import { createSimulator, type Simulator } from "../simulator/simulator";
import { servePty } from "../simulator/serve";
import { startBroker, type RigBroker } from "./broker";
import { openControl, type Control } from "./control";
import { consoleLog, errorLines, takeOutput, type ConsoleLog, type SentFrame } from "./console";
import { provision, settingsFiles } from "./flash";
import { findInterpreter, launchInterpreter, NO_INTERPRETER, stopProcess, temporaryDirectory } from "./interpreter";
import { freePort, sleep, until } from "./wait";

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
  /** "aedes" forces the embedded broker, "none" starts without one. */
  broker?: "mosquitto" | "aedes" | "none";
  /** False: no GX on the bus, so no keep-alive frames are injected. */
  gx?: boolean;
  /** The clock begins at 0 and can be set, as on the chip: it jumps, timers go on. Else it is the machine's and must not be set. */
  clock?: boolean;
  /** Words before the interpreter, valgrind and its options: the prelude then hides its own cost from the count. */
  wrapper?: string[];
  bootTimeoutMs?: number;
}

/** JsVars. `steady` and `most` are what the interpreter has in use without the prelude: its own share and the image's. */
export interface SystemMemory { bare: number; prelude: number; steady: number; most: number }

export interface System {
  console: ConsoleLog;
  simulator: Simulator;
  broker: RigBroker | null;
  httpPort: number;
  directory: string;
  child: ChildProcess;
  /** What the image sent to the TinyBMS, piece by piece, with the time (ms of node's clock). */
  requests: { at: number; bytes: Uint8Array }[];
  /** Frames that the controller sent, all or those of one id. */
  frames(id?: number): SentFrame[];
  errors(): string[];
  /** GET or PUT over loopback; rejects when the image does not answer in 10 s. */
  http(path: string, options?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<{ status: number; text: string }>;
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

const KEEPALIVE_DATA = [0, 0, 0, 0, 0, 0, 0, 0], IDENTITY_DATA = [0x12, 0x34, 0x56, 0x78, ...Buffer.from("VIC"), 0], GX_MS = 1000;
/** Under callgrind a reply comes in one go, as on the chip, where the UART's driver collects it. */
const WHOLE_REPLY_MS = 15;
const BUS_CODE = { "ok": "k", "no acknowledge": "n", "off": "o" } as const;
const rigFile = (name: string): string => readFileSync(new URL(name, import.meta.url), "latin1");

/** The text of `.boot0`: the prelude called with its options. */
export function preludeText(options: object): string {
  const json = JSON.stringify(options);
  return `${rigFile("prelude.js")}(Object.assign({start:getTime()},${json}));\n`;
}

type Rig = (command: string) => void;

/** The prelude's `~mem` line comes once before the image and once for each "m". */
async function askMemory(log: ConsoleLog, rig: Rig, anew: boolean): Promise<SystemMemory> {
  const asked = log.memory.length;
  rig("m");
  const { usage, most } = await until("a memory report", 10_000, () => log.memory[asked]);
  if (anew) rig("z");
  const prelude = log.memory[0]!.usage - log.bare;
  return { bare: log.bare, prelude, steady: usage - prelude, most: Math.max(usage, most) - prelude };
}

async function askFlags(log: ConsoleLog, rig: Rig): Promise<string[]> {
  const answers = log.flagAnswers;
  log.flags = [];
  rig("f");
  await until("the error flags", 10_000, () => log.flagAnswers > answers);
  return log.flags;
}

async function request(port: number, path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...options, signal: AbortSignal.timeout(10_000) });
  return { status: answer.status, text: await answer.text() };
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
interface Undo { push(step: () => unknown): void; all(): Promise<void> }
function undoList(): Undo {
  const steps: (() => unknown)[] = [];
  return {
    push: (step) => void steps.push(step),
    all: async () => { for (let step = steps.pop(); step; step = steps.pop()) await step(); },
  };
}

async function flashFiles(options: SystemOptions, pty: string, ports: { broker: number; http: number; control: number }) {
  const mqtt = ports.broker ? { host: "127.0.0.1", port: ports.broker } : {};
  const settings = mergeSettings({ http: { port: ports.http }, mqtt }, options.settings ?? {});
  const hosts = { localhost: "127.0.0.1" }, { sampleMs = 50, room = 0 } = options;
  const prelude = preludeText({ pty, hosts, control: ports.control, sampleMs, room,
    clock: Boolean(options.clock), counted: Boolean(options.wrapper) });
  return { ...options.files, ...settingsFiles(settings), ".boot0": prelude, ".bootcde": options.image };
}

type Parts = Pick<System, "requests" | "simulator" | "broker" | "httpPort" | "directory" | "child">;

function handles(parts: Parts, control: Control, stop: () => Promise<void>): System {
  const log = consoleLog(), rig = control.send;
  return {
    ...parts, console: log, stop,
    frames: (id) => (id === undefined ? log.frames : log.frames.filter((frame) => frame.id === id)),
    errors: () => errorLines(log),
    http: (path, options) => request(parts.httpPort, path, options),
    memory: (anew = false) => askMemory(log, rig, anew),
    inject: (id, data) => rig(`r${id.toString(16).padStart(3, "0")}${Buffer.from(Array.from(data)).toString("base64")}`),
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

/** The simulator with its requests written down, and its bytes held back until none has come for `wholeMs`. */
function heardBy(simulator: Simulator, requests: System["requests"], wholeMs: number): Simulator {
  const receive = (bytes: Uint8Array): void => {
    requests.push({ at: performance.timeOrigin + performance.now(), bytes }); // the interpreter's clock, to the microsecond
    simulator.receive(bytes);
  };
  const onSend = (receiver: (bytes: Uint8Array) => void): (() => void) => {
    let held: Uint8Array[] = [], timer: NodeJS.Timeout | undefined;
    return simulator.onSend((bytes) => {
      held.push(bytes);
      clearTimeout(timer);
      timer = setTimeout(() => { receiver(Buffer.concat(held)); held = []; }, wholeMs);
    });
  };
  return { ...simulator, receive, onSend: wholeMs ? onSend : simulator.onSend };
}

/** Starts everything and resolves when the image runs (the prelude has reported). Throws where no interpreter is installed. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const interpreter = findInterpreter();
  if (!interpreter) throw new Error(NO_INTERPRETER);
  const undo = undoList();
  try {
    const directory = temporaryDirectory();
    undo.push(directory.remove);
    const broker = options.broker === "none" ? null : await startBroker(options.broker);
    undo.push(() => broker?.close());
    const simulator = createSimulator({ scenario: options.scenario, cells: options.cells });
    undo.push(() => simulator.close());
    const pty = join(directory.path, "uart"), requests: System["requests"] = [];
    const line = await servePty(heardBy(simulator, requests, options.wrapper ? WHOLE_REPLY_MS : 0), pty);
    undo.push(() => line.close());
    const httpPort = await freePort(), control = await openControl();
    undo.push(control.close);
    const ports = { broker: broker?.port ?? 0, http: httpPort, control: control.port };
    await provision({ interpreter }, directory.path, await flashFiles(options, pty, ports));
    const child = launchInterpreter({ interpreter, wrapper: options.wrapper }, directory.path);
    undo.push(() => stopProcess(child, "SIGKILL"));
    const system = handles({ requests, simulator, broker, httpPort, directory: directory.path, child }, control, undo.all);
    child.stdout!.on("data", (piece: Buffer) => takeOutput(system.console, piece.toString("latin1")));
    child.stderr!.on("data", () => undefined); // its start-up banner, and valgrind's
    await until("the prelude reports", options.bootTimeoutMs ?? 20_000, () => system.console.memory.length > 0);
    if (options.gx !== false) undo.push(keepGx(system));
    return system;
  } catch (error) {
    await undo.all();
    throw error;
  }
}

/** A GX on the bus: its keep-alive and its identity each second. Returns the switch that takes it away. */
function keepGx(system: System): () => void {
  const timer = setInterval(() => {
    system.inject(GX_KEEPALIVE, KEEPALIVE_DATA);
    system.inject(GX_IDENTITY, IDENTITY_DATA);
  }, GX_MS);
  return () => clearInterval(timer);
}

export { sleep, until };
