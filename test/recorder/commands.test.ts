// The sub-commands as a person runs them, and the door by which `npm start` offers the recorder.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, connectAsync } from "mqtt";
import { startBroker } from "../../tools/host/broker";
import { openDoor } from "../../tools/host/recorder";
import { migrate } from "../../tools/recorder/migrate";
import { openPostgres } from "../../tools/recorder/postgres";
import { findPostgres, NO_POSTGRES, startPostgres, type Postgres } from "../../tools/rig/postgres";
import {
  findMosquitto,
  isReady,
  killLeftovers,
  NO_MOSQUITTO,
  PATIENCE,
  startMosquitto,
  startRecorderProcess,
  type BrokerRig,
} from "../../tools/rig/recorder";
import { sleep, until, TEST_MS } from "../../tools/rig/wait";

const root = join(import.meta.dirname, "../..");

async function run(args: string[]): Promise<{ status: number | null; text: string }> {
  const child = spawn(process.execPath, ["tools/recorder/start.mjs", ...args], {
    cwd: root,
    timeout: 2 * PATIENCE,
    killSignal: "SIGKILL",
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, text };
}

describe("recorder: help", function () {
  this.timeout(TEST_MS);
  it("shows the sub-commands and the options of recording, which needs no word", async () => {
    const { status, text } = await run(["--help"]);
    assert.equal(status, 0);
    for (const word of ["doctor", "drain", "--demo <n>", "--database <url>", "--group <name>", "DATABASE_URL"])
      assert.ok(text.includes(word), word);
  });
});

describe("recorder: sub-commands", function () {
  this.timeout(TEST_MS);
  const data = mkdtempSync(join(tmpdir(), "recorder-commands-"));
  let postgres: Postgres | null = null,
    broker: BrokerRig | null = null;
  before(async function () {
    const why = !findPostgres() ? NO_POSTGRES : !findMosquitto() ? NO_MOSQUITTO : "";
    if (why !== "") {
      console.log(`    ${why}`);
      return this.skip();
    }
    [postgres, broker] = await Promise.all([startPostgres(), startMosquitto()]);
  });
  after(async () => {
    await Promise.all([postgres?.close(), broker?.close()]);
    killLeftovers();
    rmSync(data, { recursive: true, force: true });
  });
  const common = (): string[] => [
    ...["--broker", `mqtt://127.0.0.1:${broker!.port}`, "--database", postgres!.url],
    ...["--data", data, "--name", "leaver", "--log", "warn"],
  ];

  it("drain: what the broker keeps for a recorder that is gone goes to the database; then export and migrate", async () => {
    const recorder = await startRecorderProcess(data, [...common().slice(0, 4), "--name", "leaver"]);
    await until("ready", PATIENCE, () => isReady(recorder.url));
    await recorder.kill();
    const client = await connectAsync({ host: "127.0.0.1", port: broker!.port, protocolVersion: 4 }),
      now = Date.now();
    for (let i = 0; i < 50; i++) {
      const payload = JSON.stringify({ value: i, time: new Date(now - 60_000 + i).toISOString() });
      await client.publishAsync("tinybms/one/rt/reg/pack_power", payload, { qos: 1 });
    }
    // Devices go on: what they tell now is for others.
    const telling = setInterval(() => client.publish("tinybms/two/test", "live"), 200);
    const drained = await run(["drain", ...common()]);
    clearInterval(telling);
    await client.endAsync();
    assert.deepEqual([drained.status, /50 rows/.test(drained.text)], [0, true], drained.text);
    const again = connect({
        host: "127.0.0.1",
        port: broker!.port,
        clientId: "leaver",
        clean: false,
        protocolVersion: 5,
      }),
      sessionPresent = await new Promise<boolean>((resolve) =>
        again.once("connect", (told) => resolve(told.sessionPresent)),
      );
    await again.endAsync();
    assert.equal(sessionPresent, false, "the broker keeps nothing more for it");
    const sql = openPostgres(postgres!.url);
    assert.deepEqual(await sql.query("SELECT count(*)::int AS n, sum(value)::int AS sum FROM measurements"), [
      { n: 50, sum: 1225 },
    ]);
    await sql.close();
    const exported = await run(["export", ...common(), "--device", "one", "--sensor", "pack_power"]);
    assert.equal(exported.text.trim().split("\r\n").length, 51, exported.text.slice(0, 300));
    assert.match((await run(["migrate", ...common()])).text, /0 migrations applied/);
  });

  it("a dump of the database comes back whole, with what comes after it", async () => {
    const programs = findPostgres()!,
      url = await postgres!.database("restored"),
      dump = join(data, "fleet.dump");
    execFileSync(join(programs, "pg_dump"), ["-Fc", "-f", dump, postgres!.url], { timeout: PATIENCE });
    execFileSync(join(programs, "pg_restore"), ["--clean", "--if-exists", "-d", url, dump], {
      stdio: "ignore",
      timeout: PATIENCE,
    });
    const sql = openPostgres(url);
    assert.deepEqual(await sql.query("SELECT count(*)::int AS n, sum(value)::int AS sum FROM measurements_named"), [
      { n: 50, sum: 1225 },
    ]);
    assert.equal(await migrate(sql, "plain"), 0, "its schema is known");
    await sql.close();
  });

  it("doctor: says what would lose data", async () => {
    const { status, text } = await run(["doctor", ...common()]);
    assert.equal(status, 0, text);
    assert.match(text, /good\s+MQTT 5/);
    assert.match(text, /good\s+session/);
    assert.match(text, /look\s+QoS 0 .*upgrade_outgoing_qos/);
    assert.match(text, /good\s+schema .*up to date/);
  });

  it("what makes no sense is refused, with the option's name", async () => {
    const { status, text } = await run(["--shard", "3/2", "--http", "0"]);
    assert.ok(status === 1 && /--shard.*must be k\/n/.test(text), text);
    const other = await run(["--group", "a", "--shard", "1/2", "--http", "0", "--data", data]);
    assert.ok(other.status === 1 && /exclude each other/.test(other.text), other.text);
    const open = await run(["--address", "0.0.0.0", "--http", "0", ...common()]);
    assert.ok(open.status === 1 && /a token is needed/.test(open.text), open.text);
  });
});

describe("recorder: behind the door of npm start", function () {
  this.timeout(TEST_MS);
  it("begins when its page is opened, hands its link to this machine only, and ends with it", async () => {
    const broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now }),
      ends: (number | null)[] = [];
    const door = await openDoor({
      broker: `mqtt://127.0.0.1:${broker.listening.port}`,
      prefix: "tinybms",
      port: 0,
      priority: 0,
      onEnd: (status) => ends.push(status),
    });
    const look = (): Promise<Response> => fetch(door.url, { redirect: "manual" });
    assert.match(await (await look()).text(), /The recorder starts/);
    const link = await until("the link", TEST_MS, async () => (await look()).headers.get("location"));
    assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{24}$/);
    assert.equal((await fetch(link)).status, 200);
    await sleep(100);
    await door.close();
    assert.deepEqual(ends, [0]);
    await broker.close();
  });
});
