// Everything that the model of the controller remembers, and its log. The behaviour is in the other twai-*.ts files.
// Source: twai-model.md sections 1 and 3.
import { Chip, ChipName, chips } from "./twai-chip";
import { Fifo, fifoOf } from "./twai-fifo";
import { Frame } from "./frame";

/** MODE bits. */
export const RESET_MODE = 1, LISTEN_ONLY = 2, SELF_TEST = 4, SINGLE_FILTER = 8;
/** IR and IER bits, and the divider bit that hides among the latter. */
export const RX_IRQ = 1, TX_IRQ = 2, ERROR_IRQ = 4, OVERRUN_IRQ = 8, BAUD_DIVIDER = 16, PASSIVE_IRQ = 32,
  ARBITRATION_IRQ = 64, BUS_ERROR_IRQ = 128;

/** How the rest of the bus behaves: another node acknowledges, nobody does, the wire is stuck, or our level is never seen. */
export type Partner = "ack" | "none" | "stuckDominant" | "noEcho";

/** A frame that was completed on the wire at `t` (us): by this controller (`own`) or by another node. */
export interface BusEvent { t: number; frame: Frame; own: boolean; selfRx: boolean }

/** One access or bus event at `t` (us); `note` says what was special about it. */
export interface LogEntry { t: number; op: "peek" | "poke" | "pin" | "bus"; addr: number; value: number; note: string }

/** An error position as the ECC register codes it: segment 0..31, type 0 bit, 1 form, 2 stuff, 3 other. */
export interface BusError { seg: number; type: number; dominant?: boolean }

/** What another node does next: a frame, or a disturbance that this controller sees as a receive error. */
export type Inbound = { frame: Frame } | { error: BusError };

export interface Bus {
  partner: Partner;
  /** Bit rate of the other nodes, bit/s; a controller off by more than 1 % is never understood. */
  bitrate: number;
  /** Count 20 % stuff bits. */
  stuffing: boolean;
  /** A test that stops the controller on purpose sets it: cutting a frame is then no violation. */
  allowTruncated: boolean;
  /** Called for each frame completed on the wire. */
  listeners: ((event: BusEvent) => void)[];
}

/** Phases of the bus engine; `until` in the state is when the phase ends. */
export type Phase = "off" | "integrating" | "recovering" | "idle" | "sending" | "receiving" | "gap" | "stuck";

/** What the attempt on the wire will come to. */
export type Outcome = "sent" | "unacknowledged" | "bitError" | BusError;

export interface Transmit {
  window: Uint8Array; frame: Frame | null;
  pending: boolean; selfRx: boolean; singleShot: boolean; abort: boolean; outcome: Outcome;
}

export interface Pins {
  out: number[]; enable: number[];
  outSelect: Uint32Array; inSelect: Uint32Array; ioMux: Uint32Array;
  /** Pins whose mode was set by hand: digitalWrite leaves their pad alone. */
  manual: Set<number>;
}

export interface TwaiOptions {
  chip?: ChipName;
  /** Silicon revision; the extra baud divider exists from 2 on. */
  rev?: number;
  /** `esp32` with its errata, or the part it descends from. */
  profile?: "esp32" | "sja1000";
  /** Also complain about what hardware forgives: reads of CMD, an incomplete set-up on leaving reset mode. */
  strict?: boolean;
  /** A dead FIFO comes back by a turn through reset mode (else only by a hardware reset). */
  fifoRevives?: boolean;
  /** Bit rate of the bus, bit/s. */
  bitrate?: number;
  /** At least this many of the newest entries stay in `log` and in `sent`; at most twice as many. */
  keep?: number;
}

export interface TwaiState {
  options: Required<TwaiOptions>; chip: Chip;
  /** Virtual time, us. */
  now: number;
  clockEnable: number; resetEnable: number; wasPulsed: boolean;
  pins: Pins;
  mode: number; ier: number; ir: number; btr0: number; btr1: number; cdr: number;
  alc: number; alcArmed: boolean; ecc: number; eccArmed: boolean;
  ewl: number; rec: number; tec: number;
  code: Uint8Array; mask: Uint8Array;
  /** Bit i: register i was written since the last hardware reset. */
  written: number;
  txComplete: boolean; errorStatus: boolean; errorPassive: boolean; busOff: boolean;
  tx: Transmit; fifo: Fifo;
  phase: Phase; until: number; recoveredGroups: number; isDominant: boolean;
  inbound: Inbound[]; foreign: { item: Inbound; endsAt: number } | null; wireFreeAt: number;
  nextRxDamaged: boolean; postRecovery: boolean;
  txErrors: BusError[]; lostArbitrations: { bit: number; frame: Frame }[];
  bus: Bus;
  access: { op: LogEntry["op"]; addr: number; value: number };
  log: LogEntry[]; violations: LogEntry[]; warnings: LogEntry[]; sent: BusEvent[];
  count: { peeks: number; pokes: number };
}

const VIOLATIONS_KEPT = 1000;

/** Add to a list that never holds more than twice `limit`; the newest stay. */
export function keep<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length >= 2 * limit) list.splice(0, limit);
}

/** Log the access or bus event under way. */
export function logNote(s: TwaiState, note: string): LogEntry {
  const entry = { t: s.now, ...s.access, note };
  keep(s.log, entry, s.options.keep);
  return entry;
}

/** Record something that the hardware would ignore or punish. */
export function violate(s: TwaiState, note: string): void {
  keep(s.violations, logNote(s, "violation: " + note), VIOLATIONS_KEPT);
}

/** Record something that is probably a mistake, though the controller itself does not mind. */
export function warn(s: TwaiState, note: string): void {
  keep(s.warnings, logNote(s, "warning: " + note), VIOLATIONS_KEPT);
}

function defaults(options: TwaiOptions): Required<TwaiOptions> {
  return { chip: "esp32", rev: 3, profile: "esp32", strict: true, fifoRevives: true, bitrate: 500000, keep: 4096, ...options };
}

function pinsOf(chip: Chip): Pins {
  return {
    out: [0, 0], enable: [0, 0], outSelect: new Uint32Array(chip.pins).fill(chip.plainOutput),
    inSelect: new Uint32Array(256), ioMux: new Uint32Array(chip.pins), manual: new Set(),
  };
}

/** Nothing in the transmit buffer; the window bytes are undefined until written. */
export function transmitOf(): Transmit {
  return {
    window: new Uint8Array(13), frame: null, pending: false, selfRx: false, singleShot: false, abort: false, outcome: "sent",
  };
}

/** A chip as it is before its power-up reset has acted on the controller (`hardwareReset` does that). */
export function stateOf(given: TwaiOptions): TwaiState {
  const options = defaults(given), chip = chips[options.chip];
  return {
    options, chip, now: 0,
    clockEnable: chip.clockEnableAtReset, resetEnable: 0, wasPulsed: false, pins: pinsOf(chip),
    mode: RESET_MODE, ier: 0, ir: 0, btr0: 0, btr1: 0, cdr: 0,
    alc: 0, alcArmed: true, ecc: 0, eccArmed: true, ewl: 96, rec: 0, tec: 0,
    code: new Uint8Array(4), mask: new Uint8Array(4), written: 0,
    txComplete: true, errorStatus: false, errorPassive: false, busOff: false, tx: transmitOf(), fifo: fifoOf(),
    phase: "off", until: Infinity, recoveredGroups: 0, isDominant: false,
    inbound: [], foreign: null, wireFreeAt: 0, nextRxDamaged: false, postRecovery: false,
    txErrors: [], lostArbitrations: [],
    bus: { partner: "ack", bitrate: options.bitrate, stuffing: false, allowTruncated: false, listeners: [] },
    access: { op: "bus", addr: 0, value: 0 },
    log: [], violations: [], warnings: [], sent: [], count: { peeks: 0, pokes: 0 },
  };
}
