// The embedded database: what was acknowledged survives a damaged write-ahead log, by its copies and the spool.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Message } from "../../tools/recorder/effects";
import { makeSnapshot } from "../../tools/recorder/embedded";
import { optionsOf } from "../../tools/recorder/options";
import { openStorage, type Storage } from "../../tools/recorder/recorder";
import { until, TEST_MS } from "../../tools/rig/wait";

const PATIENCE = 60_000,
  NOW = Date.now() - 3_600_000;

const sample = (i: number): Message => ({
  topic: "tinybms/one/rt/reg/pack_power",
  payload: Buffer.from(JSON.stringify({ value: i, time: new Date(NOW + i * 1000).toISOString() })),
  qos: 1,
  retain: false,
  dup: false,
  arrival: Date.now(),
});

describe("recorder: the embedded database", function () {
  this.timeout(TEST_MS);
  const data = mkdtempSync(join(tmpdir(), "recorder-embedded-"));
  const given = {
    http: 0,
    address: "127.0.0.1",
    topics: "tinybms" as const,
    store: "values" as const,
    keepRaw: 90,
    spoolMax: 1,
    engine: "plain" as const,
    demoDays: 0,
    origin: [],
    log: "error",
    data,
  };
  const open = (): Promise<Storage> => openStorage(optionsOf(given, {}), pino({ level: "silent" }));
  const close = async ({ store, sql, spool }: Storage): Promise<void> => {
    await store.stop(10_000);
    await sql.close();
    await spool.close();
  };
  const tell = async ({ store }: Storage, from: number, to: number): Promise<void> => {
    let acked = 0;
    for (let i = from; i < to; i++) store.push(sample(i), store.outcomeOf(sample(i)), true, () => acked++);
    await until("acknowledged", PATIENCE, () => acked === to - from);
  };
  const values = async ({ sql }: Storage): Promise<number[]> =>
    (await sql.query<{ value: number }>("SELECT value FROM measurements ORDER BY time")).map(({ value }) => value);
  after(() => rmSync(data, { recursive: true, force: true }));

  it("begins, is told, makes a copy, is told more", async () => {
    const storage = await open();
    storage.store.start();
    await until("up", PATIENCE, () => storage.store.isUp);
    await tell(storage, 0, 150);
    await until("written", PATIENCE, () => storage.store.backlog === 0);
    await makeSnapshot(data, storage.sql, storage.spool, storage.store.spoolPosition, Date.now());
    await tell(storage, 150, 300);
    await close(storage);
    assert.equal(readdirSync(join(data, "snapshots")).filter((name) => /^\d+$/.test(name)).length, 1);
  });

  it("with its log cut off and its files damaged, the copy takes its place and the spool fills it up", async () => {
    const wal = join(data, "db", "pg_wal");
    for (const name of readdirSync(wal).filter((one) => /^[0-9A-F]{24}$/.test(one)))
      truncateSync(join(wal, name), 4096);
    writeFileSync(join(data, "db", "global", "pg_control"), Buffer.alloc(8192));
    const storage = await open();
    storage.store.start();
    await until("filled up", PATIENCE, () => storage.store.isUp && storage.store.backlog === 0);
    assert.deepEqual(await values(storage), [...Array(300).keys()]);
    assert.ok(
      readdirSync(data).some((name) => name.startsWith("db.broken-")),
      "the damaged one is kept",
    );
    await close(storage);
  });
});
