// The tables, as Drizzle has them: names in camelCase here, in snake_case in SQL. `npm run recorder:schema` makes the
// next migration of a change. What Drizzle cannot say (partitions, the view) stands in the migrations themselves.
import {
  bigint,
  bigserial,
  boolean,
  customType,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  serial,
  smallint,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const at = () => timestamp({ withTimezone: true, mode: "date" });

export const devices = pgTable("devices", {
  id: serial().primaryKey(),
  deviceId: text().notNull().unique(),
  prefix: text().notNull().default(""),
  name: text(),
  firstSeen: at(),
  lastSeen: at(),
  online: boolean(),
  bmsOnline: boolean(),
  phase: text(),
  fw: text(),
  state: jsonb(),
  /** When each of the fields above was told, ms since 1970: only newer wins. */
  times: jsonb().notNull().default({}),
});

export const sensors = pgTable("sensors", {
  id: serial().primaryKey(),
  sensorType: text().notNull().unique(),
  unit: text().notNull().default(""),
  label: text().notNull().default(""),
  digits: smallint().notNull().default(3),
});

/** Partitions by day; flags as in clock.ts. */
export const measurements = pgTable(
  "measurements",
  {
    deviceId: integer().notNull(),
    sensorId: integer().notNull(),
    time: at().notNull(),
    value: doublePrecision(),
    flags: smallint().notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.sensorId, table.time] })],
);

export const latest = pgTable(
  "latest",
  {
    deviceId: integer().notNull(),
    sensorId: integer().notNull(),
    /** Null: told by a retained message, nobody knows when it was. */
    time: at(),
    /** What decides which of two is newer. */
    toldAt: at().notNull(),
    value: doublePrecision(),
    text: text(),
    document: jsonb(),
    quality: text(),
    seq: bigint({ mode: "number" }),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.sensorId] })],
);

const rollUp = () => ({
  deviceId: integer().notNull(),
  sensorId: integer().notNull(),
  bucket: at().notNull(),
  n: integer().notNull(),
  sum: doublePrecision().notNull(),
  min: doublePrecision().notNull(),
  max: doublePrecision().notNull(),
  last: doublePrecision().notNull(),
});

export const measurements1m = pgTable("measurements_1m", rollUp(), (table) => [
  primaryKey({ columns: [table.deviceId, table.sensorId, table.bucket] }),
]);
export const measurements1h = pgTable("measurements_1h", rollUp(), (table) => [
  primaryKey({ columns: [table.deviceId, table.sensorId, table.bucket] }),
]);

/** Hours whose roll-ups are older than their rows. */
export const rollUpDue = pgTable("roll_up_due", { deviceId: integer().notNull(), hour: at().notNull() }, (table) => [
  primaryKey({ columns: [table.deviceId, table.hour] }),
]);

export const deviceSystemStatus = pgTable("device_system_status", {
  deviceId: integer().primaryKey(),
  rssi: doublePrecision(),
  heapFreeKb: doublePrecision(),
  heapMinFreeKb: doublePrecision(),
  heapTotalKb: doublePrecision(),
  ip: text(),
  mac: text(),
  uptimeStart: at(),
  flashUsedKb: doublePrecision(),
  flashFreeKb: doublePrecision(),
  flashSystemKb: doublePrecision(),
  updatedAt: at().notNull(),
  times: jsonb().notNull().default({}),
});

export const deviceHardware = pgTable("device_hardware", {
  deviceId: integer().primaryKey(),
  chipModel: text(),
  chipRev: text(),
  cpuFreqMhz: doublePrecision(),
  flashKb: doublePrecision(),
  cores: doublePrecision(),
  updatedAt: at().notNull(),
  times: jsonb().notNull().default({}),
});

export const deviceBoots = pgTable(
  "device_boots",
  {
    deviceId: integer().notNull(),
    bootAt: at().notNull(),
    fromMs: bigint({ mode: "number" }).notNull(),
    boot: bigint({ mode: "number" }),
    epoch: at().notNull(),
    source: text().notNull(),
    knownAt: at().notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.bootAt, table.fromMs] })],
);

export const gaps = pgTable(
  "gaps",
  {
    deviceId: integer().notNull(),
    fromTime: at().notNull(),
    toTime: at().notNull(),
    cause: text().notNull(),
    replayed: boolean().notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.fromTime] })],
);

export const alarms = pgTable(
  "alarms",
  {
    deviceId: integer().notNull(),
    alarmId: integer().notNull(),
    raisedAt: at().notNull(),
    code: text().notNull(),
    severity: smallint().notNull(),
    value: doublePrecision(),
    clearedAt: at(),
    ackedAt: at(),
    ackedBy: text(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.alarmId, table.raisedAt] })],
);

export const events = pgTable(
  "events",
  {
    deviceId: integer().notNull(),
    time: at().notNull(),
    kind: text().notNull(),
    key: text().notNull(),
    data: jsonb().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.deviceId, table.kind, table.key, table.time] }),
    index("events_by_time").on(table.deviceId, table.time),
  ],
);

export const energyTotals = pgTable(
  "energy_totals",
  {
    deviceId: integer().notNull(),
    direction: text().notNull(),
    period: text().notNull(),
    date: date().notNull(),
    kwh: doublePrecision().notNull(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.direction, table.period, table.date] })],
);

export const configVersions = pgTable(
  "config_versions",
  {
    id: bigserial({ mode: "number" }).notNull(),
    deviceId: integer().notNull(),
    module: text().notNull(),
    seenAt: at().notNull(),
    document: jsonb().notNull(),
    hash: text().notNull(),
    pushId: uuid(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.module, table.seenAt] })],
);

export const configPushes = pgTable(
  "config_pushes",
  {
    id: uuid().primaryKey(),
    deviceId: integer().notNull(),
    patch: jsonb().notNull(),
    by: text().notNull(),
    at: at().notNull(),
    state: text().notNull(),
    ack: jsonb(),
  },
  (table) => [index("config_pushes_by_device").on(table.deviceId, table.at)],
);

export const deadLetters = pgTable(
  "dead_letters",
  {
    hash: text().primaryKey(),
    receivedAt: at().notNull(),
    topic: text().notNull(),
    payload: bytea().notNull(),
    qos: smallint().notNull(),
    retain: boolean().notNull().default(false),
    reason: text().notNull(),
    tries: integer().notNull().default(1),
  },
  (table) => [index("dead_letters_by_reason").on(table.reason, table.receivedAt)],
);

/** How far each recorder's spool has been written into the database. */
export const spools = pgTable("spools", {
  id: text().primaryKey(),
  segment: bigint({ mode: "number" }).notNull(),
  offset: bigint({ mode: "number" }).notNull(),
});
