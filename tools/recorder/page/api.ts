// What the recorder answers, and asking it. Times are ISO texts unless a name or comment says ms.
import type { Argument, Command } from "../commands";
import type { DeadReason } from "../effects";
import type { DeviceError, Patch, PushState } from "../pushes";

export type { Argument, Command, DeadReason, DeviceError, Patch, PushState };

/** Newest state of a device as it tells it on rt/state; null is unknown. */
export interface State {
  soc: number | null;
  v: number | null;
  i: number | null;
  p: number | null;
  cmin: number | null;
  cmax: number | null;
  cd: number | null;
  t1: number | null;
  t2: number | null;
  cvl: number | null;
  ccl: number | null;
  dcl: number | null;
  ein: number | null;
  eout: number | null;
  st: string | null;
  lim: string | null;
  ph: string | null;
}

/** A device of the fleet. `stateAt` in ms. */
export interface FleetRow {
  id: string;
  name: string | null;
  firstSeen: string;
  lastSeen: string | null;
  online: boolean | null;
  bmsOnline: boolean | null;
  phase: string | null;
  fw: string | null;
  state: Partial<State> | null;
  stateAt: number | null;
  alarms: number;
  severity: number;
}

export interface DeviceAnswer {
  time: number;
  device: FleetRow;
  system: Record<string, unknown> | null;
  hardware: Record<string, unknown> | null;
}

export interface Latest {
  sensor: string;
  label: string | null;
  unit: string | null;
  digits: number | null;
  time: string | null;
  value: number | null;
  text: string | null;
  document: unknown;
  quality: string | null;
}

/** Points of a sensor as columns; `t` in ms, `step` 0 for single values. */
export interface History {
  sensor: string;
  step: number;
  t: number[];
  min: (number | null)[];
  max: (number | null)[];
  avg: (number | null)[];
}

export interface Gap {
  from: string;
  to: string;
  cause: string;
  replayed: boolean | null;
}

export interface Alarm {
  device: string;
  id: number;
  code: string;
  severity: number;
  value: number | null;
  raisedAt: string;
  clearedAt: string | null;
  ackedAt: string | null;
  ackedBy: string | null;
}

export interface StoryEvent {
  time: string;
  kind: string;
  key: string;
  data: unknown;
}

export interface Energy {
  date: string;
  direction: "charge" | "discharge";
  kwh: number;
}

export type Value = string | number | boolean | null;
export type Settings = Record<string, Record<string, Value>>;

/** A setting that may be changed. */
export interface Field {
  module: string;
  key: string;
  type: "bool" | "int" | "number" | "string";
  default?: boolean | number | string;
  unit?: string;
  min?: number;
  max?: number;
  oneOf?: (string | number)[];
  secret?: true;
  doc: string;
}

export interface ConfigModule {
  module: string;
  document: Record<string, Value>;
  seenAt: string;
  version: number;
}

export interface Push {
  id: string;
  patch: Patch;
  by: string;
  at: string;
  state: PushState;
  ack: unknown;
}

/** A message that could not be kept; of `payload` the beginning. */
export interface Letter {
  hash: string;
  receivedAt: string;
  topic: string;
  reason: DeadReason;
  tries: number;
  payload: string;
}

export interface RollOut {
  id: string;
  devices: number;
  isDone: boolean;
  results: { device: string; state: PushState; err?: DeviceError; ms?: number; changed?: string[] }[];
}

export type Role = "write" | "read" | null;

/** An answer that is no success: what the recorder or the device said, `where` naming the field. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly err: DeviceError,
  ) {
    super(err.where ? `${err.where}: ${err.reason || err.code}` : err.reason || err.code);
  }
}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(path, init).catch(() => {
    throw new Refusal(0, { code: "Away", where: "", reason: "the recorder does not answer", retryable: true });
  });
  const body = (await answer.json().catch(() => ({}))) as { err?: DeviceError };
  if (answer.ok) return body as T;
  const unknown = { code: String(answer.status), where: "", reason: "status " + answer.status, retryable: false };
  throw new Refusal(answer.status, body.err ?? unknown);
}

/** GET; throws a Refusal. */
export const get = <T>(path: string): Promise<T> => ask<T>(path);

/** POST of JSON; throws a Refusal. */
export function post<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/** Path of a device's part of the API. */
export const ofDevice = (id: string, part: string): string => `/api/devices/${encodeURIComponent(id)}${part}`;

/** What to tell people about something that was thrown. */
export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
