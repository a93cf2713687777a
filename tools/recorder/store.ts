// Messages on their way into the database: batches, retries, the spool when the database is away, acknowledgements
// when, and only when, a message is kept for good. One thing at a time; what is taken is either written, in the spool,
// or still here.
import { loadMemory, learnAnchors, placeAnchors } from "./boots";
import { Buffer as Queue } from "./buffer";
import { REPLAYED } from "./clock";
import {
  addEffects,
  isNothing,
  noEffects,
  type DeviceFact,
  type Effects,
  type Latest,
  type Message,
  type Outcome,
} from "./effects";
import { NewestFacts } from "./facts";
import { gapsOf, type Gap, type Outage } from "./gaps";
import { idsOf, type Ids } from "./ids";
import { MOST_BYTES, outcomeOf, rowsLikely, type Memory, type Rules } from "./rows";
import { SpoolFull, type Position, type Spool } from "./spool";
import { isDataError, type Sql, type Statement } from "./sql";
import { deadStatements, NewestOf, statementsOf, type Dead, type Running } from "./writer";

const PATIENCE_MS = 2000,
  PATIENCE_ROWS = 5000,
  MOST_ROWS = 10_000,
  DRAIN = 1000,
  LAZY_MS = 5000,
  DEAD_A_MINUTE = 1000;
const FIRST_RETRY_MS = 500,
  LAST_RETRY_MS = 30_000,
  LOOK_MS = 250;

/**
 * Told when a message is kept for good, and as what: the database may have refused what was to be a row. Null: as it
 * came, in the spool.
 */
export type Ack = (outcome: Outcome | null) => void;

/**
 * A message with what it does; null until it is written, unless somebody had to know before. So what waits is small,
 * and a batch is worked on in one go.
 */
export interface Item {
  message: Message;
  outcome: Outcome | null;
  isHeld: boolean;
  ack: Ack;
  generation: number;
}

export interface StoreOptions {
  sql: Sql;
  spool: Spool;
  rules: Rules;
  memory: Memory;
  /**
   * PGlite: a power cut may take what it has, so each batch goes to the spool first and stays there until a snapshot.
   */
  isJournal: boolean;
  /** Other recorders write to the same database. */
  isShared: boolean;
  /** What has to be there before anything is written: the schema. */
  prepare(): Promise<void>;
  /** Partitions for the days of these times (ms). */
  ensureDays(times: number[]): Promise<void>;
  outages(): Outage[];
  now(): number;
  warn(text: string, error?: unknown): void;
}

/** Counters, since the start. */
export interface StoreCounts {
  stored: number;
  acked: number;
  ignored: number;
  spooled: number;
  drained: number;
  dead: number;
  deadUncounted: number;
  refused: number;
  flushes: number;
  failures: number;
}

const SPOOL_AT = `INSERT INTO spools (id, segment, "offset") VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET segment = excluded.segment, "offset" = excluded."offset"`;

const LAZY: DeviceFact["field"][] = ["state", "phase", "last_seen"];

/** A message that is too long, cut so that it still is: a dead letter shows its beginning, no queue holds the rest. */
function shortened(message: Message): Message {
  const { payload } = message;
  if (payload.length <= MOST_BYTES) return message;
  return { ...message, payload: Buffer.from(payload.subarray(0, MOST_BYTES + 1)) };
}

/** Those that are so, and the others. */
function parted<T>(all: T[], isSo: (one: T) => boolean): [T[], T[]] {
  const those: T[] = [],
    others: T[] = [];
  for (let i = 0; i < all.length; i++) (isSo(all[i]) ? those : others).push(all[i]);
  return [those, others];
}

export class Store {
  readonly counts: StoreCounts = {
    stored: 0,
    acked: 0,
    ignored: 0,
    spooled: 0,
    drained: 0,
    dead: 0,
    deadUncounted: 0,
    refused: 0,
    flushes: 0,
    failures: 0,
  };
  readonly ids: Ids;
  /** The database answers, and its schema is ours. */
  isUp = false;
  /** No room is left: nothing more must be read. */
  isFull = false;
  lastFlushMs = 0;
  /** Told when `isFull` changes. */
  onFull: (isFull: boolean) => void = () => undefined;
  /** Told each batch that was written. */
  onWritten: (effects: Effects) => void = () => undefined;
  /** Resolves when the database was tried for the first time. */
  readonly firstTry: Promise<void>;
  private tried: () => void = () => undefined;
  private readonly queue: Queue<Item>;
  private position: Position;
  private generation = 0;
  private retryAt = 0;
  private retryMs = FIRST_RETRY_MS;
  private downSince: number;
  private flightSince: number | null = null;
  private drainAt = 0;
  private lazyAt = 0;
  private learnAt = 0;
  private deadMinute = { minute: 0, count: 0 };
  private readonly lazyLatest = new NewestOf();
  private readonly lazyFacts = new NewestFacts();
  private readonly newest = new Map<string, number>();
  private readonly running: Running = new Map();
  private isEnding = false;
  private isResting = false;
  private ended: Promise<void> | null = null;
  private wake: () => void = () => undefined;

  constructor(private readonly options: StoreOptions) {
    this.queue = new Queue();
    this.ids = idsOf(options.sql, options.rules.prefix);
    this.position = options.spool.start;
    this.downSince = options.now();
    this.firstTry = new Promise((resolve) => {
      this.tried = resolve;
    });
  }

  get waiting(): number {
    return this.queue.length;
  }
  get waitingRows(): number {
    return this.queue.rows;
  }
  /** Messages that the broker sends without an answer. */
  set window(most: number) {
    this.queue.options.window = most;
  }
  /** Bytes in the spool that the database does not have. */
  get backlog(): number {
    return this.options.spool.backlog(this.position);
  }
  /** Where the database is in the spool. */
  get spoolPosition(): Position {
    return this.position;
  }

  /** What a message does, by what is known of its device. */
  outcomeOf(message: Message): Outcome {
    return outcomeOf(message, this.options.rules, this.options.memory);
  }

  /**
   * Take a message, with its outcome when that is known already; `ack` is called when it is kept for good. One that has
   * nothing to keep is acknowledged at once, when that is known.
   */
  push(message: Message, outcome: Outcome | null, isHeld: boolean, ack: Ack): void {
    const { rules, memory, now } = this.options,
      likely = rowsLikely(message, rules, memory);
    if (likely === null) this.counts.ignored++;
    if (likely === null || (outcome?.kind === "kept" && isNothing(outcome.effects)))
      return this.acknowledge([{ outcome, ack }]);
    const at = now(),
      rows = outcome?.kind === "kept" ? outcome.effects.rows.length : likely;
    const item = { message: shortened(message), outcome, isHeld, ack, generation: this.generation };
    this.queue.push(item, rows, isHeld, at);
    if (this.isResting && this.queue.dueAt() <= at) this.wake();
  }

  /** Begin to write. */
  start(): void {
    this.ended ??= this.run();
  }

  /** Write all that waits, or spool it when that takes longer than `patienceMs`; then end. */
  async stop(patienceMs: number): Promise<void> {
    this.isEnding = true;
    const until = this.options.now() + patienceMs;
    this.wake();
    await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, patienceMs).unref())]);
    while (this.queue.length > 0 && this.isUp && this.options.now() < until) await this.flush(true);
    if (this.isUp)
      await this.writeLazy().catch((error: unknown) => this.options.warn("the newest values were not written", error));
    if (this.queue.length > 0) await this.spoolWaiting();
  }

  private async run(): Promise<void> {
    const watch = setInterval(() => void this.watch(), LOOK_MS);
    while (!this.isEnding) {
      const isDone = await this.turn().catch((error: unknown) => this.options.warn("store", error));
      if (!this.isEnding && !isDone) await this.rest();
    }
    clearInterval(watch);
  }

  private rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), LOOK_MS);
      this.isResting = true;
      this.wake = () => {
        this.isResting = false;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /**
   * While a write hangs: what gathers behind it goes to the spool, so that memory stays bounded and the broker gets its
   * answers.
   */
  private async watch(): Promise<void> {
    const now = this.options.now(),
      isHanging = this.flightSince !== null && now - this.flightSince > PATIENCE_MS;
    if (this.queue.rows >= MOST_ROWS || (isHanging && this.queue.length > 0)) await this.spoolWaiting();
    else if (this.isFull) this.setFull(this.options.spool.isFull());
  }

  /** One piece of work; true when there may be more at once. */
  private async turn(): Promise<boolean> {
    const now = this.options.now();
    if (!this.isUp && now >= this.retryAt) await this.connect().finally(this.tried);
    if (!this.isUp) {
      const isLong = now - this.downSince >= PATIENCE_MS || this.queue.rows >= PATIENCE_ROWS || this.options.isJournal;
      if (isLong && this.queue.length > 0) await this.spoolWaiting();
      return false;
    }
    if (this.options.isShared && now >= this.learnAt) await this.learn(now);
    if (now >= this.lazyAt && this.lazyLatest.size + this.lazyFacts.size > 0)
      await this.guarded(() => this.writeLazy());
    if (this.isUp && this.queue.dueAt() <= now) return this.flush(false);
    if (this.backlog > 0 && now >= this.drainAt) return this.drain();
    return false;
  }

  private async learn(now: number): Promise<void> {
    this.learnAt = now + LAZY_MS;
    await this.guarded(() => learnAnchors(this.options.sql, this.options.memory, 60));
  }

  /** Try the database; on success all that is known of devices is its. */
  private async connect(): Promise<void> {
    const { sql, prepare, memory, spool, warn, now } = this.options;
    try {
      await prepare();
      await this.ids.load();
      await loadMemory(sql, memory, this.newest);
      const [at] = await sql.query<Position>(
        `SELECT segment::float8 AS segment, "offset"::float8 AS "offset" FROM spools WHERE id = $1`,
        [spool.id],
      );
      this.position = at ?? spool.start;
      this.generation++;
      this.running.clear();
      this.isUp = true;
      this.retryMs = FIRST_RETRY_MS;
    } catch (error) {
      this.counts.failures++;
      if (this.retryMs === FIRST_RETRY_MS || this.retryMs >= LAST_RETRY_MS)
        warn("the database does not answer; trying again", error);
      this.retryAt = now() + this.retryMs;
      this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
    }
  }

  private down(error: unknown): void {
    this.options.warn("the database is away: messages go to the spool", error);
    this.isUp = false;
    this.counts.failures++;
    this.downSince = this.options.now();
    this.retryAt = this.downSince + this.retryMs;
  }

  /** Work that needs the database; when it fails, the database is away. */
  private async guarded(work: () => Promise<unknown>): Promise<boolean> {
    this.flightSince = this.options.now();
    try {
      await work();
      return true;
    } catch (error) {
      this.down(error);
      return false;
    } finally {
      this.flightSince = null;
    }
  }

  private acknowledge(items: Pick<Item, "outcome" | "ack">[]): void {
    for (const { ack, outcome } of items) ack(outcome);
    this.counts.acked += items.length;
  }

  /** Write the batch that is due. */
  private async flush(isForced: boolean): Promise<boolean> {
    const began = this.options.now(),
      items = this.queue.take(began, isForced);
    if (items.length === 0) return false;
    if (this.options.isJournal) return this.flushJournal(items);
    if (!(await this.guarded(() => this.write(items)))) {
      this.queue.failed();
      return false;
    }
    this.queue.done();
    this.acknowledge(items);
    this.lastFlushMs = this.options.now() - began;
    return true;
  }

  /** To the spool, then to the database, unless older ones wait in the spool before them. */
  private async flushJournal(items: Item[]): Promise<boolean> {
    const isNext = this.backlog === 0;
    if (!(await this.toSpool(items))) {
      this.queue.failed();
      return false;
    }
    this.queue.done();
    if (!isNext) return true;
    const end = this.options.spool.end;
    if (await this.guarded(() => this.write(items, end))) this.position = end;
    return true;
  }

  /** What waits goes to the spool and is acknowledged. */
  private async spoolWaiting(): Promise<void> {
    const { items, putBack } = this.queue.takeWaiting();
    if (items.length > 0 && !(await this.toSpool(items))) putBack();
  }

  private async toSpool(items: Item[]): Promise<boolean> {
    try {
      await this.options.spool.append(items.map(({ message }) => message));
    } catch (error) {
      if (!(error instanceof SpoolFull)) this.options.warn("the spool cannot be written", error);
      this.setFull(true);
      return false;
    }
    this.counts.spooled += items.length;
    this.acknowledge(items);
    return true;
  }

  private setFull(isFull: boolean): void {
    if (this.isFull === isFull) return;
    this.isFull = isFull;
    if (isFull) this.options.warn("no room is left for messages: reading stops until there is");
    this.onFull(isFull);
  }

  /** A piece of the spool into the database, at most half the time. */
  private async drain(): Promise<boolean> {
    const { spool, now, isJournal } = this.options,
      began = now();
    const { messages, next } = await spool.read(this.position, DRAIN);
    const items = messages.map(
      (message): Item => ({ message, outcome: null, isHeld: false, ack: () => undefined, generation: this.generation }),
    );
    if (!(await this.guarded(() => this.write(items, next)))) return false;
    this.position = next;
    this.counts.drained += items.length;
    if (!isJournal) spool.forget(next);
    this.drainAt = now() + (this.queue.length > 0 ? now() - began : 0);
    return true;
  }

  /** Write a batch; what its data is to blame for is found by halves and becomes a dead letter. */
  private async write(items: Item[], position?: Position): Promise<void> {
    try {
      await this.commit(items, position);
    } catch (error) {
      if (!isDataError(error)) throw error;
      this.counts.refused++;
      this.running.clear();
      if (items.length === 1) {
        this.options.warn(`the database refuses a message of ${items[0].message.topic}`, error);
        return this.commitRefused(items[0], position);
      }
      const half = items.length >> 1;
      await this.write(items.slice(0, half));
      await this.write(items.slice(half), position);
    }
  }

  private at(position: Position | undefined): Statement[] {
    return position ? [{ text: SPOOL_AT, values: [this.options.spool.id, position.segment, position.offset] }] : [];
  }

  private async commitRefused(item: Item, position?: Position): Promise<void> {
    const { message } = item;
    this.counts.dead++;
    item.outcome = { kind: "dead", reason: "Refused", device: item.outcome?.device ?? "" };
    await this.options.sql.batch([...deadStatements([{ message, reason: "Refused" }]), ...this.at(position)]);
  }

  /** What the messages of a batch do together, with the clocks of now. */
  private effectsOf(items: Item[], isAgain: boolean): { effects: Effects; dead: Dead[] } {
    const effects = noEffects(),
      dead: Dead[] = [];
    for (const item of items) {
      const isStale = isAgain || item.generation !== this.generation,
        outcome = item.outcome && !isStale ? item.outcome : this.outcomeOf(item.message);
      // What the batch has is not held twice; but an anchor is told once only.
      const isHeld = outcome.kind !== "kept" || outcome.effects.anchors.length > 0;
      item.outcome = isHeld ? outcome : null;
      item.generation = this.generation;
      if (outcome.kind === "kept") addEffects(effects, outcome.effects);
      else if (outcome.kind === "dead" && (isAgain || this.mayBury()))
        dead.push({ message: item.message, reason: outcome.reason });
    }
    return { effects, dead };
  }

  private mayBury(): boolean {
    const minute = Math.floor(this.options.now() / 60_000);
    if (this.deadMinute.minute !== minute) this.deadMinute = { minute, count: 0 };
    if (this.deadMinute.count++ < DEAD_A_MINUTE) return true;
    this.counts.deadUncounted++;
    return false;
  }

  private async commit(items: Item[], position?: Position): Promise<void> {
    const { sql, memory, now, ensureDays } = this.options;
    let { effects, dead } = this.effectsOf(items, false);
    await this.ids.know(effects);
    if (effects.anchors.length > 0 && (await placeAnchors(sql, effects.anchors, this.ids, memory))) {
      ({ effects, dead } = this.effectsOf(items, true));
      await this.ids.know(effects);
    }
    await ensureDays(effects.rows.map(({ time }) => time));
    const { gaps, newest } = this.gapsOf(effects),
      { durable, latest, facts } = this.split(effects);
    const statements = [
      ...statementsOf(durable, gaps, this.ids, now(), this.running),
      ...deadStatements(dead),
      ...this.at(position),
    ];
    if (statements.length > 0) await sql.batch(statements);
    this.counts.flushes++;
    this.counts.stored += effects.rows.length;
    this.counts.dead += dead.length;
    for (const [device, time] of newest) this.newest.set(device, time);
    this.keepLazy(latest, facts);
    this.onWritten(effects);
  }

  /** What must be written now, and what may wait: the newest of what has rows of its own, and states. */
  private split(effects: Effects): { durable: Effects; latest: Latest[]; facts: DeviceFact[] } {
    const [nowLatest, latest] = parted(effects.latest, ({ isDurable }) => isDurable),
      [nowFacts, facts] = parted(effects.facts, ({ field }) => !LAZY.includes(field));
    return { durable: { ...effects, latest: nowLatest, facts: nowFacts }, latest, facts };
  }

  private keepLazy(latest: Latest[], facts: DeviceFact[]): void {
    for (let i = 0; i < latest.length; i++) this.lazyLatest.take(latest[i]);
    for (let i = 0; i < facts.length; i++) this.lazyFacts.take(facts[i]);
  }

  /** The newest values and states; they are made again by the next message when this is lost. */
  private async writeLazy(): Promise<void> {
    this.lazyAt = this.options.now() + LAZY_MS;
    const effects = { ...noEffects(), latest: this.lazyLatest.takeAll(), facts: this.lazyFacts.takeAll() };
    const statements = statementsOf(effects, [], this.ids, this.options.now(), this.running);
    if (statements.length === 0) return;
    await this.options.sql.batch(statements).catch((error: unknown) => {
      if (isDataError(error)) return this.options.warn("newest values were refused", error);
      this.keepLazy(effects.latest, effects.facts);
      throw error;
    });
  }

  /** Holes before and between the rows of a batch, and the newest time of each device behind it. */
  private gapsOf({ rows }: Effects): { gaps: Gap[]; newest: Map<string, number> } {
    const newest = new Map<string, number>(),
      times = new Map<string, number[]>();
    for (let i = 0; i < rows.length; i++) {
      const { device, time, flags } = rows[i];
      if (flags & REPLAYED) continue;
      const own = times.get(device);
      if (own) own.push(time);
      else times.set(device, [time]);
    }
    const gaps: Gap[] = [];
    for (const [device, all] of times) {
      all.sort((a, b) => a - b);
      gaps.push(...gapsOf(device, this.newest.get(device) ?? null, all, this.options.outages()));
      newest.set(device, Math.max(this.newest.get(device) ?? 0, all.at(-1)!));
    }
    return { gaps, newest };
  }
}
