// Runs a controller's model on a real clock: virtual time follows `now`, so a host's globals can be the model's.
import { Mcp2515 } from "./mcp2515-model";
import { Twai } from "./twai-model";
import { BusAccess } from "./wire";

export interface RunOptions<Model> {
  model: Model;
  /** The caller's clock, ms; it may run faster than the real one. */
  now: () => number;
  /** Calls `callback` each `period` ms of real time until the function that it returns is called. */
  schedule: (callback: () => void, period: number) => () => void;
  /** Real time between two steps without any access, ms. */
  periodMs?: number;
}

/** The device's globals over the model, each brought up to date first. `stop` ends the timer. */
export interface RunningTwai extends Pick<Twai, "peek32" | "poke32" | "pinMode" | "digitalWrite"> {
  catchUp(): void;
  stop(): void;
}

/** Longest time that one step makes up for, ms: a computer that slept does not replay its night on the bus. */
const CATCH_UP_MAX_MS = 10000;

/**
 * Keep `model`'s time at `now()` from here on; `catchUp` does it at once, a timer so that the bus lives between
 * accesses. What another node sends comes at its time too: at the model's last one it would meet a frame of ours that
 * began meanwhile, and win the bus from it.
 */
function follow({
  model,
  now,
  schedule,
  periodMs = 5,
}: RunOptions<{ advance(us: number): void; bus: Pick<BusAccess["bus"], "inject"> }>): {
  catchUp(): void;
  stop(): void;
} {
  let last = now(),
    isMoving = false;
  function catchUp(): void {
    if (isMoving) return; // asked by a listener of the bus
    const at = now();
    const passed = Math.min(Math.max(0, at - last), CATCH_UP_MAX_MS);
    last = at;
    isMoving = true;
    try {
      model.advance(passed * 1000);
    } finally {
      isMoving = false;
    }
  }
  const { bus } = model,
    { inject } = bus;
  bus.inject = (frame) => {
    catchUp();
    inject(frame);
  };
  return { catchUp, stop: schedule(catchUp, periodMs) };
}

/** The on-chip controller on a real clock. */
export function runTwai(options: RunOptions<Twai>): RunningTwai {
  const { model } = options,
    { catchUp, stop } = follow(options);
  return {
    peek32: (addr: number, count?: number) => {
      catchUp();
      return model.peek32(addr, count as number) as number;
    },
    poke32: (addr, value) => {
      catchUp();
      model.poke32(addr, value);
    },
    pinMode: (pin, mode) => {
      catchUp();
      model.pinMode(pin, mode);
    },
    digitalWrite: (pin, value) => {
      catchUp();
      model.digitalWrite(pin, value);
    },
    catchUp,
    stop,
  };
}

/** The device's globals over an MCP2515 on its SPI ports; there is no register to peek at. */
export interface RunningMcp2515 extends RunningTwai {
  spi: Mcp2515["spi"];
}

/** An MCP2515 on a real clock. */
export function runMcp2515(options: RunOptions<Mcp2515>): RunningMcp2515 {
  const { model } = options,
    { catchUp, stop } = follow(options);
  return {
    peek32: () => 0,
    poke32: () => undefined,
    pinMode: (pin, mode) => {
      catchUp();
      model.pinMode(pin, mode);
    },
    digitalWrite: (pin, value) => {
      catchUp();
      model.digitalWrite(pin, value);
    },
    spi: {
      setup: model.spi.setup,
      send: (data, cs) => {
        catchUp();
        return model.spi.send(data, cs);
      },
    },
    catchUp,
    stop,
  };
}
