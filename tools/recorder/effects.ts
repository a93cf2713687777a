// What a message does to the tables, as values: the vocabulary between rows.ts, which makes them, and writer.ts, which
// writes them.
import type { Anchor } from "./clock";
import type { Json } from "./normalize";

/** A message as it came; `arrival` in ms since 1970. */
export interface Message {
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  dup: boolean;
  arrival: number;
}

/** A measured value; null is a gap. Times in ms since 1970. */
export interface Row {
  device: string;
  sensor: string;
  time: number;
  value: number | null;
  flags: number;
}

/**
 * The newest of a topic. `time` null: nobody knows how old it is. The higher `toldAt` wins. `isDurable`: no row of it
 * is kept, so it is written at once.
 */
export interface Latest {
  device: string;
  sensor: string;
  time: number | null;
  toldAt: number;
  value: number | null;
  text: string | null;
  document: string | null;
  quality: string | null;
  seq: number | null;
  isDurable: boolean;
}

/** Something that happened. `onChange`: kept only when it differs from the one before of its kind and key. */
export interface Happened {
  device: string;
  time: number;
  kind: string;
  key: string;
  data: Json;
  onChange: boolean;
}

/** What the list of devices shows; only newer wins, each field by itself. */
export type DeviceField = "online" | "bms_online" | "state" | "phase" | "fw" | "last_seen";
export interface DeviceFact {
  device: string;
  field: DeviceField;
  at: number;
  value: unknown;
}

export interface EnergyTotal {
  device: string;
  direction: string;
  period: string;
  date: string;
  kwh: number;
}

/** Columns of device_system_status or device_hardware that a message tells. */
export interface Facts {
  table: "system" | "hardware";
  device: string;
  at: number;
  values: Record<string, number | string>;
}

export interface ConfigSeen {
  device: string;
  module: string;
  at: number;
  document: string;
}
export interface Label {
  sensor: string;
  unit: string | null;
  label: string | null;
}
export interface BootAnchor {
  device: string;
  anchor: Anchor;
}
/** Forget the latest of a topic. */
export interface Cleared {
  device: string;
  sensor: string;
  at: number;
}
/** The answer to a push or a command; in memory only. */
export interface Answered {
  device: string;
  topic: "ack" | "cfg/ack";
  document: Json;
}

/** All that a message, or a batch of them, does. */
export interface Effects {
  rows: Row[];
  latest: Latest[];
  events: Happened[];
  facts: DeviceFact[];
  energy: EnergyTotal[];
  about: Facts[];
  config: ConfigSeen[];
  labels: Label[];
  anchors: BootAnchor[];
  cleared: Cleared[];
  answers: Answered[];
}

/** Most messages do one thing: what they do not do is this one list. */
const NONE: never[] = Object.freeze([]) as never;

export const noEffects = (): Effects => ({
  rows: NONE,
  latest: NONE,
  events: NONE,
  facts: NONE,
  energy: NONE,
  about: NONE,
  config: NONE,
  labels: NONE,
  anchors: NONE,
  cleared: NONE,
  answers: NONE,
});

/** True when a message does nothing at all. */
export function isNothing(all: Effects): boolean {
  const { rows, latest, events, facts, energy, about, config, labels, anchors, cleared, answers } = all;
  if (rows.length + latest.length + facts.length + events.length > 0) return false;
  const seldom = energy.length + about.length + config.length + labels.length;
  return seldom + anchors.length + cleared.length + answers.length === 0;
}

/** One more effect. Lists of effects are never changed in any other way. */
export function addEffect<K extends keyof Effects>(all: Effects, kind: K, one: Effects[K][number]): void {
  const list = all[kind] as (typeof one)[];
  if (list === NONE) all[kind] = [one] as Effects[K];
  else list.push(one);
}

function addAll<K extends keyof Effects>(all: Effects, kind: K, more: Effects[K]): void {
  for (let i = 0; i < more.length; i++) addEffect(all, kind, more[i]);
}

/** Adds what one message does to what a batch does. Each kind by its name: this runs for each message. */
export function addEffects(all: Effects, more: Effects): void {
  addAll(all, "rows", more.rows);
  addAll(all, "latest", more.latest);
  addAll(all, "events", more.events);
  addAll(all, "facts", more.facts);
  addAll(all, "energy", more.energy);
  addAll(all, "about", more.about);
  addAll(all, "config", more.config);
  addAll(all, "labels", more.labels);
  addAll(all, "anchors", more.anchors);
  addAll(all, "cleared", more.cleared);
  addAll(all, "answers", more.answers);
}

/** What goes to a live viewer, beside the topic. */
export interface LiveValue {
  value: unknown;
  time: number;
  sensor: string;
  unit: string;
  seq: number | null;
  quality: string;
  flags: number;
}

export type DeadReason =
  | "UnknownTopic"
  | "BadJson"
  | "TooBig"
  | "BadDevice"
  | "TooManySensors"
  | "TooOld"
  | "NoClock"
  | "Refused";

/** Each message ends as one of these: something to keep, nothing to keep, or a dead letter. */
export type Outcome =
  | { kind: "kept"; device: string; suffix: string; effects: Effects; live: LiveValue }
  | { kind: "ignored"; device: string }
  | { kind: "dead"; reason: DeadReason; device: string };
