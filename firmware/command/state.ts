// What commands keep between their messages and steps. Types, and the places of what is published of the settings.
import type { Socket } from "../kernel/ports";
import type { Change } from "../settings/change";
import type { Listener } from "../publish/needs";

/** Longest message, characters. */
export const MOST_MESSAGE = 1024;
/** Setting mqtt.commands: safe commands, and settings. */
export const SAFE = 1;
/** Setting mqtt.commands: all commands. */
export const ALL_COMMANDS = 2;

/** Flags of an answer that goes to HTTP. */
export const BY_HTTP = 128;

/** They come (`at`) for an answer that found no room, settings to publish, the end of a conversation. */
export interface Commands extends Listener {
  /** Setting mqtt.commands: 0 off, 1 safe, 2 all; flags of answers (QoS x 2, retain 1). */
  mode: number;
  answerFlags: number;
  /** Setting http.read_auth. */
  readAuth: boolean;
  /** Sum of the TinyBMS settings that were published last. */
  registers: number;
  /** Answers that found no room: suffix, text, flags, ... Messages that came while there were too many. */
  out: (string | number)[];
  dropped: number;
  /** The change of the settings that is under way. */
  change?: Change | null;
  /** The text of a module for cfg/<module> as far as it is made, and the place in the table where it goes on. */
  shown?: { module: string; from: number; text: string } | null;
  /** The command that waits for the TinyBMS. */
  asked?: Asked | null;
  /** The test of the connection that is under way. */
  test?: MqttTest | null;
  /** Who waits at HTTP for what came of a command, since when (ms): what its answer repeats of it, and the result. */
  told?: { at: number; tell(tail: string, result: string): void } | null;
  /** The device restarts then (ms); 0: it does not. */
  restartAt: number;
}

/**
 * A command that is answered later: name, arguments, what its answer repeats of it (`,"cmd":...,"id":...`), flags of
 * the answer.
 */
export interface Asked {
  cmd: string;
  args: Record<string, unknown>;
  tail: string;
  flags: number;
}

/** A try to connect, beside the connection in use. */
export interface MqttTest {
  /** How far it came: dns, ping, ready, tcp, connack, puback. */
  stage: string;
  began: number;
  since: number;
  /** Settings of mqtt that are tried, password included. */
  config: Record<string, unknown>;
  ip: string;
  socket: Socket | null;
  rx: string;
  /** What is told of it, "" while it goes on. */
  result: string;
  /** For the answer of a command; "" when HTTP asked. */
  tail: string;
  flags: number;
}
