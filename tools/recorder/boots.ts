// The boots of devices in the database: what recorders share of the clocks, so that a message has one time whoever
// works on it.
import { addAnchor, clockOf, newClock, type Anchor, type DeviceClock } from "./clock";
import type { BootAnchor } from "./effects";
import type { Ids } from "./ids";
import type { Memory } from "./rows";
import type { Query, Sql } from "./sql";

const LOCK = 7_362_952,
  MOST_ANCHORS = 200,
  SLACK_MS = 5000;

interface BootRow {
  device: string;
  boot_at: number;
  from_ms: number;
  boot: number | null;
  epoch: number;
  source: Anchor["source"];
}

const COLUMNS = `d.device_id AS device, extract(epoch FROM b.boot_at)::float8 * 1000 AS boot_at, b.from_ms::float8 AS from_ms, b.boot::float8 AS boot,
extract(epoch FROM b.epoch)::float8 * 1000 AS epoch, b.source`;
const INSERT = `INSERT INTO device_boots AS b (device_id, boot_at, from_ms, boot, epoch, source)
VALUES ($1, to_timestamp($2::float8 / 1000), $3, $4, to_timestamp($5::float8 / 1000), $6)
ON CONFLICT (device_id, boot_at, from_ms) DO UPDATE SET boot = coalesce(b.boot, excluded.boot), known_at = now()`;

const anchorOf = ({ boot_at, from_ms, boot, epoch, source }: BootRow): Anchor => ({
  bootAt: Math.round(boot_at),
  fromMs: from_ms,
  boot,
  epoch: Math.round(epoch),
  source,
});
const same = (a: Anchor, b: Anchor): boolean => a.bootAt === b.bootAt && a.fromMs === b.fromMs && a.epoch === b.epoch;

/** Put anchors of other recorders into a clock; true when there was one that it did not have. */
function take(clock: DeviceClock, anchors: Anchor[]): boolean {
  let isNew = false;
  for (const anchor of anchors) {
    const own = clock.anchors.find((one) => same(one, anchor));
    if (own) own.boot ??= anchor.boot;
    else isNew = clock.anchors.push({ ...anchor }) > 0;
  }
  clock.anchors.sort((a, b) => a.bootAt - b.bootAt || a.fromMs - b.fromMs);
  return isNew;
}

/** An estimate counts for nothing where somebody has heard of the device itself when it booted. */
function isKnownBetter(known: DeviceClock, clock: DeviceClock, anchor: Anchor): boolean {
  const newest = known.anchors.at(-1);
  if (anchor.source !== "estimated" || clock.isUnsure || !newest) return false;
  return newest.source !== "estimated" && newest.epoch <= anchor.epoch + SLACK_MS;
}

async function placeOne(query: Query, id: number, ours: Anchor[], clock: DeviceClock): Promise<boolean> {
  await query("SELECT pg_advisory_xact_lock($1, $2)", [LOCK, id]);
  const text = `SELECT ${COLUMNS} FROM device_boots b JOIN devices d ON d.id = b.device_id WHERE b.device_id = $1`;
  const known = clockOf((await query<BootRow>(text, [id])).map(anchorOf), null);
  let isOther = false;
  for (const anchor of ours) {
    const added = isKnownBetter(known, clock, anchor) ? null : addAnchor(known, { ...anchor });
    if (added) await query(INSERT, [id, added.bootAt, added.fromMs, added.boot, added.epoch, added.source]);
    if (known.anchors.some((one) => same(one, anchor))) continue;
    isOther = true;
    clock.anchors = clock.anchors.filter((one) => !same(one, anchor));
  }
  return take(clock, known.anchors) || isOther;
}

/**
 * Keep the anchors of a batch; the first for a stretch of a boot wins, whoever made it. True when the database knew
 * better: the clocks in memory have learned it, and the batch must be timed again.
 */
export async function placeAnchors(sql: Sql, anchors: BootAnchor[], ids: Ids, memory: Memory): Promise<boolean> {
  const devices = new Map<string, Anchor[]>();
  for (const { device, anchor } of anchors) devices.set(device, [...(devices.get(device) ?? []), anchor]);
  let isOther = false;
  for (const [device, ours] of [...devices].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const clock = memory.clocks.get(device) ?? newClock();
    memory.clocks.set(device, clock);
    const learned = await sql.session(async (query) => {
      await query("BEGIN");
      const result = await placeOne(query, ids.device(device), ours, clock).catch(async (error: unknown) => {
        await query("ROLLBACK").catch(() => undefined);
        throw error;
      });
      await query("COMMIT");
      return result;
    });
    isOther ||= learned;
  }
  return isOther;
}

/**
 * What the database knows of devices put in the place of what memory has: clocks, names of sensors, time of the newest
 * row.
 */
export async function loadMemory(sql: Sql, memory: Memory, newest: Map<string, number>): Promise<void> {
  const boots = await sql.query<BootRow>(
    `SELECT ${COLUMNS} FROM device_boots b JOIN devices d ON d.id = b.device_id ORDER BY b.boot_at`,
  );
  const latest = await sql.query<{ device: string; sensors: string[]; newest: number | null }>(
    `SELECT d.device_id AS device, array_agg(s.sensor_type) AS sensors, extract(epoch FROM max(l.time))::float8 * 1000 AS newest
     FROM latest l JOIN devices d ON d.id = l.device_id JOIN sensors s ON s.id = l.sensor_id GROUP BY 1`,
  );
  memory.clocks.clear();
  memory.sensors.clear();
  memory.seen.clear();
  newest.clear();
  const anchors = new Map<string, Anchor[]>();
  for (const row of boots) anchors.set(row.device, [...(anchors.get(row.device) ?? []), anchorOf(row)]);
  for (const { device, sensors, newest: time } of latest) {
    memory.sensors.set(device, new Set(sensors));
    if (time !== null) newest.set(device, Math.round(time));
  }
  for (const [device, all] of anchors)
    memory.clocks.set(device, clockOf(all.slice(-MOST_ANCHORS), newest.get(device) ?? null));
}

/** With several recorders: anchors that another one has kept since then. */
export async function learnAnchors(sql: Sql, memory: Memory, sinceS: number): Promise<void> {
  const text = `SELECT ${COLUMNS} FROM device_boots b JOIN devices d ON d.id = b.device_id WHERE b.known_at > now() - make_interval(secs => $1)`;
  for (const row of await sql.query<BootRow>(text, [sinceS])) {
    const clock = memory.clocks.get(row.device) ?? newClock();
    memory.clocks.set(row.device, clock);
    take(clock, [anchorOf(row)]);
  }
}
