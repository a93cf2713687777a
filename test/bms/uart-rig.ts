// The UART task against the simulated unit on a virtual clock: no build, no CAN, no network. What comes back can be cut
// on its way.
import { clockOf } from "../../firmware/time/clock.cold";
import { journalOf, type Journal } from "../../firmware/battery/journal";
import { snapshotOf, type Snapshot } from "../../firmware/battery/snapshot";
import { pollPlan } from "../../firmware/bms/plan.baked.cold";
import { pollerOf } from "../../firmware/bms/poller";
import type { Natives } from "../../firmware/kernel/ports";
import { samplesOf } from "../../firmware/kernel/samples";
import { uartReceived, uartTaskOf, type UartTask } from "../../firmware/bms/task";
import { virtualClock, type VirtualClock } from "../../tools/host/clock";
import { createSimulator, type Simulator } from "../../tools/simulator/simulator";
import { toArrayBuffer } from "../fixtures/bytes";

/** Period of the task and of the battery; what comes within this is one reply. */
const TICK_MS = 250,
  QUIET_MS = 3;

export interface UartRig {
  clock: VirtualClock;
  simulator: Simulator;
  uart: UartTask;
  snapshot: Snapshot;
  journal: Journal;
  /** Every request, with its time; every reply as it left the unit. */
  asked: { at: number; request: string }[];
  replies: string[];
  /** What arrives of a reply, in its pieces; by default all in one. */
  pass: (reply: string, request: string) => string[];
  /** Told of a request before the unit hears it. */
  onAsk?: (request: string) => void;
  run(ms: number): void;
}

/** Bytes that the reply to a read can have at most; 0 for what is no read. */
export function replyBytes(request: string): number {
  const at = (i: number): number => request.charCodeAt(i);
  switch (at(1)) {
    case 0x03:
      return 5 + 2 * (at(4) * 256 + at(5));
    case 0x07:
      return 5 + 2 * at(2);
    case 0x09:
      return 5 + 2 * at(2);
    case 0x12:
      return 205;
    case 0x1c:
      return 37;
    case 0x1d:
      return 5 + 2 * (at(3) * 256 + at(4));
    default:
      return 0;
  }
}

/** Nothing happens before `run`. */
export function uartRig(scenario = "idle", seed = 1): UartRig {
  const clock = virtualClock(),
    simulator = createSimulator({ scenario, seed, auto: false, now: clock.now, schedule: clock.schedule });
  const snapshot = snapshotOf(),
    journal = journalOf();
  const rig = {
    clock,
    simulator,
    snapshot,
    journal,
    asked: [],
    replies: [],
    pass: (reply: string) => [reply],
  } as unknown as UartRig;
  const uart = uartTaskOf(
    {
      poller: pollerOf(pollPlan()),
      snapshot,
      natives: { now: clock.now, toArrayBuffer } as unknown as Natives,
      samples: samplesOf(16),
      port: {
        write: (request: string) => {
          rig.asked.push({ at: clock.now(), request });
          rig.onAsk?.(request);
          simulator.receive(Buffer.from(request, "latin1"));
        },
      },
      journal,
      clock: clockOf(),
      worse: () => undefined,
      taken: () => undefined,
    },
    { poll_ms: TICK_MS, timeout_ms: 150, retries: 1 },
  );
  rig.uart = uart;
  const { task } = uart;
  const tick = (): void => {
    task.step(uart as never, clock.now());
    clock.schedule(TICK_MS, tick);
  };
  clock.schedule(TICK_MS, tick);
  let held = "",
    cancel = (): void => undefined;
  simulator.onSend((bytes) => {
    held += Buffer.from(bytes).toString("latin1");
    cancel();
    cancel = clock.schedule(QUIET_MS, () => {
      const reply = held;
      held = "";
      rig.replies.push(reply);
      for (const piece of rig.pass(reply, rig.asked.at(-1)?.request ?? "")) if (piece) uartReceived(uart, piece);
    });
  });
  const move = (): void => {
    simulator.step(TICK_MS / 1000);
    clock.schedule(TICK_MS, move);
  };
  clock.schedule(TICK_MS, move);
  rig.run = (ms) => clock.run(ms);
  return rig;
}
