// Everything that the model of the controller remembers, and its log. The behaviour is in the other twai-*.ts files.
// Source: ESP32 Technical Reference Manual, chapter TWAI.
import { Chip, ChipName, chips } from "./twai-chip";
import { Fifo, fifoOf } from "./twai-fifo";
import { Frame } from "./frame";
import { keep, Wire, wireOf } from "./wire";

export { keep };
export type { BusError, BusEvent, Partner } from "./wire";

/** MODE bits. */
export const RESET_MODE = 1,
  LISTEN_ONLY = 2,
  SELF_TEST = 4,
  SINGLE_FILTER = 8;
/** IR and IER bits, and the divider bit that hides among the latter. */
export const RX_IRQ = 1,
  TX_IRQ = 2,
  ERROR_IRQ = 4,
  OVERRUN_IRQ = 8,
  BAUD_DIVIDER = 16,
  PASSIVE_IRQ = 32,
  ARBITRATION_IRQ = 64,
  BUS_ERROR_IRQ = 128;

/** One access or bus event at `t` (us); `note` says what was special about it. */
export interface LogEntry {
  t: number;
  op: "peek" | "poke" | "pin" | "bus";
  addr: number;
  value: number;
  note: string;
}

export interface Transmit {
  window: Uint8Array;
  frame: Frame | null;
  pending: boolean;
  selfRx: boolean;
  singleShot: boolean;
  abort: boolean;
}

export interface Pins {
  out: number[];
  enable: number[];
  outSelect: Uint32Array;
  inSelect: Uint32Array;
  ioMux: Uint32Array;
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
  /** A failed single shot shows TCS = 1, as an abort does. No source decides: a driver must stand both. */
  singleShotCompletes?: boolean;
  /** Bit rate of the bus, bit/s. */
  bitrate?: number;
  /** At least this many of the newest entries stay in `log` and in `sent`; at most twice as many. */
  keep?: number;
}

export interface TwaiState extends Wire {
  options: Required<TwaiOptions>;
  chip: Chip;
  clockEnable: number;
  resetEnable: number;
  wasPulsed: boolean;
  pins: Pins;
  mode: number;
  ier: number;
  ir: number;
  btr0: number;
  btr1: number;
  cdr: number;
  alc: number;
  alcArmed: boolean;
  ecc: number;
  eccArmed: boolean;
  ewl: number;
  rec: number;
  tec: number;
  code: Uint8Array;
  mask: Uint8Array;
  /** Bit i: register i was written since the last hardware reset. */
  written: number;
  txComplete: boolean;
  errorStatus: boolean;
  errorPassive: boolean;
  busOff: boolean;
  tx: Transmit;
  fifo: Fifo;
  recoveredGroups: number;
  nextRxDamaged: boolean;
  postRecovery: boolean;
  access: { op: LogEntry["op"]; addr: number; value: number };
  log: LogEntry[];
  violations: LogEntry[];
  warnings: LogEntry[];
  count: { peeks: number; pokes: number };
}

const VIOLATIONS_KEPT = 1000;

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
  return {
    chip: "esp32",
    rev: 3,
    profile: "esp32",
    strict: true,
    fifoRevives: true,
    singleShotCompletes: false,
    bitrate: 500000,
    keep: 4096,
    ...options,
  };
}

function pinsOf(chip: Chip): Pins {
  return {
    out: [0, 0],
    enable: [0, 0],
    outSelect: new Uint32Array(chip.pins).fill(chip.plainOutput),
    inSelect: new Uint32Array(256),
    ioMux: new Uint32Array(chip.pins),
    manual: new Set(),
  };
}

/** Nothing in the transmit buffer; the window bytes are undefined until written. */
export function transmitOf(): Transmit {
  return { window: new Uint8Array(13), frame: null, pending: false, selfRx: false, singleShot: false, abort: false };
}

/**
 * A chip as it is before its power-up reset has acted on the controller (`hardwareReset` does that); `node` is to be
 * set.
 */
export function stateOf(given: TwaiOptions): Omit<TwaiState, "node"> {
  const options = defaults(given),
    chip = chips[options.chip];
  return {
    ...wireOf(options.bitrate, options.keep),
    options,
    chip,
    clockEnable: chip.clockEnableAtReset,
    resetEnable: 0,
    wasPulsed: false,
    pins: pinsOf(chip),
    mode: RESET_MODE,
    ier: 0,
    ir: 0,
    btr0: 0,
    btr1: 0,
    cdr: 0,
    alc: 0,
    alcArmed: true,
    ecc: 0,
    eccArmed: true,
    ewl: 96,
    rec: 0,
    tec: 0,
    code: new Uint8Array(4),
    mask: new Uint8Array(4),
    written: 0,
    txComplete: true,
    errorStatus: false,
    errorPassive: false,
    busOff: false,
    tx: transmitOf(),
    fifo: fifoOf(),
    recoveredGroups: 0,
    nextRxDamaged: false,
    postRecovery: false,
    access: { op: "bus", addr: 0, value: 0 },
    log: [],
    violations: [],
    warnings: [],
    count: { peeks: 0, pokes: 0 },
  };
}
