// A recorder put together: broker -> store -> database, live viewers, page and API; and its end, in order.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Logger } from "pino";
import { Auth } from "./auth";
import { Configurator } from "./configure";
import type { LiveValue, Message } from "./effects";
import { makeSnapshot, openEmbedded, snapshotDue } from "./embedded";
import type { Outage } from "./gaps";
import { daysOf, forgetMinutes, rollUp } from "./jobs";
import { Live } from "./live";
import { metricsOf, type IntakeCounts } from "./metrics";
import { migrate } from "./migrate";
import type { Options } from "./options";
import { openPostgres } from "./postgres";
import { readsOf, retryLetter } from "./reads";
import { newMemory } from "./rows";
import type { Context, App } from "./routes/context";
import { buildServer } from "./server";
import { openSide, type Side } from "./side";
import { openSpool, type Spool } from "./spool";
import type { Sql } from "./sql";
import { Store } from "./store";
import { Subscriber, WINDOW, type Reach } from "./subscriber";

const FLUSH_MS = 10_000,
  JOBS_MS = 60_000,
  MOST_OUTAGES = 100;

export interface Recorder {
  url: string;
  /** The token that may change things; `isNew`: nobody gave it, so it must be told. */
  token: string;
  isNewToken: boolean;
  store: Store;
  subscriber: Subscriber;
  /** Rejects when going on makes no sense. */
  failed: Promise<never>;
  close(): Promise<void>;
}

/** One recorder a data folder: PGlite would not survive two. */
function claim(data: string): () => void {
  mkdirSync(data, { recursive: true });
  const path = join(data, "pid"),
    owner = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  if (owner > 0 && owner !== process.pid && isAlive(owner))
    throw new Error(`${data} is used by another recorder (process ${owner})`);
  writeFileSync(path, String(process.pid));
  return () => rmSync(path, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return existsSync("/proc") ? readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("recorder") : true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The part of `n` that a device belongs to, 1 to n. */
export function partOf(device: string, n: number): number {
  return (createHash("sha256").update(device).digest().readUInt32BE(0) % n) + 1;
}

/** Storage of a recorder: what `drain` needs too. */
export interface Storage {
  sql: Sql;
  spool: Spool;
  store: Store;
  outages: Outage[];
  days: ReturnType<typeof daysOf>;
}

export async function openStorage(options: Options, logger: Logger): Promise<Storage> {
  const warn = (text: string, error?: unknown): void => logger.warn({ err: error }, text);
  const spool = openSpool(join(options.data, "spool"), options.spoolBytes);
  const sql =
    options.database === null
      ? await openEmbedded(options.data, warn, Date.now)
      : openPostgres(options.database, (error) => warn("database", error));
  const days = daysOf(sql, options.engine),
    outages: Outage[] = [];
  const store = new Store({
    sql,
    spool,
    warn,
    memory: newMemory(),
    isJournal: sql.kind === "pglite",
    isShared: options.group !== undefined,
    now: Date.now,
    outages: () => outages,
    rules: {
      prefix: options.prefix,
      seed: options.topics === "seed",
      storeAll: options.store === "all",
      keepRawDays: options.keepRawDays,
    },
    prepare: async () => {
      const applied = await migrate(sql, options.engine);
      if (applied > 0) logger.info({ applied }, "schema brought up to date");
      await days.ahead(Date.now());
    },
    ensureDays: (times) => days.ensure(times),
  });
  return { sql, spool, store, outages, days };
}

const NOTHING_LIVE: LiveValue = { value: null, time: 0, sensor: "", unit: "", seq: null, quality: "", flags: 0 };

/** Messages to viewers and store. */
class Intake {
  readonly counts: IntakeCounts = { received: 0, bytes: 0 };
  newest = 0;
  live: Live | null = null;

  constructor(
    private readonly store: Store,
    private readonly options: Options,
  ) {}

  private isMine({ topic }: Message): boolean {
    const { shard, prefix } = this.options;
    if (!shard) return true;
    const rest = topic.startsWith(prefix + "/") ? topic.slice(prefix.length + 1) : topic;
    return partOf(rest.split("/")[0], shard.n) === shard.k;
  }

  take(message: Message, isHeld: boolean, ack: () => void, isShown: boolean): void {
    if (!this.isMine(message)) return ack();
    this.counts.received++;
    this.counts.bytes += message.payload.length;
    this.newest = message.arrival;
    // What it does is worked out when it is written, unless somebody looks.
    const outcome = isShown && this.live?.isWatched ? this.store.outcomeOf(message) : null;
    if (outcome) this.show(message, outcome);
    // What viewers are told is not kept until the batch is written.
    if (outcome?.kind === "kept") outcome.live = NOTHING_LIVE;
    this.store.push(message, outcome, isHeld, ack);
  }

  show(message: Message, outcome = this.store.outcomeOf(message)): void {
    if (outcome.kind === "kept") this.live?.send(message, outcome);
  }
}

/** With several recorders live comes by a connection of its own, for what somebody watches. */
function watchBySide(side: Side, prefix: string, intake: Intake): (devices: Set<string>) => void {
  const ends = new Map<string, Promise<() => void>>();
  return (devices) => {
    for (const device of devices) {
      if (!ends.has(device))
        ends.set(
          device,
          side.listen(device === "*" ? `${prefix}/#` : `${prefix}/${device}/#`, 0, (message) => intake.show(message)),
        );
    }
    for (const [device, end] of ends) {
      if (devices.has(device)) continue;
      ends.delete(device);
      void end.then((stop) => stop());
    }
  };
}

/** What is done once a minute. */
async function jobs({ sql, days, store, spool }: Storage, options: Options, hour: boolean): Promise<void> {
  if (!store.isUp) return;
  await days.ahead(Date.now());
  if (options.engine !== "timescale") while ((await rollUp(sql, Date.now())) > 0);
  const letters = await sql.query<{ hash: string }>(
    "SELECT hash FROM dead_letters WHERE reason = 'NoClock' AND tries < 1000 LIMIT 1000",
  );
  for (const { hash } of letters) await retryLetter(sql, store, hash);
  if (hour) {
    await days.drop(Date.now(), options.keepRawDays);
    if (options.engine !== "timescale") await forgetMinutes(sql);
  }
  if (sql.kind === "pglite" && Date.now() >= snapshotDue(options.data))
    await makeSnapshot(options.data, sql, spool, store.spoolPosition, Date.now());
}

/** Who is away since when, for the causes of gaps. */
function away(outages: Outage[], cause: Outage["cause"], isAway: boolean): void {
  const open = outages.find((one) => one.cause === cause && one.to === Infinity);
  if (isAway && !open) outages.push({ cause, from: Date.now(), to: Infinity });
  else if (!isAway && open) open.to = Date.now();
  if (outages.length > MOST_OUTAGES) outages.shift();
}

/** The time in which no recorder wrote to this database. */
async function noteOwnAbsence(sql: Sql, outages: Outage[]): Promise<void> {
  const [{ at }] = await sql.query<{ at: number | null }>(
    "SELECT extract(epoch FROM max(told_at))::float8 * 1000 AS at FROM latest",
  );
  if (at !== null) outages.push({ cause: "recorder", from: at, to: Date.now() });
}

function subscriberOf(
  options: Options,
  reach: Reach,
  id: string,
  storage: Storage,
  intake: Intake,
  logger: Logger,
): Subscriber {
  const { prefix, topics, group, shard } = options,
    isPlain = group === undefined && shard === undefined;
  const subscriber: Subscriber = new Subscriber({
    reach,
    id,
    prefix,
    group,
    filter: topics === "seed" ? "#" : `${prefix}/#`,
    now: Date.now,
    received: (message, isHeld, ack) => intake.take(message, isHeld, ack, isPlain),
    changed: (isUp, hasSession) => {
      away(storage.outages, "broker", !isUp);
      storage.store.window = WINDOW[subscriber.version];
      logger.info({ isUp, hasSession }, isUp ? "connected to the broker" : "lost the broker");
    },
    warn: (text, error) => logger.warn({ err: error }, text),
  });
  return subscriber;
}

async function listen(app: App, options: Options): Promise<string> {
  for (let port = options.http; ; port++) {
    try {
      await app.listen({ port, host: options.address });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || options.http === 0 || port >= options.http + 20)
        throw error;
    }
  }
  const { port } = app.server.address() as AddressInfo,
    host = options.address.includes(":") ? `[${options.address}]` : options.address;
  return `http://${host}:${port}`;
}

const isLoopback = (address: string): boolean => /^(127\.|localhost$|::1$)/.test(address);

function authOf({ token, readToken, address, origins }: Options): { auth: Auth; token: string } {
  if (token === undefined && !isLoopback(address))
    throw new Error(`to be offered on ${address} a token is needed: RECORDER_TOKEN (and RECORDER_READ_TOKEN)`);
  const write = token ?? randomBytes(12).toString("hex");
  return {
    auth: new Auth({ write, read: readToken }, token === undefined && readToken === undefined, origins, Date.now),
    token: write,
  };
}

/** Everything of a recorder but its server. */
interface Parts {
  options: Options;
  storage: Storage;
  auth: Auth;
  intake: Intake;
  side: Side;
  subscriber: Subscriber;
  configurator: Configurator;
}

function partsOf(options: Options, auth: Auth, storage: Storage, reach: Reach, logger: Logger): Parts {
  const { sql, spool, store } = storage,
    id = options.name ?? `recorder-${spool.id.slice(0, 8)}`;
  const intake = new Intake(store, options),
    side = openSide(reach, id + "-side", Date.now);
  const subscriber = subscriberOf(options, reach, id, storage, intake, logger);
  const warn = (text: string, error?: unknown): void => logger.warn({ err: error }, text);
  const configurator = new Configurator({ sql, side, prefix: options.prefix, now: Date.now, warn });
  store.onFull = (isFull) => (isFull ? subscriber.pause() : subscriber.resume());
  store.onWritten = (effects) => void configurator.written(effects);
  return { options, storage, auth, intake, side, subscriber, configurator };
}

/** The server, not listening yet. */
function serverOf(parts: Parts, logger: Logger, version: string): Promise<App> {
  const { options, storage, auth, intake, subscriber, configurator } = parts,
    { sql, store } = storage;
  const context: Context = { sql, db: readsOf(sql), auth, configurator, store, prefix: options.prefix, now: Date.now };
  const registry = metricsOf({
    store,
    intake: intake.counts,
    isBrokerUp: () => subscriber.isUp,
    losses: () => subscriber.losses,
    newestArrival: () => intake.newest,
    now: Date.now,
    live: () => intake.live ?? { clients: 0, sent: 0, dropped: 0 },
  });
  const isReady = () => {
    const { isUp: database, isFull } = store,
      broker = subscriber.isUp;
    return { ok: database && broker && !isFull, database, broker, spool: isFull ? ("full" as const) : ("ok" as const) };
  };
  return buildServer({ context, health: { isReady }, registry, origins: options.origins, logger, version });
}

/** Start one. `reach`: the broker. Rejects with a sentence when it cannot. */
export async function startRecorder(
  options: Options,
  reach: Reach,
  logger: Logger,
  version: string,
): Promise<Recorder> {
  const { auth, token } = authOf(options),
    release = claim(options.data),
    storage = await openStorage(options, logger);
  const parts = partsOf(options, auth, storage, reach, logger),
    { intake, side, subscriber } = parts,
    { store } = storage;
  const app = await serverOf(parts, logger, version),
    url = await listen(app, options);
  const isPlain = options.group === undefined && options.shard === undefined;
  const watched = isPlain ? () => undefined : watchBySide(side, options.prefix, intake);
  intake.live = new Live({ server: app.server, auth, origins: options.origins, watched });
  store.start();
  const timers = begin(storage, options, subscriber, side, intake, logger);
  const close = async (): Promise<void> => {
    timers.forEach(clearInterval);
    subscriber.stopReading();
    await store.stop(FLUSH_MS);
    await subscriber.stop();
    await Promise.all([side.close(), intake.live?.close()]);
    await app.close();
    await storage.sql.close();
    await storage.spool.close();
    release();
  };
  const isNewToken = options.token === undefined;
  return { url, token, isNewToken, store, subscriber, failed: subscriber.failed, close };
}

/**
 * In a group each message goes to one member, but all must know when devices booted; and nobody is told what is
 * retained.
 */
async function shareClocks(prefix: string, side: Side, intake: Intake): Promise<void> {
  const take = (message: Message): void => intake.take(message, false, () => undefined, false);
  await side.listen(`${prefix}/+/system/config`, 1, take);
  await side.sweep(`${prefix}/#`, take);
}

/** Connect once the database is there (or is known to be away), and look after what has to be done now and then. */
function begin(
  storage: Storage,
  options: Options,
  subscriber: Subscriber,
  side: Side,
  intake: Intake,
  logger: Logger,
): NodeJS.Timeout[] {
  let minutes = 0,
    isBusy = false;
  const failed = (what: string) => (error: unknown) => logger.warn({ err: error }, what);
  const work = (): void => {
    if (isBusy) return;
    isBusy = true;
    void jobs(storage, options, minutes++ % 60 === 0)
      .catch(failed("jobs"))
      .finally(() => {
        isBusy = false;
      });
  };
  const state = setInterval(() => away(storage.outages, "database", !storage.store.isUp), 1000);
  void storage.store.firstTry.then(async () => {
    if (storage.store.isUp) await noteOwnAbsence(storage.sql, storage.outages).catch(failed("gaps"));
    subscriber.start();
    work();
    if (options.group !== undefined) await shareClocks(options.prefix, side, intake).catch(failed("sweep"));
  });
  return [setInterval(work, JOBS_MS), state];
}
