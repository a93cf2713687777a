// A change of the settings that is under way: settings/put.cold.ts takes it from stage to stage, one a turn of the main
// loop, so that nothing waits long for the UART.
import type { Merge } from "./merge.cold";
import type { Values } from "../config/settings.cold";
import type { RegisterStyle } from "../publish/state";
import type { Limits } from "../charge/limits";

/** What a file of exported settings calls itself, and the version that is made and read. */
export const FILE_FORMAT = "tinybms-gateway-settings",
  FILE_VERSION = 1;

/** What comes of it. */
export interface Put {
  /** What an answer by MQTT repeats of the message: `,"id":7`, or "". */
  id: string;
  /** Standard code of a refusal ("" when all went well), the field, and the reason for people. */
  code: string;
  where: string;
  reason: string;
  /** The new document, "" when the patch is refused. */
  document: string;
  changed: string[];
  /** Something counts only from the next start. */
  restart: boolean;
  /** What the change does to the limits, for people. */
  warnings: string[];
}

/** What settings lead to: rules that do not hold (bits), largest currents now (A), voltages of the pack (mV). */
export interface Outcome {
  isValid: boolean;
  broken: number;
  currents: number[];
  bulk: number;
  float: number;
}

/** Limits to try settings with, beside those in force, and what those lead to. */
export interface Trial {
  limits: Limits;
  values: Float64Array;
  isKnown: boolean;
  before: Outcome | null;
  after: Outcome | null;
}

/** What is asked for. */
export interface Asked {
  /** JSON of modules, or of the settings of `module` when that is not "". */
  text: string;
  module: string;
  /** The JSON is a file of exported settings. */
  isFile?: boolean;
  /** "h" for HTTP and "a" for MQTT, which may change less. */
  remote: "h" | "a";
  /** Only checked; done though it silences CAN or ends a current. */
  dry: boolean;
  confirmed: boolean;
  /** Told once of what came of it, when the settings are in force or nothing is changed. */
  then(put: Put, values: Record<string, Values>): void;
}

/** MQTT on its way from the old settings to the new ones. */
export interface Move {
  /** How register messages go out then; QoS, retain and rank of each class of topics. */
  style: RegisterStyle | null;
  flags: number[];
  /** Classes that are to be cleared, a bit each, and the piece that is next. */
  kinds: number;
  piece: number;
  /** The base topic then; register topics move; the connection stays. */
  base: string;
  moves: boolean;
  stays: boolean;
}

export interface Change {
  asked: Asked;
  stage: number;
  /** When the last stage ended (ms). */
  at: number;
  /** A message in pieces must be out first. */
  waits: boolean;
  merge: Merge | null;
  /** The CA's certificate that came with them (DER), "" for none; null: it stays as it is. */
  ca: string | null;
  /** Modules that are still to be read, and the place in the table of the next row. */
  toRead: string[];
  from: number;
  /** New settings of the modules that matter. */
  values: Record<string, Values>;
  trial: Trial | null;
  move: Move | null;
  put: Put;
}
