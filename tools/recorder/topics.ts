// THE TABLE of topics: what a device's message is for, one row a suffix. A suffix that no row takes is a dead letter.
// Pure.

/** What becomes of a message. */
export type Use =
  | "measurement" // a row, and the latest value
  | "replay" // rows of a time when the broker was away
  | "limits" // an anchor of the clock, an event when the reason changes
  | "state" // the compact state of the battery
  | "document" // the latest of its topic; rows with --store all
  | "online"
  | "heartbeat"
  | "bms"
  | "alarm"
  | "energy"
  | "system"
  | "hardware"
  | "config"
  | "ack"
  | "manifest"
  | "log"
  | "ignored"; // what is sent to devices

/** One kind of topic below `<prefix>/<device>/`; `+` stands for one level, `#` at the end for all that follows. */
export interface TopicRow {
  suffix: string;
  use: Use;
  /** QoS as the device sends it when nothing is set otherwise. */
  tells: string;
}

export const topicTable: TopicRow[] = [
  { suffix: "rt/reg/+", use: "measurement", tells: "one value of the BMS, or one derived of them" },
  { suffix: "rt/replay", use: "replay", tells: "SoC and limits of the time when the broker was away" },
  { suffix: "rt/limits", use: "limits", tells: "CVL, CCL, DCL with reason and phase" },
  { suffix: "rt/state", use: "state", tells: "the battery in short; its values come by rt/reg too" },
  { suffix: "rt/bms", use: "bms", tells: "the BMS answers, or not" },
  { suffix: "rt/alarms/m", use: "document", tells: "how many alarms, the worst" },
  { suffix: "rt/alarms/+", use: "alarm", tells: "one alarm, raised or over" },
  { suffix: "rt/energy/+/+", use: "energy", tells: "energy of a day or a month" },
  { suffix: "rt/cells", use: "document", tells: "voltages of all cells" },
  { suffix: "rt/gx/#", use: "document", tells: "what a GX shows" },
  { suffix: "rt/stat", use: "document", tells: "statistics of the BMS" },
  { suffix: "rt/diag", use: "document", tells: "health of the gateway" },
  { suffix: "rt/+/state", use: "document", tells: "runtime, network, system" },
  { suffix: "rt/io/#", use: "document", tells: "inputs and outputs" },
  { suffix: "rt/pdm/#", use: "document", tells: "inputs and outputs, in the other shape" },
  { suffix: "sensors/config/cells", use: "document", tells: "how often the voltage of a cell comes" },
  { suffix: "sensors/+", use: "document", tells: "which values there are, and how they are" },
  { suffix: "status", use: "online", tells: "the device is connected; its last will" },
  { suffix: "status/connected", use: "heartbeat", tells: "each second" },
  { suffix: "system", use: "system", tells: "signal, memory" },
  { suffix: "system/config", use: "system", tells: "address, MAC, start, flash" },
  { suffix: "hardware/config", use: "hardware", tells: "the chip" },
  { suffix: "cfg/set", use: "ignored", tells: "a change of the settings, on its way to a device" },
  { suffix: "cfg/ack", use: "ack", tells: "its answer" },
  { suffix: "cfg/#", use: "config", tells: "settings of a module, or of the BMS" },
  { suffix: "cmd", use: "ignored", tells: "a command on its way to a device" },
  { suffix: "ack", use: "ack", tells: "its answer" },
  { suffix: "manifest", use: "document", tells: "how many pages follow" },
  { suffix: "manifest/+", use: "manifest", tells: "units and labels" },
  { suffix: "log", use: "log", tells: "something happened" },
  { suffix: "test", use: "ignored", tells: "a probe of the way to the broker" },
];

/** Topics of the seed, below `<module>/`; every other one is a measurement. */
export const seedTable: TopicRow[] = topicTable.filter(({ suffix }) => /^(system|hardware|sensors)(\/|$)/.test(suffix));

const levelsOf = new Map([...topicTable].map((row) => [row, row.suffix.split("/")]));

function fits(pattern: string[], levels: string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === "#") return levels.length > i;
    if (i >= levels.length || (pattern[i] !== "+" && pattern[i] !== levels[i])) return false;
  }
  return pattern.length === levels.length;
}

/** The first row of a table that takes this suffix; rows for one topic stand before wider ones. */
export function rowOf(table: TopicRow[], suffix: string): TopicRow | undefined {
  const levels = suffix.split("/");
  return table.find((row) => fits(levelsOf.get(row)!, levels));
}

/** Which topics are taken: this product's below a prefix, or also the seed's `{module_id}/{type}[/{sensor_type}]`. */
export interface TopicShape {
  prefix: string;
  seed: boolean;
}

/** Where a message belongs. `sensor` is the name of the measurement, for uses that have one. */
export interface Place {
  device: string;
  suffix: string;
  use: Use;
  sensor: string;
}

export type TopicReason = "UnknownTopic" | "BadDevice";

const DEVICE = /^[A-Za-z0-9_-]{1,32}$/;

/** Names that may be a device. */
export function isDevice(name: string): boolean {
  return DEVICE.test(name);
}

const lookUps = new Map<string, TopicRow | null>();

function known(suffix: string): TopicRow | null {
  let row = lookUps.get(suffix);
  if (row === undefined) {
    row = rowOf(topicTable, suffix) ?? null;
    if (lookUps.size < 5000) lookUps.set(suffix, row);
  }
  return row;
}

function sensorOf(use: Use, suffix: string): string {
  return use === "measurement" ? suffix.slice("rt/reg/".length) : suffix;
}

function seedPlace(device: string, suffix: string): Place | TopicReason {
  const row = rowOf(seedTable, suffix);
  if (row) return { device, suffix, use: row.use, sensor: suffix };
  const levels = suffix.split("/");
  if (levels.length > 2 || levels.some((level) => level === "")) return "UnknownTopic";
  return { device, suffix, use: "measurement", sensor: levels[0] === "sensors" && levels[1] ? levels[1] : suffix };
}

/** What a topic is for, or the reason of the dead letter. */
export function placeOf(topic: string, { prefix, seed }: TopicShape): Place | TopicReason {
  const isOurs = topic.startsWith(prefix + "/");
  if (!isOurs && !seed) return "UnknownTopic";
  const rest = isOurs ? topic.slice(prefix.length + 1) : topic,
    slash = rest.indexOf("/");
  if (slash < 0) return "UnknownTopic";
  const device = rest.slice(0, slash),
    suffix = rest.slice(slash + 1);
  if (!isDevice(device)) return "BadDevice";
  if (!isOurs) return seedPlace(device, suffix);
  const row = known(suffix);
  return row ? { device, suffix, use: row.use, sensor: sensorOf(row.use, suffix) } : "UnknownTopic";
}

/** The module (device) that a topic belongs to, for clients that dispatch by it: with or without our prefix. */
export function moduleOf(topic: string, prefix = "tinybms"): string {
  return (topic.startsWith(prefix + "/") ? topic.slice(prefix.length + 1) : topic).split("/")[0];
}
