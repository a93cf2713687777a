// Both CAN drivers, each on the model of its controller, behind one face: what is called, what it gave back and every
// access that it made are recorded, so that the interpreter can be held to the same (can-interpreter.test.ts).
import { chip } from "./chip";
import { mcp2515 } from "../../firmware/drivers/can-mcp2515";
import { selfTestMcp2515, startMcp2515 } from "../../firmware/drivers/can-mcp2515.cold";
import { twai } from "../../firmware/drivers/can-twai";
import { selfTestTwai, startTwai } from "../../firmware/drivers/can-twai.cold";
import type { CanHealth, CanPort } from "../../firmware/kernel/ports";
import { createMcp2515, type Mcp2515 } from "../../tools/can/mcp2515-model";
import { createTwai, type Twai } from "../../tools/can/twai-model";
import type { TwaiOptions } from "../../tools/can/twai-state";
import type { BusAccess, BusEvent } from "../../tools/can/wire";

/** One access: its kind, where, what was written, what came back. */
export type Access = [kind: string, where: unknown, written: unknown, back: unknown];
/** One call of the driver: its name and arguments, its result, the port's counters after it, its accesses. */
export interface Call {
  name: string;
  args: unknown[];
  result: unknown;
  counters: number[];
  accesses: Access[];
}

export interface CanRig extends BusAccess {
  port: CanPort;
  calls: Call[];
  start(settings?: { rate?: number; listen_only?: boolean }): boolean;
  selfTest(): boolean;
  tend(): number;
  send(id: number, data: number[]): boolean;
  receive(): number;
  health(): CanHealth;
  /** Virtual time, ms; and let some pass, us. */
  now(): number;
  pass(us: number): void;
  sent: BusEvent[];
  /** Violations and warnings of the model so far. */
  complaints(): string[];
  /** Accesses of the last call. */
  cost(): number;
}

interface Model extends BusAccess {
  advance(us: number): void;
  sent: BusEvent[];
  violations: { note: string }[];
  warnings: { note: string }[];
  state: { now: number };
}

interface Parts {
  model: Model;
  port: CanPort;
  accesses: Access[];
  start(settings: Record<string, unknown>): boolean;
  selfTest(settings: Record<string, unknown>): boolean;
}

/** Time of one access to a register, us. */
const ACCESS_US = 5;
const unused = new Map<CanPort, object>([
  [twai, { ...twai }],
  [mcp2515, { ...mcp2515 }],
]);

/** The driver as it is before its start. */
function fresh(port: CanPort): void {
  const as = unused.get(port) as Record<string, unknown>;
  Object.keys(port).forEach((key) => {
    if (!(key in as)) delete (port as unknown as Record<string, unknown>)[key];
  });
  Object.assign(port, as);
}

const wordsOf = (value: unknown): unknown[] =>
  typeof value === "object" ? Array.from(value as ArrayLike<unknown>) : [value];

function rigOf(parts: Parts): CanRig {
  const { model, port, accesses } = parts,
    calls: Call[] = [];
  const now = (): number => Math.round(model.state.now) / 1000;
  function call<T>(name: string, args: unknown[], run: () => T): T {
    accesses.length = 0;
    const result = run();
    calls.push({
      name,
      args,
      result,
      counters: [port.tx, port.rx, port.errors, port.busOff, port.ackAt],
      accesses: [...accesses],
    });
    return result;
  }
  fresh(port);
  return {
    port,
    calls,
    now,
    pass: model.advance,
    sent: model.sent,
    bus: model.bus,
    fault: model.fault,
    start: (settings = {}) => {
      const whole = { rate: 500, listen_only: false, ...settings };
      const isStarted = call("start", [whole.rate, whole.listen_only], () => parts.start(whole));
      model.advance(10000);
      return isStarted;
    },
    selfTest: () => call("selfTest", [500, false], () => parts.selfTest({ rate: 500, listen_only: false })),
    tend: () => {
      const at = now();
      return call("tend", [at], () => port.tend(at));
    },
    send: (id, data) => {
      const at = now();
      return call("send", [id, data, at], () => port.send(id, Uint8Array.from(data), at));
    },
    receive: () => call("receive", [], () => port.receive()),
    health: () => call("health", [], () => port.health()),
    complaints: () => [...model.violations, ...model.warnings].map(({ note }) => note),
    cost: () => calls[calls.length - 1].accesses.length,
  };
}

/**
 * The on-chip controller's driver on its model. `alter` may change an access before it reaches the model (undefined: it
 * is lost).
 */
export function twaiRig(
  options: TwaiOptions = {},
  alter?: (access: Access, n: number) => Access | undefined,
): CanRig & { model: Twai } {
  const model = createTwai({ strict: true, ...options }),
    accesses: Access[] = [];
  let n = 0;
  function noted(kind: string, where: unknown, written: unknown, carryOut: (access: Access) => unknown): unknown {
    const access: Access = [kind, where, written, null],
      altered = alter ? alter(access, n++) : access;
    const back = altered ? carryOut(altered) : 0;
    access[3] = typeof back === "object" ? wordsOf(back) : (back ?? null);
    accesses.push(access);
    model.advance(ACCESS_US);
    return back;
  }
  const registers = model as unknown as { peek32(addr: number, count: number): number | Uint32Array };
  chip.peek32 = (addr, count = 1) => noted("peek", addr, count, () => registers.peek32(addr, count)) as number;
  chip.poke32 = (addr, value) => {
    noted("poke", addr, wordsOf(value), () => model.poke32(addr, value));
  };
  Object.assign(globalThis, {
    pinMode: (pin: number, mode: string) => {
      noted("mode", pin, mode, () => model.pinMode(pin, mode));
    },
    digitalWrite: (pin: number, value: number) => {
      noted("level", pin, value, () => model.digitalWrite(pin, value));
    },
  });
  const start = (settings: Record<string, unknown>): boolean => startTwai(twai, settings);
  return {
    ...rigOf({ model, port: twai, accesses, start, selfTest: (settings) => selfTestTwai(twai, settings) }),
    model,
  };
}

/** The MCP2515's driver on its model, for a crystal of so many MHz; the board's may be another (`board`). */
export function mcp2515Rig(crystal: number, bitrate = 500000, board = crystal): CanRig & { model: Mcp2515 } {
  const model = createMcp2515({ crystal, bitrate }),
    accesses: Access[] = [];
  const noted = (kind: string, where: unknown, written: unknown, back: unknown): void =>
    void accesses.push([kind, where, written, back]);
  Object.assign(globalThis, {
    SPI2: {
      setup: (given: object) => {
        noted("setup", "SPI2", given, null);
        model.spi.setup(given);
      },
      send: (data: number | ArrayLike<number>, cs: number) => {
        const written = wordsOf(data),
          back = model.spi.send(data, cs);
        noted("spi", cs, written, typeof back === "number" ? back : Array.from(back));
        return back;
      },
    },
    pinMode: (pin: number, mode: string) => {
      noted("mode", pin, mode, null);
      model.pinMode(pin, mode);
    },
    digitalWrite: (pin: number, value: number) => {
      noted("level", pin, value, null);
      model.digitalWrite(pin, value);
    },
  });
  const start = (settings: Record<string, unknown>): boolean => startMcp2515(mcp2515, settings, board);
  return {
    ...rigOf({
      model,
      port: mcp2515,
      accesses,
      start,
      selfTest: (settings) => selfTestMcp2515(mcp2515, settings, board),
    }),
    model,
  };
}

/** The controllers that the shared suite runs over: what a rig is made with, and the bit rates that it can do. */
export const controllers: {
  name: string;
  driver: "twai" | "mcp2515";
  crystal: number;
  rates: number[];
  make(bitrate?: number): CanRig;
}[] = [
  {
    name: "TWAI",
    driver: "twai",
    crystal: 0,
    rates: [125, 250, 500, 1000],
    make: (bitrate) => twaiRig({ bitrate: bitrate ?? 500000 }),
  },
  {
    name: "TWAI where a failed single shot shows TCS",
    driver: "twai",
    crystal: 0,
    rates: [500],
    make: (bitrate) => twaiRig({ bitrate: bitrate ?? 500000, singleShotCompletes: true }),
  },
  {
    name: "MCP2515 at 16 MHz",
    driver: "mcp2515",
    crystal: 16,
    rates: [125, 250, 500, 1000],
    make: (bitrate) => mcp2515Rig(16, bitrate),
  },
  {
    name: "MCP2515 at 8 MHz",
    driver: "mcp2515",
    crystal: 8,
    rates: [125, 250, 500],
    make: (bitrate) => mcp2515Rig(8, bitrate),
  },
];
