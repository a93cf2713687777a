// A virtual Victron GX on the model's bus: it keeps alive, acknowledges, reads what the gateway says and misses a lost
// battery. Source: Victron "CAN-bus BMS Protocol" (2021-04-17).
import { canFrames, GX_IDENTITY, GX_KEEPALIVE } from "../../firmware/tables/frames";
import { CandumpRecord } from "./candump";
import { DecodedField, decodeFrame } from "./decode";
import { BusAccess, BusEvent, keep } from "./wire";

/** The limits of the last 0x351, by row key (V, A), and when it came (ms). */
export interface GxLimits {
  at: number;
  charge_voltage_limit: number;
  charge_current_limit: number;
  discharge_current_limit: number;
  discharge_voltage_limit: number;
}

/** A frame of the gateway as the GX received it, at `at` ms of the caller's clock. */
export interface GxFrame {
  at: number;
  id: number;
  data: number[];
}

export interface GxOptions {
  bus: BusAccess["bus"];
  /** The caller's clock, ms. */
  now: () => number;
  /** Called with each frame on the wire, the GX's own included: `formatCandump` makes a log line of it. */
  onFrame?: (record: CandumpRecord) => void;
  /** At least this many of the newest frames stay in `frames`; at most twice as many. */
  keepFrames?: number;
}

export interface Gx {
  options: Required<GxOptions>;
  isPlugged: boolean;
  /** `none` before the first 0x351, `lost` when none came for 3 s. `losses` counts the times. */
  battery: "none" | "present" | "lost";
  losses: number;
  limits: GxLimits | null;
  /** The newest value of every field, by its label. */
  latest: Record<string, DecodedField>;
  frames: GxFrame[];
  /**
   * Frames of the gateway, those with an identifier that is in no row among them, and those that only a GX may send.
   */
  received: number;
  unknown: number;
  impostors: number;
  dueAt: number;
}

const PERIOD_MS = 1000,
  LOST_AFTER_MS = 3000;
const LIMITS_ID = canFrames.filter((row) => row.fields.some((field) => field.from === "charge_voltage_limit"))[0].id;
const KEEPALIVE_DATA = [0, 0, 0, 0, 0, 0, 0, 0];
const IDENTITY_DATA = [0x12, 0x34, 0x56, 0x78, 0x56, 0x49, 0x43, 0x00];

function limitsOf(fields: DecodedField[], at: number): GxLimits {
  return { at, ...Object.fromEntries(fields.map((field) => [field.key, field.rowValue])) } as unknown as GxLimits;
}

/** Read one frame of the gateway. */
function receive(gx: Gx, event: BusEvent, at: number): void {
  const { id, data, ext, rtr } = event.frame;
  gx.received++;
  keep(gx.frames, { at, id, data }, gx.options.keepFrames);
  if (id === GX_KEEPALIVE || id === GX_IDENTITY) gx.impostors++;
  const decoded = ext || rtr ? null : decodeFrame(id, data);
  if (!decoded) {
    gx.unknown++;
    return;
  }
  decoded.fields.forEach((field) => {
    gx.latest[field.label] = field;
  });
  if (id !== LIMITS_ID) return;
  gx.limits = limitsOf(decoded.fields, at);
  gx.battery = "present";
}

/** A GX plugged into the bus of a model. Call `stepGx` at least ten times a second of its clock. */
export function createGx(options: GxOptions): Gx {
  const gx: Gx = {
    options: { onFrame: () => undefined, keepFrames: 1000, ...options },
    isPlugged: true,
    battery: "none",
    losses: 0,
    limits: null,
    latest: {},
    frames: [],
    received: 0,
    unknown: 0,
    impostors: 0,
    dueAt: options.now(),
  };
  options.bus.partner = "ack";
  options.bus.listeners.push((event) => {
    const at = options.now();
    gx.options.onFrame({ seconds: at / 1000, channel: "can0", frame: event.frame });
    if (event.own && gx.isPlugged) receive(gx, event, at);
  });
  return gx;
}

/** Send what is due, and notice that the battery has gone. Periods that were slept through are not made up for. */
export function stepGx(gx: Gx): void {
  const at = gx.options.now();
  if (gx.battery === "present" && gx.limits && at - gx.limits.at > LOST_AFTER_MS) {
    gx.battery = "lost";
    gx.losses++;
  }
  if (at < gx.dueAt) return;
  gx.dueAt = at - gx.dueAt < PERIOD_MS ? gx.dueAt + PERIOD_MS : at + PERIOD_MS;
  if (!gx.isPlugged) return;
  gx.options.bus.inject({ id: GX_KEEPALIVE, data: KEEPALIVE_DATA });
  gx.options.bus.inject({ id: GX_IDENTITY, data: IDENTITY_DATA });
}

/** Pull the GX's cable (nobody acknowledges any more), or put it back. */
export function plugGx(gx: Gx, isPlugged: boolean): void {
  gx.isPlugged = isPlugged;
  gx.options.bus.partner = isPlugged ? "ack" : "none";
}
