// A gate before a broker's port: whoever passes it can be cut off in the middle of a packet, and it can stay shut for a
// while.
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Random } from "../simulator/random";

export interface Gate {
  port: number;
  /** Connections that came through. */
  passed: number;
  /**
   * When `bytes` more have passed, in both directions together, or after `limitMs`: every connection breaks, what had
   * not passed is lost, and nobody comes in before `open`.
   */
  cut(bytes: number, limitMs: number): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

interface GateState {
  left: number;
  pairs: Set<[Socket, Socket]>;
  shut(): void;
  random: Random;
}

/** Both sides are told: by a reset, or as if the other had ended. */
function breakPair([near, far]: [Socket, Socket], random: Random): void {
  if (random() < 0.5) near.resetAndDestroy();
  else near.destroySoon();
  far.resetAndDestroy();
}

/** One direction. */
function carry(s: GateState, from: Socket, to: Socket): void {
  from.on("data", (bytes) => {
    const fits = Math.min(bytes.length, s.left);
    s.left -= fits;
    if (fits && !to.destroyed) to.write(bytes.subarray(0, fits));
    if (s.left === 0) s.shut();
  });
}

function admit(s: GateState, near: Socket, port: number): void {
  const far = connect(port, "127.0.0.1"),
    pair: [Socket, Socket] = [near, far];
  s.pairs.add(pair);
  for (const [one, other] of [pair, [far, near]] as const) {
    one.setNoDelay(true);
    one.on("error", () => undefined);
    one.on("close", () => {
      other.destroySoon();
      s.pairs.delete(pair);
    });
    carry(s, one, other);
  }
}

/** A gate on a free port before `port` of this machine, open. */
export async function startGate(port: number, random: Random): Promise<Gate> {
  let isShut = (): void => undefined;
  const s: GateState = {
    left: Infinity,
    pairs: new Set(),
    random,
    shut: () => {
      s.left = Infinity;
      server.close();
      s.pairs.forEach((pair) => breakPair(pair, random));
      s.pairs.clear();
      isShut();
    },
  };
  const server = createServer((near) => {
    gate.passed++;
    admit(s, near, port);
  });
  const listen = (at: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(at, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(0);
  const gate: Gate = {
    port: (server.address() as AddressInfo).port,
    passed: 0,
    cut: (bytes, limitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => s.shut(), limitMs);
        isShut = () => {
          clearTimeout(timer);
          resolve();
        };
        s.left = bytes;
      }),
    open: () => listen(gate.port),
    close: async () => {
      s.pairs.forEach(([near, far]) => {
        near.destroy();
        far.destroy();
      });
      server.close();
    },
  };
  return gate;
}
