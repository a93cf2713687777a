// The oracle: devices tell, parts are killed at random moments, and in the end the database has exactly what was told.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "../../tools/recorder/postgres";
import { sleep, until } from "../../tools/rig/wait";
import { startPostgres } from "../../tools/rig/postgres";
import {
  difference,
  isReady,
  PATIENCE,
  randomOf,
  settled,
  startKnownDevices,
  startMosquitto,
  startRecorderProcess,
} from "../../tools/rig/recorder";

export interface Chaos {
  seed: number;
  devices: number;
  recorderKills: number;
  postgresKills: number;
  brokerRestarts: number;
  log?(text: string): void;
}

/** Run it; the rows that were told. Rejects with what is missing, too much or different. */
export async function chaos({
  seed,
  devices,
  recorderKills,
  postgresKills,
  brokerRestarts,
  log = () => undefined,
}: Chaos): Promise<number> {
  const random = randomOf(seed),
    data = mkdtempSync(join(tmpdir(), "recorder-chaos-"));
  const postgres = await startPostgres(),
    broker = await startMosquitto();
  const options = ["--broker", `mqtt://127.0.0.1:${broker.port}`, "--database", postgres.url, "--log", "warn"];
  let recorder = await startRecorderProcess(data, options);
  // What is told before the broker has the session is nobody's.
  await until("the recorder is ready", PATIENCE, () => isReady(recorder.url));
  const { demo, told } = await startKnownDevices(broker.port, devices, seed);
  const blows = [
    ...Array(recorderKills).fill("recorder"),
    ...Array(postgresKills).fill("postgres"),
    ...Array(brokerRestarts).fill("broker"),
  ] as string[];
  blows.sort(() => random() - 0.5);
  let isOver = false;
  const base = Date.now() - 3_600_000;
  const telling = (async () => {
    for (let second = 0; !isOver; second++) {
      await demo.run(1, base + second * 1000);
      await sleep(50);
    }
  })();
  for (const [i, blow] of blows.entries()) {
    await sleep(500 + random() * 1500);
    log(`${i + 1}/${blows.length} ${blow}, ${told.size} rows told`);
    if (blow === "recorder") {
      await recorder.kill();
      recorder = await startRecorderProcess(data, options);
    } else if (blow === "postgres") {
      await postgres.kill();
      await sleep(random() * 3000);
      await postgres.start();
    } else {
      await broker.stop();
      await broker.start();
    }
  }
  await sleep(1000);
  isOver = true;
  await telling;
  const sql = openPostgres(postgres.url),
    kept = await settled(sql, told);
  const { missing, extra, other } = difference(told, kept),
    dead = await sql.query("SELECT topic, reason FROM dead_letters LIMIT 5");
  await demo.close();
  const status = await recorder.stop();
  await Promise.all([sql.close(), broker.close()]);
  await postgres.close();
  const order = [...told.keys()],
    places = missing.map((key) => order.indexOf(key));
  const text = `missing of ${told.size}: ${Math.min(...places)} to ${Math.max(...places)}\n` + recorder.log();
  rmSync(data, { recursive: true, force: true });
  assert.deepEqual(
    { missing: missing.length, extra: extra.length, other: other.length, dead },
    { missing: 0, extra: 0, other: 0, dead: [] },
    JSON.stringify([missing.slice(0, 3), extra.slice(0, 3), other.slice(0, 3)]) + text,
  );
  assert.equal(status, 0, text);
  return told.size;
}
