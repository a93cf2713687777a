// The store against real databases: one effect a message in whatever order, failures, the spool, acknowledgements only
// when kept.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Message } from "../../tools/recorder/effects";
import { daysOf, rollUp } from "../../tools/recorder/jobs";
import { migrate } from "../../tools/recorder/migrate";
import { openPglite } from "../../tools/recorder/pglite";
import { openPostgres } from "../../tools/recorder/postgres";
import { retryLetter } from "../../tools/recorder/reads";
import { newMemory } from "../../tools/recorder/rows";
import { decode, encode, openSpool, SpoolFull, type Spool } from "../../tools/recorder/spool";
import type { Sql } from "../../tools/recorder/sql";
import { Store, type StoreOptions } from "../../tools/recorder/store";
import { spansOf } from "./alarm-model";
import { findPostgres, NO_POSTGRES, startPostgres, type Postgres } from "../../tools/rig/postgres";
import { TEST_MS, until as waitUntil } from "../../tools/rig/wait";

const NOW = Date.UTC(2026, 1, 3, 10, 0, 0),
  BOOT = NOW - 3_600_000;

const message = (device: string, suffix: string, payload: unknown, more: Partial<Message> = {}): Message => ({
  topic: `tinybms/${device}/${suffix}`,
  payload: Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload)),
  qos: 1,
  retain: false,
  dup: false,
  arrival: NOW,
  ...more,
});

const folders: string[] = [],
  spools: Spool[] = [];
const folder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), "recorder-test-")));
  return folders.at(-1)!;
};

function storeOn(sql: Sql, more: Partial<StoreOptions> = {}): Store {
  const spool = more.spool ?? openSpool(folder(), 1e9),
    days = daysOf(sql, "plain");
  spools.push(spool);
  return new Store({
    sql,
    spool,
    rules: { prefix: "tinybms", seed: false, storeAll: false, keepRawDays: 90 },
    memory: newMemory(),
    isJournal: false,
    isShared: false,
    prepare: async () => void (await migrate(sql, "plain")),
    ensureDays: (times) => days.ensure(times),
    outages: () => [],
    now: Date.now,
    warn: () => undefined,
    ...more,
  });
}

const until = (what: string, holds: () => boolean | Promise<boolean>): Promise<boolean> =>
  waitUntil(what, 40_000, holds);

function give(store: Store, messages: Message[]): { acked: Set<number> } {
  const acked = new Set<number>();
  // Half of them as when somebody looks: worked out before they wait.
  messages.forEach((one, i) => store.push(one, i % 2 ? store.outcomeOf(one) : null, true, () => acked.add(i)));
  return { acked };
}

/** All tables that do not depend on when something was written, as text. */
async function tables(sql: Sql): Promise<Record<string, unknown>> {
  const texts: Record<string, string> = {
    rows: "SELECT d.device_id, s.sensor_type, m.time, m.value, m.flags FROM measurements m JOIN devices d ON d.id = m.device_id JOIN sensors s ON s.id = m.sensor_id ORDER BY 1, 2, 3",
    latest:
      "SELECT d.device_id, s.sensor_type, l.time, l.value, l.text, l.document, l.quality, l.seq FROM latest l JOIN devices d ON d.id = l.device_id JOIN sensors s ON s.id = l.sensor_id ORDER BY 1, 2",
    devices: "SELECT device_id, online, bms_online, phase, fw, state FROM devices ORDER BY 1",
    alarms:
      "SELECT d.device_id, a.alarm_id, a.raised_at, a.cleared_at, a.severity, a.code, a.value FROM alarms a JOIN devices d ON d.id = a.device_id ORDER BY 1, 2, 3",
    events:
      "SELECT d.device_id, e.kind, e.key, e.time, e.data FROM events e JOIN devices d ON d.id = e.device_id WHERE kind IN ('alarm', 'log', 'ack', 'cfg/ack', 'online') ORDER BY 1, 2, 3, 4",
    energy:
      "SELECT d.device_id, e.direction, e.period, e.date::text, e.kwh FROM energy_totals e JOIN devices d ON d.id = e.device_id ORDER BY 1, 2, 3, 4",
    system:
      "SELECT d.device_id, s.rssi, s.heap_free_kb, s.ip FROM device_system_status s JOIN devices d ON d.id = s.device_id ORDER BY 1",
    hardware:
      "SELECT d.device_id, h.chip_model, h.cores FROM device_hardware h JOIN devices d ON d.id = h.device_id ORDER BY 1",
    boots:
      "SELECT d.device_id, b.boot_at, b.from_ms::int, b.boot::int, b.epoch FROM device_boots b JOIN devices d ON d.id = b.device_id ORDER BY 1, 2, 3",
  };
  const all: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts)) all[name] = JSON.parse(JSON.stringify(await sql.query(text)));
  return all;
}

const WIPE = `TRUNCATE measurements, latest, devices, alarms, events, energy_totals, device_system_status, device_hardware, device_boots, gaps, roll_up_due,
measurements_1m, measurements_1h, config_versions, dead_letters`;

/** Messages of two devices whose boots are known, in any order. */
const anyMessage = fc
  .tuple(fc.constantFrom("one", "two"), fc.nat(3_000_000), fc.nat(1000), fc.nat(8))
  .map(([device, ms, value, kind]) => {
    const at = { timestamp_ms: ms },
      arrival = BOOT + ms + 50;
    const make = (suffix: string, payload: unknown): Message => message(device, suffix, payload, { arrival });
    if (kind === 0)
      return make("rt/alarms/id5", {
        id: 5,
        code: "LowSoc",
        a: value % 2,
        s: 1 + (value % 3 ? 0 : 1),
        v: value,
        lc: ms,
      });
    if (kind === 1) return make("system", { rssi: -value, ...(value % 2 ? { memory: { heapFreeKb: value } } : {}) });
    if (kind === 2) return make("rt/energy/charge/daily", { value: value / 10, date: `2026-02-0${1 + (value % 3)}` });
    if (kind === 3) return make("rt/limits", { ...at, reason: "fresh", phase: "normal", state: "BULK", seq: ms });
    if (kind === 4) return make("rt/state", { soc: value, ph: value % 2 ? "normal" : "lost", seq: ms });
    if (kind === 5) return make("hardware/config", { chip: value % 2 ? { model: `M${value}` } : { cores: value } });
    if (kind === 6) return make("rt/cells", { c: [value], seq: ms });
    return make(`rt/reg/${["state_of_charge", "pack_power"][value % 2]}`, {
      ...at,
      value: value / 7,
      seq: ms,
      quality: value % 5 ? "ok" : "stale",
    });
  });

/** Two of a device without a time of their own, in one millisecond, have no order: nobody can say which is newer. */
const orderOf = ({ topic, arrival }: Message): unknown =>
  /\/(system|hardware\/config)$/.test(topic) ? `${topic} ${arrival}` : {};

const boots = ["one", "two"].map((device) =>
  message(device, "system/config", { uptimeStart: BOOT / 1000, ip: "10.0.0.1", boot: 3 }, { arrival: BOOT + 10 }),
);

async function writeAll(sql: Sql, parts: Message[][]): Promise<Record<string, unknown>> {
  await sql.script(WIPE);
  for (const part of [boots, ...parts]) {
    const store = storeOn(sql);
    store.start();
    const { acked } = give(store, part);
    await store.stop(10_000);
    await until("acknowledgements", () => acked.size === part.length);
  }
  return tables(sql);
}

/** The same for both databases. */
function suite(name: string, open: () => Promise<Sql>, runs: number): void {
  describe(`recorder: the store on ${name}`, function () {
    this.timeout(TEST_MS);
    let sql: Sql;
    before(async () => {
      sql = await open();
      await migrate(sql, "plain");
    });
    after(async () => sql?.close());

    it("any order, doubling and split of the messages gives the same tables", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(anyMessage, { minLength: 5, maxLength: 60, selector: orderOf }),
          fc.infiniteStream(fc.nat(1 << 30)),
          async (messages, random) => {
            const pick = (below: number): number => (random.next().value as number) % below;
            const doubled = [
              ...messages,
              ...messages.filter(() => pick(3) === 0).map((one) => ({ ...one, dup: true })),
            ];
            for (let i = doubled.length - 1; i > 0; i--) {
              const j = pick(i + 1);
              [doubled[i], doubled[j]] = [doubled[j], doubled[i]];
            }
            const cut = pick(doubled.length);
            const first = await writeAll(sql, [messages]),
              second = await writeAll(sql, [doubled.slice(0, cut), doubled.slice(cut)]);
            assert.deepEqual(second, first);
          },
        ),
        { numRuns: runs, endOnFailure: true },
      );
    });

    it("alarms are the stretches that their events make, by the model", async () => {
      const event = fc.record({
        time: fc.nat(60),
        isActive: fc.boolean(),
        code: fc.constant("LowSoc"),
        severity: fc.constantFrom(1, 2),
        value: fc.nat(9),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(event, { selector: ({ time }) => time, minLength: 1, maxLength: 12 }),
          async (events) => {
            const messages = events.map(({ time, isActive, severity, value }) =>
              message("one", "rt/alarms/id5", {
                id: 5,
                code: "LowSoc",
                a: isActive ? 1 : 0,
                s: severity,
                v: value,
                lc: time * 1000,
              }),
            );
            const { alarms } = (await writeAll(sql, [messages])) as {
              alarms: { raised_at: string; cleared_at: string | null; severity: number; value: number }[];
            };
            const of = (at: number | null): string | null =>
              at === null ? null : new Date(BOOT + at * 1000).toISOString();
            const wanted = spansOf(events).map(({ raisedAt, clearedAt, severity }) => [
              of(raisedAt),
              of(clearedAt),
              severity,
            ]);
            assert.deepEqual(
              alarms.map(({ raised_at, cleared_at, severity }) => [raised_at, cleared_at, severity]),
              wanted,
            );
          },
        ),
        { numRuns: runs + 2, endOnFailure: true },
      );
    });

    it("what the data is to blame for is a dead letter, and the others of its batch are kept", async () => {
      await sql.script(WIPE);
      await sql.script("ALTER TABLE measurements ADD CONSTRAINT test_refuses CHECK (value IS NULL OR value <> 666)");
      const store = storeOn(sql),
        messages = [1, 2, 666, 4, 5].map((value, i) =>
          message("one", "rt/reg/pack_power", { value, time: new Date(NOW + i).toISOString() }),
        );
      store.start();
      const { acked } = give(store, [...messages, message("one", "nonsense", "x"), message("one", "rt/reg/a", "{")]);
      await store.stop(10_000);
      await sql.script("ALTER TABLE measurements DROP CONSTRAINT test_refuses");
      assert.equal(acked.size, 7);
      assert.deepEqual(
        (await sql.query<{ value: number }>("SELECT value FROM measurements ORDER BY time")).map(({ value }) => value),
        [1, 2, 4, 5],
      );
      const dead = await sql.query<{ reason: string }>("SELECT reason FROM dead_letters ORDER BY reason");
      assert.deepEqual(
        dead.map(({ reason }) => reason),
        ["BadJson", "Refused", "UnknownTopic"],
      );
    });

    it("a dead letter that the database refuses once more stays one", async () => {
      await sql.script(WIPE);
      await sql.script("ALTER TABLE measurements ADD CONSTRAINT test_refuses CHECK (value IS NULL OR value <> 666)");
      const store = storeOn(sql),
        letters = (): Promise<{ hash: string; reason: string; tries: number }[]> =>
          sql.query("SELECT hash, reason, tries FROM dead_letters");
      store.start();
      give(store, [message("one", "rt/reg/pack_power", { value: 666, time: new Date(NOW).toISOString() })]);
      const { hash } = await waitUntil("refused", 40_000, async () => (await letters())[0]);
      assert.equal(await retryLetter(sql, store, hash), "Refused");
      assert.deepEqual(await letters(), [{ hash, reason: "Refused", tries: 2 }]);
      await sql.script("ALTER TABLE measurements DROP CONSTRAINT test_refuses");
      assert.equal(await retryLetter(sql, store, hash), "kept");
      assert.deepEqual(await letters(), []);
      await store.stop(10_000);
      assert.deepEqual(await sql.query("SELECT value FROM measurements"), [{ value: 666 }]);
    });

    it("estimated clocks of two recorders give a message one time", async () => {
      await sql.script(WIPE);
      const sample = (ms: number, arrival: number, dup = false): Message =>
        message("one", "rt/reg/pack_power", { value: 1, timestamp_ms: ms }, { arrival, dup });
      const a = storeOn(sql),
        b = storeOn(sql);
      a.start();
      b.start();
      await until("both up", () => a.isUp && b.isUp);
      give(a, [sample(5000, NOW), sample(6000, NOW + 1000)]);
      await a.stop(10_000);
      give(b, [sample(6000, NOW + 1400, true), sample(7000, NOW + 2400)]);
      await b.stop(10_000);
      const rows = await sql.query<{ ms: number }>(
        "SELECT extract(epoch FROM time)::float8 * 1000 - $1 AS ms FROM measurements ORDER BY time",
        [NOW],
      );
      assert.deepEqual(
        rows.map(({ ms }) => Math.round(ms)),
        [0, 1000, 2000],
      );
    });

    it("roll-ups are the rows of their minute and hour, also after a late one", async () => {
      await sql.script(WIPE);
      const sample = (second: number, value: number | null): Message =>
        message("one", "rt/reg/pack_power", { value, time: new Date(BOOT + second * 1000).toISOString() });
      for (const part of [[sample(1, 5), sample(2, 7), sample(61, 1), sample(62, null)], [sample(3, 12)]]) {
        const store = storeOn(sql);
        store.start();
        give(store, part);
        await store.stop(10_000);
        while ((await rollUp(sql, NOW + 7_200_000)) > 0);
      }
      const minutes = await sql.query(`SELECT n, sum, min, max, last FROM measurements_1m ORDER BY bucket`);
      assert.deepEqual(minutes, [
        { n: 3, sum: 24, min: 5, max: 12, last: 12 },
        { n: 1, sum: 1, min: 1, max: 1, last: 1 },
      ]);
      assert.deepEqual(await sql.query(`SELECT n, sum, min, max, last FROM measurements_1h`), [
        { n: 4, sum: 25, min: 1, max: 12, last: 1 },
      ]);
    });

    it("partitions of days that are too old go", async () => {
      const days = daysOf(sql, "plain");
      await days.ensure([NOW, NOW - 200 * 86_400_000]);
      assert.ok((await days.drop(NOW, 90)) >= 1);
      await days.ahead(NOW);
      const names = (
        await sql.query<{ name: string }>(
          "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'measurements'::regclass",
        )
      ).map(({ name }) => name);
      assert.ok(names.includes("measurements_p20260206") && !names.includes("measurements_p20250718"), names.join());
    });
  });
}

suite("PGlite", () => openPglite(join(folder(), "db")), 3);

describe("recorder: PostgreSQL", function () {
  this.timeout(TEST_MS);
  let postgres: Postgres | null = null;
  before(async function () {
    if (!findPostgres()) {
      console.log(`      ${NO_POSTGRES}`);
      return this.skip();
    }
    postgres = await startPostgres();
  });
  after(async () => {
    await postgres?.close();
    for (const spool of spools) await spool.close();
    for (const one of folders) rmSync(one, { recursive: true, force: true });
  });

  if (findPostgres()) suite("PostgreSQL", async () => openPostgres(postgres!.url), 6);

  it("a database that dies and comes back misses nothing; what waited is in the spool meanwhile", async () => {
    const url = await postgres!.database("away"),
      sql = openPostgres(url),
      store = storeOn(sql);
    store.start();
    await until("up", () => store.isUp);
    const sample = (i: number): Message =>
      message("one", "rt/reg/pack_power", { value: i, time: new Date(NOW + i).toISOString() });
    const first = give(store, [...Array(150).keys()].map(sample));
    await until("first", () => first.acked.size === 150);
    await postgres!.kill();
    const second = give(
      store,
      [...Array(150).keys()].map((i) => sample(i + 150)),
    );
    await until("acknowledged by the spool", () => second.acked.size === 150 && !store.isUp);
    const huge = give(store, [message("one", "rt/reg/pack_power", "9".repeat(3_000_000)), sample(300)]);
    await until("a message that no record holds as well", () => huge.acked.size === 2);
    assert.equal(store.counts.spooled, 152);
    await postgres!.start();
    await until("drained", () => store.isUp && store.backlog === 0);
    await store.stop(10_000);
    assert.deepEqual(await sql.query("SELECT count(*)::int AS n, sum(value)::int AS sum FROM measurements"), [
      { n: 301, sum: (300 * 301) / 2 },
    ]);
    assert.deepEqual(await sql.query("SELECT reason, octet_length(payload) AS bytes FROM dead_letters"), [
      { reason: "TooBig", bytes: 65_536 },
    ]);
    await sql.close();
  });

  it("a locked table is a database that is away; memory stays bounded", async () => {
    const url = await postgres!.database("locked"),
      sql = openPostgres(url),
      store = storeOn(sql);
    store.start();
    await until("up", () => store.isUp);
    give(store, [message("one", "rt/reg/pack_power", { value: 1, time: new Date(NOW).toISOString() })]);
    await until("written", () => store.counts.stored === 1 || store.waiting === 0);
    const held = openPostgres(url);
    let free = (): void => undefined;
    const holding = held.session(async (query) => {
      await query("BEGIN");
      await query("LOCK TABLE measurements");
      await new Promise<void>((resolve) => {
        free = resolve;
      });
      await query("COMMIT");
    });
    await until(
      "locked",
      async () =>
        (
          await sql.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_locks WHERE mode = 'AccessExclusiveLock'")
        )[0].n > 0,
    );
    const many = give(
      store,
      [...Array(30_000).keys()].map((i) =>
        message("one", "rt/reg/pack_power", { value: i, time: new Date(NOW + 1 + i).toISOString() }),
      ),
    );
    await until("most acknowledged by the spool", () => many.acked.size > 20_000);
    assert.ok(store.waitingRows <= 10_000);
    free();
    await holding;
    await until("all in the database", () => many.acked.size === 30_000 && store.backlog === 0 && store.isUp);
    await store.stop(10_000);
    assert.deepEqual(await sql.query("SELECT count(*)::int AS n FROM measurements"), [{ n: 30_001 }]);
    await Promise.all([sql.close(), held.close()]);
  });
});

describe("recorder: the spool", function () {
  this.timeout(TEST_MS);
  const some = (n: number, size = 20): Message[] =>
    [...Array(n).keys()].map((i) =>
      message("one", "rt/reg/x", "y".repeat(size) + i, { arrival: NOW + i + 0.5, dup: i % 2 > 0 }),
    );

  it("a record comes back as it was, in any pieces", () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((all) => Buffer.from(all));
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40 }),
        bytes,
        fc.constantFrom(0, 1, 2),
        fc.boolean(),
        fc.boolean(),
        (topic, payload, qos, retain, dup) => {
          const given = { topic: Buffer.from(topic).toString(), payload, qos, retain, dup, arrival: NOW + 0.25 },
            record = encode([given]);
          const read = decode(Buffer.concat([record, record]), record.length);
          assert.ok(typeof read !== "string");
          assert.deepEqual(read.message, given);
          for (const end of [0, 1, 7, 8, record.length - 1]) assert.equal(decode(record.subarray(0, end), 0), "end");
        },
      ),
    );
  });

  it("keeps its order over segments, restarts and reading in pieces; forgets what is done with", async () => {
    const path = folder(),
      all = some(900, 60_000);
    let spool = openSpool(path, 1e9);
    for (let i = 0; i < all.length; i += 50) await spool.append(all.slice(i, i + 50));
    await spool.close();
    spool = openSpool(path, 1e9);
    assert.ok(readdirSync(path).length > 3);
    const seen: Message[] = [];
    let at = spool.start;
    while (spool.backlog(at) > 0) {
      const { messages, next } = await spool.read(at, 70);
      seen.push(...messages);
      at = next;
      spool.forget(at);
    }
    assert.deepEqual(
      seen.map(({ payload }) => payload.length),
      all.map(({ payload }) => payload.length),
    );
    assert.deepEqual(readdirSync(path).filter((name) => name.endsWith(".spool")).length, 1);
    await spool.close();
  });

  it("a torn tail is cut off; nothing after it is lost", async () => {
    const path = folder();
    let spool = openSpool(path, 1e9);
    await spool.append(some(10));
    await spool.close();
    appendFileSync(join(path, "00000001.spool"), encode(some(1)).subarray(0, 25));
    spool = openSpool(path, 1e9);
    await spool.append(some(5));
    const { messages } = await spool.read(spool.start, 100);
    assert.equal(messages.length, 15);
    assert.equal(spool.damaged, 0);
    await spool.close();
  });

  it("says when it is full, and keeps what it has", async () => {
    const spool = openSpool(folder(), 5000);
    await spool.append(some(30));
    await assert.rejects(spool.append(some(60)), SpoolFull);
    assert.equal((await spool.read(spool.start, 100)).messages.length, 30);
    await spool.close();
  });
});
