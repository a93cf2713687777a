// A host whose device takes commands from the test, and what it answers and publishes.
import assert from "node:assert/strict";
import { boot, running, untilStatus } from "../system/rig";
import type { Host, HostOptions } from "../../tools/host/run";
import { commandsImage } from "./image";

export type Json = Record<string, unknown>;

/** A running device that is connected to its broker, and has published its settings. */
export async function commander(options: HostOptions = {}): Promise<Host> {
  const host = await boot({ ...options, imageText: (await commandsImage()).code });
  await running(host);
  await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true, 15000);
  return host;
}

/** Hand a message to the device. */
export function say(host: Host, suffix: string, payload: unknown, qos = 0, retained = false): void {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload),
    bytes = Buffer.from(text, "utf8").toString("latin1");
  (host.device().global.received as (suffix: string, payload: string, qos: number, retained: boolean) => void)(
    suffix,
    bytes,
    qos,
    retained,
  );
}

/** What the device published on a suffix, oldest first. */
export function heard(host: Host, suffix: string): { text: string; json: Json; qos: number; retain: boolean }[] {
  return host
    .broker!.messages.filter(({ topic }) => topic === `${host.topic}/${suffix}`)
    .map(({ payload, qos, retain }) => ({
      text: payload,
      json: payload ? (JSON.parse(payload) as Json) : {},
      qos,
      retain,
    }));
}

async function ask(
  host: Host,
  suffix: string,
  answer: string,
  payload: unknown,
  qos: number,
  limit_ms: number,
): Promise<string> {
  const before = heard(host, answer).length;
  say(host, suffix, payload, qos);
  await host.until(`an answer to ${JSON.stringify(payload)}`, () => heard(host, answer).length > before, limit_ms);
  assert.equal(heard(host, answer).length, before + 1, "one answer");
  return heard(host, answer).at(-1)!.text;
}

/** Send a command; the text of its answer. */
export function command(host: Host, message: unknown, limit_ms = 20000, qos = 0): Promise<string> {
  return ask(host, "cmd", "ack", message, qos, limit_ms);
}

/** Send a patch of the settings; the text of the answer. */
export function set(host: Host, patch: unknown): Promise<string> {
  return ask(host, "cfg/set", "cfg/ack", patch, 1, 20000);
}

/** The answer to a command of that name. */
export async function ack(host: Host, cmd: string, args?: unknown, limit_ms?: number): Promise<Json> {
  return JSON.parse(await command(host, args === undefined ? { cmd } : { cmd, args }, limit_ms)) as Json;
}
