// `npm run recorder -- doctor`: what of broker, database, clock and disk would lose data, in words.
import { statfs } from "node:fs/promises";
import { connect } from "mqtt";
import pc from "../colors";
import { shownBroker } from "../host/broker-url";
import { schemaState } from "./migrate";
import type { Options } from "./options";
import { openPostgres, shownDatabase } from "./postgres";
import type { Reach } from "./subscriber";

/** One thing looked at. */
export interface Finding {
  what: string;
  state: "good" | "bad" | "look";
  text: string;
}

const CONNECT_MS = 10_000,
  PROBES = 60,
  SKEW_S = 5,
  FREE_GB = 10;

type Client = ReturnType<typeof connect>;

async function open(reach: Reach, more: object): Promise<Client> {
  const client = connect({ ...reach, ...more, reconnectPeriod: 0, connectTimeout: CONNECT_MS });
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
    client.once("close", () => reject(new Error("the broker hung up")));
  });
  return client;
}

/** Does the broker speak MQTT 5? */
async function versionFinding(reach: Reach): Promise<Finding> {
  const good: Finding = { what: "MQTT 5", state: "good", text: "spoken: up to 5000 messages wait for their PUBACK" };
  try {
    await (await open(reach, { protocolVersion: 5 })).endAsync(true);
    return good;
  } catch {
    return {
      ...good,
      state: "look",
      text: "refused: with 3.1.1 a broker sends 10 to 20 messages before it waits, so batches are small",
    };
  }
}

/** What a broker keeps for a subscriber that is away: QoS 0 (upgraded), and how many of QoS 1. */
async function queueFindings(reach: Reach, prefix: string): Promise<Finding[]> {
  const id = `recorder-doctor-${process.pid}`,
    topic = `${prefix}/doctor-${process.pid}/test`,
    session = { clientId: id, clean: false, protocolVersion: 4 as const };
  const away = await open(reach, session);
  await away.subscribeAsync(topic, { qos: 1 });
  await away.endAsync(false);
  const writer = await open(reach, { protocolVersion: 4 });
  for (let i = 0; i < PROBES; i++) await writer.publishAsync(topic, "one", { qos: 1 });
  for (let i = 0; i < PROBES; i++) await writer.publishAsync(topic, "zero", { qos: 0 });
  await writer.publishAsync(`${topic}/end`, "", { qos: 1 }); // answered when the broker has seen what came before it
  const got = { one: 0, zero: 0 },
    back = connect({ ...reach, ...session, reconnectPeriod: 0 });
  back.on("message", (_, payload) => {
    got[payload.toString() as keyof typeof got]++;
  });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await back.endAsync(true);
  await (await open(reach, { ...session, clean: true })).endAsync(true);
  await writer.endAsync(true);
  return [
    got.one === PROBES
      ? { what: "session", state: "good", text: "QoS 1 is kept while the recorder is away" }
      : {
          what: "session",
          state: "bad",
          text: `of ${PROBES} messages of QoS 1 the broker kept ${got.one} while the recorder was away`,
        },
    got.zero > 0
      ? { what: "QoS 0", state: "good", text: "is kept as well (upgraded)" }
      : {
          what: "QoS 0",
          state: "look",
          text:
            "is lost while the recorder is away. Cure: mosquitto `upgrade_outgoing_qos true`, EMQX `mqtt.upgrade_qos`, " +
            "or `mqtt.default_qos` 1 of the devices",
        },
    {
      what: "queue",
      state: "look",
      text: "mosquitto keeps 1000 messages a session unless `max_queued_messages` says more: at least 10 minutes of messages",
    },
  ];
}

async function brokerFindings(reach: Reach, prefix: string): Promise<Finding[]> {
  try {
    return [await versionFinding(reach), ...(await queueFindings(reach, prefix))];
  } catch (error) {
    return [{ what: "broker", state: "bad", text: (error as Error).message || "nobody answers" }];
  }
}

async function databaseFindings({ database, engine }: Options): Promise<Finding[]> {
  if (database === null)
    return [
      {
        what: "database",
        state: "look",
        text: "PGlite, inside: safe against a crash, after a power cut filled up from the spool. For data of value: PostgreSQL",
      },
    ];
  const sql = openPostgres(database);
  try {
    const [{ version, now, sync }] = await sql.query<{ version: number; now: number; sync: string }>(
      `SELECT current_setting('server_version_num')::int AS version, extract(epoch FROM now())::float8 AS now,
       current_setting('synchronous_commit') AS sync`,
    );
    const skew = Math.abs(now - Date.now() / 1000),
      { have, want } = await schemaState(sql);
    return [
      {
        what: "database",
        state: version >= 140_000 ? "good" : "bad",
        text: `${shownDatabase(database)}: PostgreSQL ${Math.floor(version / 10_000)}, engine ${engine}`,
      },
      { what: "commit", state: sync === "off" ? "bad" : "good", text: `synchronous_commit is ${sync}` },
      {
        what: "clock",
        state: skew < SKEW_S ? "good" : "bad",
        text: `database and this machine differ by ${skew.toFixed(1)} s`,
      },
      {
        what: "schema",
        state: have > want ? "bad" : "good",
        text:
          have === want
            ? `up to date (${have})`
            : have > want
              ? `newer (${have}) than this recorder (${want})`
              : `${want - have} migrations to come`,
      },
    ];
  } catch (error) {
    return [{ what: "database", state: "bad", text: (error as Error).message }];
  } finally {
    await sql.close();
  }
}

async function diskFinding(data: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(data).catch(() => statfs(".")),
    free = (bavail * bsize) / 1e9;
  return { what: "disk", state: free > FREE_GB ? "good" : "look", text: `${free.toFixed(0)} GB free for ${data}` };
}

export async function examine(options: Options, reach: Reach): Promise<Finding[]> {
  return [
    ...(await brokerFindings(reach, options.prefix)),
    ...(await databaseFindings(options)),
    await diskFinding(options.data),
  ];
}

/** Print what was found; exit status 1 when something would lose data. */
export async function doctor(options: Options, reach: Reach): Promise<void> {
  const marks = { good: pc.green("good"), bad: pc.red("bad "), look: pc.yellow("look") };
  if (options.broker) console.log(`broker ${shownBroker(options.broker.broker)}`);
  const found = await examine(options, reach);
  for (const { what, state, text } of found) console.log(`${marks[state]}  ${what.padEnd(9)} ${text}`);
  if (found.some(({ state }) => state === "bad")) process.exitCode = 1;
}
