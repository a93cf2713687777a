// Settings and commands on their way to devices: one push at a time a device over all recorders, its answer, and what
// settles one without an answer. Roll-outs to many devices begin with one of them.
import { randomUUID } from "node:crypto";
import { patchFault } from "./catalog";
import { commandFault } from "./commands";
import type { Effects } from "./effects";
import { isObject, jsonOf, jsonText, type Json } from "./normalize";
import { isAnswerTo, isShownBy, nextOf, resultOf, type DeviceError, type Patch, type PushResult } from "./pushes";
import type { Side } from "./side";
import type { Sql } from "./sql";

const ANSWER_MS = 10_000,
  LOCK = 7_362_953,
  IN_PROGRESS_S = 15;

export interface Outbound {
  sql: Sql;
  side: Side;
  prefix: string;
  now(): number;
  warn(text: string, error?: unknown): void;
  answerMs?: number;
}

/** How a push ended, with the status of the HTTP answer. */
export interface Pushed extends PushResult {
  id: string;
  status: 200 | 202 | 400 | 404 | 409 | 422 | 504;
  ms?: number;
}

const failure = (code: string, where: string, reason: string, retryable = false): DeviceError => ({
  code,
  where,
  reason,
  retryable,
});

interface Known {
  id: number;
  online: boolean | null;
  echoes: boolean;
}

const FIND = `SELECT d.id, d.online, EXISTS (SELECT 1 FROM device_boots b WHERE b.device_id = d.id AND b.boot IS NOT NULL) AS echoes
FROM devices d WHERE d.device_id = $1`;
const CLAIM = `INSERT INTO config_pushes (id, device_id, patch, "by", "at", state) SELECT $1, $2, $3::jsonb, $4, now(), $5
WHERE $5 = 'waiting' OR NOT EXISTS (SELECT 1 FROM config_pushes
  WHERE device_id = $2 AND state = 'sent' AND "at" > now() - make_interval(secs => ${IN_PROGRESS_S}))
RETURNING id`;

export interface RollOut {
  id: string;
  devices: string[];
  patch: Patch;
  results: Pushed[];
  isDone: boolean;
}

export class Configurator {
  readonly rollOuts = new Map<string, RollOut>();

  constructor(private readonly own: Outbound) {}

  private async find(device: string): Promise<Known | null> {
    return (await this.own.sql.query<Known>(FIND, [device]))[0] ?? null;
  }

  /**
   * Change settings of a device; `wait`: when it is not online, send it when it comes. `confirmed`: also what the
   * device refuses because it ends charge or discharge (InterlockBlocked); a device that is not online has not refused
   * anything yet.
   */
  async push(device: string, patch: unknown, by: string, wait: boolean, confirmed = false): Promise<Pushed> {
    const id = randomUUID(),
      fault = patchFault(patch);
    if (fault) return { id, status: 400, state: "refused", err: fault };
    const known = await this.find(device);
    if (!known)
      return { id, status: 404, state: "refused", err: failure("UnknownDevice", device, "has never told anything") };
    if (!known.online && (!wait || confirmed))
      return {
        id,
        status: 409,
        state: "refused",
        err: failure(
          "NotReady",
          device,
          'is not online; `"wait":"online"` without `confirm` sends it when it is',
          true,
        ),
      };
    const state = known.online ? "sent" : "waiting";
    if (!(await this.claim(id, known.id, patch as Patch, by, state))) {
      return { id, status: 409, state: "refused", err: failure("Busy", device, "another change is on its way", true) };
    }
    return known.online ? this.send(device, id, patch as Patch, known, confirmed) : { id, status: 202, state };
  }

  private async claim(id: string, device: number, patch: Patch, by: string, state: string): Promise<boolean> {
    const lock = { text: "SELECT pg_advisory_xact_lock($1, $2)", values: [LOCK, device] };
    const [, rows] = await this.own.sql.batch([
      lock,
      { text: CLAIM, values: [id, device, jsonText(patch), by, state] },
    ]);
    return rows.length > 0;
  }

  private async send(device: string, id: string, patch: Patch, { echoes }: Known, confirmed = false): Promise<Pushed> {
    const { prefix, now } = this.own,
      began = now();
    const payload = { ...patch, ...(echoes ? { id } : {}), ...(confirmed ? { confirm: true } : {}) };
    const answer = await this.ask(device, "cfg/set", "cfg/ack", id, payload);
    const result: PushResult = answer
      ? resultOf(answer)
      : { state: "unknown", err: failure("Timeout", `${prefix}/${device}/cfg/ack`, "no answer in 10 s", true) };
    await this.settle(id, result);
    return { id, ...result, status: result.state === "done" ? 200 : answer ? 422 : 504, ms: now() - began };
  }

  private async settle(id: string, result: PushResult): Promise<void> {
    await this.own.sql.query("UPDATE config_pushes SET state = $2, ack = $3::jsonb WHERE id = $1", [
      id,
      result.state,
      jsonText(result),
    ]);
  }

  /** Publish, and the first answer that is to it; null when none comes in time. */
  private async ask(device: string, to: string, from: string, id: string, payload: Json): Promise<Json | null> {
    const { side, prefix, answerMs = ANSWER_MS } = this.own;
    let heard: (answer: Json | null) => void = () => undefined;
    const answered = new Promise<Json | null>((resolve) => {
      heard = resolve;
    });
    const end = await side.listen(`${prefix}/${device}/${from}`, 1, ({ payload: bytes, retain }) => {
      const answer = jsonOf(bytes.toString());
      if (!retain && isObject(answer) && isAnswerTo(id, answer)) heard(answer);
    });
    const timer = setTimeout(() => heard(null), answerMs);
    try {
      await side.publish(`${prefix}/${device}/${to}`, jsonText(payload));
      return await answered;
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  /** Send a command that is on the list. Null: no answer. */
  async command(
    device: string,
    cmd: string,
    args: Json,
  ): Promise<{ status: number; answer: Json | null; err?: DeviceError }> {
    const fault = commandFault(cmd, args);
    if (fault) return { status: 400, answer: null, err: fault };
    const known = await this.find(device);
    if (!known) return { status: 404, answer: null, err: failure("UnknownDevice", device, "has never told anything") };
    if (!known.online) return { status: 409, answer: null, err: failure("NotReady", device, "is not online", true) };
    const id = randomUUID().slice(0, 8),
      answer = await this.ask(device, "cmd", "ack", id, { cmd, args, id });
    if (!answer) return { status: 504, answer, err: failure("Timeout", device, "no answer in 10 s", true) };
    return { status: answer.ok === true ? 200 : 422, answer };
  }

  /**
   * What was written: a device that comes online gets what waits for it, and settings that a device shows settle a push
   * without an answer.
   */
  async written({ facts, config }: Effects): Promise<void> {
    const came = new Set(
      facts.filter(({ field, value }) => field === "online" && value === true).map(({ device }) => device),
    );
    const told = new Set(config.map(({ device }) => device));
    try {
      for (const device of came) await this.sendWaiting(device);
      for (const device of told)
        await this.settleShown(
          device,
          config.filter((one) => one.device === device),
        );
    } catch (error) {
      this.own.warn("pushes", error);
    }
  }

  private async sendWaiting(device: string): Promise<void> {
    const known = await this.find(device);
    if (!known?.online) return;
    const take = `UPDATE config_pushes SET state = 'sent', "at" = now()
      WHERE id = (SELECT id FROM config_pushes WHERE device_id = $1 AND state = 'waiting'
      ORDER BY "at" LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, patch`;
    const [push] = await this.own.sql.query<{ id: string; patch: Patch }>(take, [known.id]);
    if (push) await this.send(device, push.id, push.patch, known);
  }

  private async settleShown(device: string, config: Effects["config"]): Promise<void> {
    const text = `SELECT p.id, p.patch FROM config_pushes p JOIN devices d ON d.id = p.device_id
      WHERE d.device_id = $1 AND p.state = 'unknown' AND p."at" > now() - interval '1 day'`;
    for (const { id, patch } of await this.own.sql.query<{ id: string; patch: Patch }>(text, [device])) {
      const isShown = Object.keys(patch).every((module) =>
        config.some((one) => one.module === module && isShownBy(patch, module, JSON.parse(one.document) as Json)),
      );
      if (isShown) await this.settle(id, { state: "done" });
    }
  }

  /**
   * Change settings of many devices: one first, then ten at a time; three failures end it. It runs on; ask by its id.
   */
  rollOut(devices: string[], patch: Patch, by: string): RollOut {
    const roll: RollOut = { id: randomUUID(), devices, patch, results: [], isDone: false };
    this.rollOuts.set(roll.id, roll);
    void this.roll(roll, by)
      .catch((error: unknown) => this.own.warn("roll-out", error))
      .finally(() => {
        roll.isDone = true;
      });
    return roll;
  }

  private async roll(roll: RollOut, by: string): Promise<void> {
    for (let next = nextOf(roll.devices, roll.results); next.length > 0; next = nextOf(roll.devices, roll.results)) {
      roll.results.push(...(await Promise.all(next.map((device) => this.push(device, roll.patch, by, false)))));
    }
  }
}
