// `npm run bench -- recorder`: what the recorder costs, as ratios of one run, so that a busy machine troubles both
// sides alike. Store path and live against bare programs; a flush against COPY of the same rows; history against a scan
// of what it stands for. Where work is compared it is CPU time, of the database's processes too, which does not grow
// while others have the processor; live and history are real time. `npm run bench -- recorder flush live`: these parts.
import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { connectAsync } from "mqtt";
import pg from "pg";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import type { Message, Row } from "../recorder/effects";
import { idsOf } from "../recorder/ids";
import { daysOf, rollUp } from "../recorder/jobs";
import { migrate } from "../recorder/migrate";
import { openPostgres } from "../recorder/postgres";
import { historyOf } from "../recorder/reads";
import { jsonOf } from "../recorder/normalize";
import { openSpool } from "../recorder/spool";
import type { Sql } from "../recorder/sql";
import { rowsStatement } from "../recorder/writer";
import { findPostgres, NO_POSTGRES, startPostgres } from "../rig/postgres";
import {
  findMosquitto,
  isReady,
  NO_MOSQUITTO,
  startKnownDevices,
  startMosquitto,
  startRecorderProcess,
} from "../rig/recorder";
import { sleep, until } from "../rig/wait";

const DEVICES = 100,
  SECONDS = 60,
  ROUNDS = 15,
  STORE_ROUNDS = 5,
  BATCH = 1000,
  BASE = Date.UTC(2026, 0, 1),
  DAY = 86_400_000,
  PATIENCE = 180_000,
  PROBES = 300;

/** A ratio with the goal it is held to. */
interface Ratio {
  name: string;
  value: number;
  goal: string;
  isGood: boolean;
  note: string;
}

const atLeast = (name: string, value: number, goal: number, note: string): Ratio => ({
  name,
  value,
  goal: `>= ${goal}`,
  isGood: value >= goal,
  note,
});
const atMost = (name: string, value: number, goal: number, note: string): Ratio => ({
  name,
  value,
  goal: `<= ${goal}`,
  isGood: value <= goal,
  note,
});
const median = (all: number[]): number => [...all].sort((a, b) => a - b)[all.length >> 1];
const quantile = (all: number[], share: number): number =>
  [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * share))];

/** CPU time of another process and its threads, ms. */
function cpuOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let ns = 0;
  for (const task of readdirSync(tasks)) ns += Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
  return ns / 1e6;
}

/** CPU time of a piece of work in this process and in those that work for it, ms. */
async function cpuOfWork(work: () => Promise<unknown>, helpers: number[] = []): Promise<number> {
  const ofHelpers = (): number => helpers.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const before = process.cpuUsage(),
    helpedBefore = ofHelpers();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 + ofHelpers() - helpedBefore;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** What `fork` runs: a subscriber that does nothing but answer, or a relay that does nothing but pass on. */
async function bare(kind: string, port: number): Promise<void> {
  const client = await connectAsync({
    host: "127.0.0.1",
    port,
    protocolVersion: 5,
    clientId: `bare-${kind}`,
    properties: { receiveMaximum: 5000 },
  });
  let count = 0;
  const server = createServer(),
    live = new Server(server);
  client.on("message", (topic, payload) => {
    count++;
    if (kind === "relay") live.emit("mqtt-message", { topic, value: jsonOf(payload.toString()) });
  });
  await client.subscribeAsync("tinybms/#", { qos: 1 });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.on("message", () => process.send!({ count }));
  process.send!({ port: (server.address() as { port: number }).port });
}

function startBare(
  kind: string,
  port: number,
): Promise<{ child: ChildProcess; port: number; count(): Promise<number> }> {
  const child = fork(fileURLToPath(import.meta.url), ["bare", kind, String(port)], { execArgv: ["--import", "tsx"] });
  const answer = <T>(): Promise<T> => new Promise((resolve) => child.once("message", (told) => resolve(told as T)));
  const count = async (): Promise<number> => {
    const told = answer<{ count: number }>();
    child.send("count");
    return (await told).count;
  };
  return answer<{ port: number }>().then((told) => ({ child, port: told.port, count }));
}

/** Options of a recorder between this broker and this database. */
const between = (port: number, url: string): string[] => [
  ...["--broker", `mqtt://127.0.0.1:${port}`, "--database", url, "--log", "error"],
];

/** CPU of a message: bare subscriber over recorder, both hearing the same messages at the same time. */
async function storePath(url: string): Promise<Ratio[]> {
  const broker = await startMosquitto(),
    data = mkdtempSync(join(tmpdir(), "bench-recorder-"));
  const recorder = await startRecorderProcess(data, between(broker.port, url));
  await until("ready", PATIENCE, () => isReady(recorder.url));
  const plain = await startBare("subscriber", broker.port),
    { demo } = await startKnownDevices(broker.port, DEVICES),
    base = Date.now() - 3_600_000;
  await demo.run(5, base);
  const heard = async (): Promise<number> =>
    Number(
      /^recorder_acked_total (\d+)/m.exec(
        await (await fetch(recorder.url + "/metrics", { headers: { authorization: "Bearer test-token" } })).text(),
      )?.[1],
    );
  const quiet = async (): Promise<number> => {
    for (let last = -1, now = await heard(); ; now = await heard()) {
      if (now === last) return now;
      last = now;
      await sleep(3000);
    }
  };
  // A recorder runs for months: its first minute, in which V8 is still compiling, is not what it costs.
  let told = 5;
  const round = async (seconds: number): Promise<Round> => {
    const before = await quiet(),
      from = [cpuOf(plain.child.pid!), cpuOf(recorder.pid)];
    for (const end = told + seconds; told < end; told++) await demo.run(1, base + told * 1000);
    const messages = (await quiet()) - before,
      [bareMs, ownMs] = [cpuOf(plain.child.pid!) - from[0], cpuOf(recorder.pid) - from[1]];
    return { messages, bare: (bareMs * 1000) / messages, own: (ownMs * 1000) / messages };
  };
  await round(SECONDS);
  const rounds: Round[] = [];
  for (let i = 0; i < STORE_ROUNDS; i++) rounds.push(await round(SECONDS));
  await demo.close();
  plain.child.kill();
  await recorder.stop();
  await broker.close();
  rmSync(data, { recursive: true, force: true });
  const ratios = rounds.map(({ bare: plainUs, own }) => plainUs / own).sort((x, y) => x - y),
    [plainUs, ownUs] = [median(rounds.map((one) => one.bare)), median(rounds.map((one) => one.own))];
  return [
    atLeast(
      "store path / bare subscriber (CPU)",
      median(ratios),
      0.5,
      `${rounds[0].messages} messages a round, ${plainUs.toFixed(1)} and ${ownUs.toFixed(1)} us each; ` +
        `${ratios[0].toFixed(2)} to ${ratios.at(-1)!.toFixed(2)} in ${STORE_ROUNDS} rounds, after one that warms up`,
    ),
  ];
}

/** CPU of a message on both sides, us. */
interface Round {
  messages: number;
  bare: number;
  own: number;
}

const rowsOf = (round: number, most = BATCH): Row[] =>
  Array.from({ length: most }, (_, i) => ({
    device: `d${i % 20}`,
    sensor: `s${i % 7}`,
    time: BASE + round * 3_600_000 + i * 100,
    value: i / 7,
    flags: 0,
  }));

async function prepared(sql: Sql): Promise<ReturnType<typeof idsOf>> {
  await migrate(sql, "plain");
  await daysOf(sql, "plain").ensure([BASE, BASE + DAY, BASE + 2 * DAY, BASE + 3 * DAY, BASE + 4 * DAY]);
  const ids = idsOf(sql, "tinybms"),
    rows = rowsOf(0);
  await ids.know({
    rows,
    latest: [],
    events: [],
    facts: [],
    energy: [],
    about: [],
    config: [],
    labels: [],
    anchors: [],
    cleared: [],
    answers: [],
  });
  return ids;
}

function copyText(rows: Row[], ids: ReturnType<typeof idsOf>): string {
  return rows
    .map(
      ({ device, sensor, time, value, flags }) =>
        `${ids.device(device)}\t${ids.sensor(sensor)}\t${new Date(time).toISOString()}\t${value}\t${flags}\n`,
    )
    .join("");
}

/** A flush of 1000 rows against COPY of 1000 others, in turns; and the spool against the flush. CPU time. */
async function flushes(url: string): Promise<Ratio[]> {
  const { copyInto } = await import("./copy"),
    sql = openPostgres(url),
    ids = await prepared(sql),
    client = new pg.Client({ connectionString: url });
  await client.connect();
  const backends = await sql.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'",
  );
  const pids = backends.map(({ pid }) => pid);
  const flush: number[] = [],
    copy: number[] = [],
    spool: number[] = [],
    folder = mkdtempSync(join(tmpdir(), "bench-spool-")),
    own = openSpool(folder, 1e10);
  for (let round = 0; round < ROUNDS; round++) {
    const rows = rowsOf(2 * round),
      others = rowsOf(2 * round + 1),
      text = Buffer.from(copyText(others, ids));
    flush.push(await cpuOfWork(() => sql.batch([rowsStatement(rows, ids)]), pids));
    copy.push(await cpuOfWork(() => copyInto(client, "measurements", text), pids));
    const messages = rows.map(
      ({ device, sensor, time, value }): Message => ({
        topic: `tinybms/${device}/rt/reg/${sensor}`,
        payload: Buffer.from(`{"value":${value},"timestamp_ms":${time - BASE},"seq":1,"quality":"ok"}`),
        qos: 1,
        retain: false,
        dup: false,
        arrival: time,
      }),
    );
    spool.push(await cpuOfWork(() => own.append(messages)));
  }
  await own.close();
  rmSync(folder, { recursive: true, force: true });
  await Promise.all([client.end(), sql.close()]);
  const [a, b, c] = [flush, copy, spool].map(median);
  return [
    atLeast(
      "flush / raw COPY, PostgreSQL (CPU)",
      b / a,
      0.55,
      `${a.toFixed(1)} and ${b.toFixed(1)} ms for ${BATCH} rows`,
    ),
    atLeast("spool / flush (CPU)", a / c, 4, `${c.toFixed(1)} ms for ${BATCH} messages, synced`),
  ];
}

/** The same on PGlite, which runs in this thread here. */
async function pgliteFlushes(): Promise<Ratio[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-pglite-")),
    db = await PGlite.create({ dataDir: folder });
  const query = async (
    statement: { text: string; values?: unknown[] } | string,
    values?: unknown[],
  ): Promise<never[]> =>
    (typeof statement === "string"
      ? await db.query(statement, values)
      : await db.query(statement.text, statement.values)
    ).rows as never[];
  const sql: Sql = {
    kind: "pglite",
    query,
    batch: async (all) => {
      for (const one of all) await query(one);
      return [];
    },
    script: async (text) => void (await db.exec(text)),
    session: (work) => work(query),
    close: () => db.close(),
  };
  const ids = await prepared(sql),
    flush: number[] = [],
    copy: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const rows = rowsOf(2 * round),
      blob = new Blob([copyText(rowsOf(2 * round + 1), ids)]);
    flush.push(await cpuOfWork(() => sql.batch([rowsStatement(rows, ids)])));
    copy.push(await cpuOfWork(() => db.query("COPY measurements FROM '/dev/blob'", [], { blob })));
  }
  await db.close();
  rmSync(folder, { recursive: true, force: true });
  const [a, b] = [flush, copy].map(median);
  return [
    atLeast("flush / raw COPY, PGlite (CPU)", b / a, 0.45, `${a.toFixed(1)} and ${b.toFixed(1)} ms for ${BATCH} rows`),
  ];
}

/** Publish now and then, and how long each takes to the viewer, ms. */
async function latencies(brokerPort: number, viewer: string): Promise<number[]> {
  const client = await connectAsync({ host: "127.0.0.1", port: brokerPort, protocolVersion: 4 }),
    socket = io(viewer, { transports: ["websocket"], auth: { token: "test-token" } }),
    all: number[] = [];
  const sent = new Map<string, number>();
  socket.on("mqtt-message", ({ topic }: { topic: string }) => {
    const at = sent.get(topic);
    if (at !== undefined) all.push(performance.now() - at);
    sent.delete(topic);
  });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  for (let i = 0; i < PROBES; i++) {
    const topic = `tinybms/probe${i % 20}/rt/reg/p${Math.floor(i / 20)}`;
    sent.set(topic, performance.now());
    client.publish(topic, '{"value":1,"timestamp_ms":1000,"seq":1,"quality":"ok"}', { qos: 0 });
    await sleep(10);
  }
  await sleep(500);
  socket.disconnect();
  await client.endAsync(true);
  return all;
}

async function live(url: string): Promise<Ratio[]> {
  const broker = await startMosquitto(),
    data = mkdtempSync(join(tmpdir(), "bench-live-"));
  const recorder = await startRecorderProcess(data, between(broker.port, url)),
    relay = await startBare("relay", broker.port);
  await until("ready", PATIENCE, () => isReady(recorder.url));
  const own: number[] = [],
    other: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    own.push(...(await latencies(broker.port, recorder.url)));
    other.push(...(await latencies(broker.port, `http://127.0.0.1:${relay.port}`)));
  }
  relay.child.kill();
  await recorder.stop();
  await broker.close();
  rmSync(data, { recursive: true, force: true });
  const [a, b] = [own, other].map((all) => quantile(all, 0.99));
  return [
    atMost(
      "live p99 / bare relay p99",
      a / b,
      1.5,
      `${a.toFixed(1)} and ${b.toFixed(1)} ms, ${own.length} messages; median ${median(own).toFixed(1)} ms`,
    ),
  ];
}

/** A chart of 30 days against making it of all the rows. */
async function history(url: string): Promise<Ratio[]> {
  const sql = openPostgres(url),
    ids = await prepared(sql),
    from = BASE,
    to = BASE + 30 * DAY,
    key: [number, number] = [ids.device("d0"), ids.sensor("s0")];
  await daysOf(sql, "plain").ensure(Array.from({ length: 30 }, (_, day) => from + day * DAY));
  await sql.query(
    `INSERT INTO measurements SELECT $1, $2, t, 50 + 40 * sin(extract(epoch FROM t) / 7000), 0
    FROM generate_series(to_timestamp($3::float8 / 1000), to_timestamp($4::float8 / 1000) - interval '1 s', interval '2 s') t ON CONFLICT DO NOTHING`,
    [...key, from, to],
  );
  await sql.query(
    "INSERT INTO latest (device_id, sensor_id, told_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING",
    key,
  );
  await sql.query(
    `INSERT INTO roll_up_due SELECT $1, h FROM generate_series(to_timestamp($2::float8 / 1000), to_timestamp($3::float8 / 1000),
     interval '1 hour') h ON CONFLICT DO NOTHING`,
    [key[0], from, to],
  );
  while ((await rollUp(sql, Date.now() + DAY)) > 0);
  await sql.query("ANALYZE");
  const scan = `SELECT date_bin('1 hour', time, timestamptz 'epoch'), min(value), max(value), avg(value)
    FROM measurements WHERE device_id = $1 AND sensor_id = $2
    AND time >= to_timestamp($3::float8 / 1000) AND time < to_timestamp($4::float8 / 1000) GROUP BY 1`;
  const own: number[] = [],
    raw: number[] = [];
  for (let round = 0; round < 5; round++) {
    own.push(await timed(() => historyOf(sql, key, "s0", from, to, 800)));
    raw.push(await timed(() => sql.query(scan, [...key, from, to])));
  }
  await sql.close();
  const [a, b] = [own, raw].map(median);
  return [
    atMost(
      "history of 30 days / scan of its rows",
      a / b,
      0.1,
      `${a.toFixed(0)} and ${b.toFixed(0)} ms, 1.3 million rows`,
    ),
  ];
}

/** Run all of it, or the parts that are named, and print a table; exit status 1 when a goal is missed. */
export async function benchRecorder(wanted: string[]): Promise<void> {
  if (!findPostgres() || !findMosquitto()) return console.log(findPostgres() ? NO_MOSQUITTO : NO_POSTGRES);
  const postgres = await startPostgres();
  try {
    const database = (name: string): Promise<string> => postgres.database(name),
      ratios: Ratio[] = [];
    const parts: [string, () => Promise<Ratio[]>][] = [
      ["flush", async () => flushes(await database("flush"))],
      ["pglite", pgliteFlushes],
      ["history", async () => history(await database("history"))],
      ["live", async () => live(await database("live"))],
      ["store", async () => storePath(await database("store"))],
    ];
    for (const [part, work] of parts) {
      if (wanted.length > 0 && !wanted.includes(part)) continue;
      for (const ratio of await work()) {
        ratios.push(ratio);
        console.log(
          `${ratio.isGood ? "good" : "MISS"}  ${ratio.name.padEnd(40)} ${ratio.value.toFixed(2).padStart(7)}  ${ratio.goal.padEnd(8)} ${ratio.note}`,
        );
      }
    }
    if (ratios.some(({ isGood }) => !isGood)) process.exitCode = 1;
  } finally {
    await postgres.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === "bare")
  await bare(process.argv[3], Number(process.argv[4]));
