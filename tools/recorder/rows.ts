// A message as effects on the tables, or why it has none. Pure but for the clocks of the devices, which learn of each
// message.
import {
  ARRIVAL,
  bootTold,
  epochOfBoot,
  newClock,
  REPLAYED,
  timeOfMessage,
  timeTold,
  type DeviceClock,
  type Timed,
} from "./clock";
import { addEffect, noEffects, type Effects, type LiveValue, type Message, type Outcome } from "./effects";
import {
  integerOf,
  isObject,
  jsonAsTold,
  jsonOf,
  jsonText,
  memberOf,
  numberOf,
  textOf,
  timeOf,
  type Json,
} from "./normalize";
import { placeOf, type Place, type TopicShape, type Use } from "./topics";

/** A payload that is longer is a dead letter. */
export const MOST_BYTES = 65536;

const MOST_SENSORS = 500,
  MOST_PLACES = 50_000,
  SEEN_MS = 60_000,
  COPY_MS = 600_000,
  DAY = 86_400_000,
  MOST_UPTIME = 20 * 365 * DAY;
const REPLAY_NAMES: Record<string, string> = {
  cvl: "charge_voltage_limit",
  ccl: "charge_current_limit",
  dcl: "discharge_current_limit",
};
const NAME = /^[A-Za-z0-9_/.:-]{1,100}$/;

/** What is remembered of devices between messages. `recent`: messages without any clock, for those that come twice. */
export interface Memory {
  clocks: Map<string, DeviceClock>;
  sensors: Map<string, Set<string>>;
  seen: Map<string, number>;
  recent: Map<string, number>;
  /**
   * Where topics belong: each comes again and again, and names that are the same object are compared and looked up
   * faster.
   */
  places: Map<string, ReturnType<typeof placeOf>>;
}

export const newMemory = (): Memory => ({
  clocks: new Map(),
  sensors: new Map(),
  seen: new Map(),
  recent: new Map(),
  places: new Map(),
});

function knownPlace(topic: string, rules: Rules, { places }: Memory): ReturnType<typeof placeOf> {
  let place = places.get(topic);
  if (place !== undefined) return place;
  if (places.size >= MOST_PLACES) places.clear();
  places.set(topic, (place = placeOf(topic, rules)));
  return place;
}

export interface Rules extends TopicShape {
  storeAll: boolean;
  keepRawDays: number;
}

/** One message on its way. */
interface Work {
  message: Message;
  place: Place;
  rules: Rules;
  memory: Memory;
  clock: DeviceClock;
  text: string;
  json: unknown;
  out: Effects;
  live: LiveValue;
}

type Dead = "BadJson" | "TooManySensors" | "TooOld" | "NoClock" | null;

function isCopy({ message, memory, text }: Work): boolean {
  const key = message.topic + "\n" + text,
    before = memory.recent.get(key),
    { arrival } = message;
  if (memory.recent.size > 20_000) memory.recent.clear();
  memory.recent.set(key, arrival);
  return message.dup && before !== undefined && before !== arrival && arrival - before < COPY_MS;
}

/** Whole ms since boot, null when no device can run so long. */
function uptimeOf(value: unknown): number | null {
  const ms = numberOf(value);
  return ms !== null && ms >= 0 && ms < MOST_UPTIME ? Math.round(ms) : null;
}

/** The time of the message by its own members. Null: it tells a state, nobody knows since when. */
function timed(work: Work, object: unknown): Timed | null {
  const { message, clock, out, place } = work;
  const time = timeOf(memberOf(object, "time")),
    sinceMs = uptimeOf(memberOf(object, "timestampMs"));
  if (time !== null && sinceMs !== null && !message.retain)
    addAnchor(work, timeTold(clock, time, sinceMs, message.arrival));
  const found = timeOfMessage(clock, { time, sinceMs, arrival: message.arrival, isFresh: !message.retain });
  if (found?.anchor) addEffect(out, "anchors", { device: place.device, anchor: { ...found.anchor } });
  if (found && found.flags & ARRIVAL && isCopy(work)) return null;
  return found;
}

function addAnchor({ out, place }: Work, anchor: ReturnType<typeof bootTold>): void {
  if (anchor) addEffect(out, "anchors", { device: place.device, anchor: { ...anchor } });
}

/** False when the device has more sensors than one may have. */
function knowsSensor({ memory, place }: Work, sensor: string): boolean {
  const known = memory.sensors.get(place.device) ?? new Set<string>();
  memory.sensors.set(place.device, known);
  if (known.has(sensor)) return true;
  if (known.size >= MOST_SENSORS || !NAME.test(sensor)) return false;
  known.add(sensor);
  return true;
}

const isTooOld = ({ message, rules }: Work, time: number): boolean => time < message.arrival - rules.keepRawDays * DAY;

function happened(work: Work, time: number, kind: string, key: string, data: Json, onChange = false): void {
  addEffect(work.out, "events", { device: work.place.device, time, kind, key, data, onChange });
}

function fact(work: Work, field: Effects["facts"][number]["field"], value: unknown, at = work.message.arrival): void {
  addEffect(work.out, "facts", { device: work.place.device, field, at, value });
}

/** One value: a row where it has a time and a number (or is known to be unknown), the latest in any case. */
function measurement(work: Work): Dead {
  const {
    place: { device, sensor },
    message,
    json,
    live,
    out,
  } = work;
  const isJson = json !== undefined,
    object = isObject(json) ? json : { value: isJson && !Array.isArray(json) ? json : numberOf(work.text) };
  const quality = textOf(memberOf(object, "quality"), 20) ?? "ok",
    value = quality === "stale" ? null : numberOf(memberOf(object, "value"));
  if (!isJson && value === null && /^\s*[{[]/.test(work.text)) return "BadJson";
  if (!knowsSensor(work, sensor)) return "TooManySensors";
  const given = textOf(memberOf(object, "text")) ?? (isJson ? null : textOf(work.text)),
    isBare = !isObject(json);
  const when = timed(work, object),
    seq = integerOf(memberOf(object, "seq"));
  const isText = isBare ? value === null && (!isJson || Array.isArray(json)) : !Object.hasOwn(object, "value");
  const text = given ?? (value === null && typeof object.value === "string" ? textOf(object.value) : null);
  if (when && isTooOld(work, when.time)) return "TooOld";
  if (when && !isText) addEffect(out, "rows", { device, sensor, time: when.time, value, flags: when.flags });
  if (when && isText && text !== null) happened(work, when.time, "text", sensor, { text }, true);
  const document = isText && isJson ? jsonText(json) : null;
  addEffect(out, "latest", {
    device,
    sensor,
    time: when?.time ?? null,
    toldAt: when?.time ?? 0,
    value,
    text,
    document,
    quality,
    seq,
    isDurable: isText,
  });
  const shown = isText ? (text ?? json) : value;
  live.value = shown;
  live.time = when?.time ?? message.arrival;
  live.unit = textOf(memberOf(object, "unit"), 20) ?? "";
  live.seq = seq;
  live.quality = quality;
  live.flags = when?.flags ?? 0;
  return null;
}

/** Samples of the time when the broker was away; `boot` alone names a start whose epoch may not be known yet. */
function replay(work: Work): Dead {
  const {
      json,
      clock,
      message,
      place: { device },
      out,
    } = work,
    samples = memberOf(json, "samples");
  if (!Array.isArray(samples)) return "BadJson";
  for (const sample of samples.slice(0, 1000)) {
    const name = textOf(memberOf(sample, "s"), 100) ?? "",
      boot = integerOf(memberOf(sample, "boot"));
    const sinceMs = uptimeOf(memberOf(sample, "timestampMs")),
      told = timeOf(memberOf(sample, "time"));
    const epoch = boot === null ? null : epochOfBoot(clock, boot),
      sensor = REPLAY_NAMES[name] ?? name;
    if (told === null && sinceMs !== null && boot !== null && epoch === null) return "NoClock";
    const time = told ?? (epoch !== null && sinceMs !== null ? epoch + sinceMs : null);
    const when = timeOfMessage(clock, { time, sinceMs, arrival: message.arrival, isFresh: false });
    if (!when) return "NoClock";
    if (isTooOld(work, when.time)) continue;
    if (!knowsSensor(work, sensor)) return "TooManySensors";
    const value = numberOf(memberOf(sample, "v")),
      { time: toldAt } = when,
      quality = "ok";
    addEffect(out, "rows", { device, sensor, time: toldAt, value, flags: when.flags | REPLAYED });
    addEffect(out, "latest", {
      device,
      sensor,
      time: toldAt,
      toldAt,
      value,
      text: null,
      document: null,
      quality,
      seq: null,
      isDurable: false,
    });
  }
  return null;
}

function document(work: Work): Dead {
  const {
    json,
    text,
    place: { device, sensor, suffix },
    message,
    live,
    out,
    rules,
  } = work;
  if (json === undefined && /^\s*[{[]/.test(text)) return "BadJson";
  if (!knowsSensor(work, sensor)) return "TooManySensors";
  const when = timed(work, json),
    time = when?.time ?? null,
    held = json === undefined ? jsonText(textOf(text, 1000)) : jsonAsTold(text, json);
  const value = isObject(json) ? numberOf(json.value) : null,
    seq = integerOf(memberOf(json, "seq"));
  const toldAt = time ?? message.arrival;
  addEffect(out, "latest", {
    device,
    sensor,
    time,
    toldAt,
    value,
    text: null,
    document: held,
    quality: null,
    seq,
    isDurable: true,
  });
  if (rules.storeAll && time !== null && isObject(json) && Object.hasOwn(json, "value")) {
    addEffect(out, "rows", { device, sensor, time, value, flags: when!.flags });
  }
  if (suffix === "manifest" && typeof memberOf(json, "fw") === "string")
    fact(work, "fw", textOf(memberOf(json, "fw"), 40));
  Object.assign(live, { value: json ?? text, time: time ?? message.arrival, seq });
  return null;
}

function limits(work: Work): Dead {
  const { json } = work;
  if (!isObject(json)) return "BadJson";
  const dead = document(work),
    [latest] = work.out.latest;
  if (dead || latest.time === null) return dead;
  const { state, reason, phase, cvl, ccl, dcl } = json as Record<string, unknown>;
  const texts = { state: textOf(state, 40), reason: textOf(reason, 40), phase: textOf(phase, 40) };
  happened(work, latest.time, "limits", "", texts, true);
  fact(work, "phase", texts.phase, latest.time);
  work.live.value = { ...texts, cvl: numberOf(cvl), ccl: numberOf(ccl), dcl: numberOf(dcl) };
  return null;
}

function state(work: Work): Dead {
  const { json, message, live } = work;
  if (!isObject(json)) return "BadJson";
  const when = timed(work, json),
    at = when?.time ?? message.arrival;
  if (!message.retain) fact(work, "state", json, at);
  if (typeof json.ph === "string") fact(work, "phase", textOf(json.ph, 40), at);
  Object.assign(live, { value: json, time: at, seq: integerOf(json.seq) });
  return null;
}

/** `{"online":true}`, and `online` or `offline` as a text. A retained one tells a state, no event. */
function reachable(work: Work): Dead {
  const {
      json,
      text,
      message,
      place: { use },
    } = work,
    field = use === "bms" ? "bms_online" : "online";
  const told = isObject(json) ? json.online : json === undefined ? text.trim() : json;
  const isUp = told === true || told === "online" || told === 1;
  if (!isUp && ![false, "offline", 0].includes(told as never)) return "BadJson";
  fact(work, field, isUp);
  if (!message.retain) happened(work, message.arrival, use === "bms" ? "bms" : "online", "", { online: isUp });
  work.live.value = isUp;
  return null;
}

/** The alarm's own clock: when it was raised, else ms since boot of its last change. */
function alarm(work: Work): Dead {
  const {
      json,
      place: { suffix },
    } = work,
    id = integerOf(memberOf(json, "id")) ?? integerOf(/(\d+)$/.exec(suffix)?.[1]);
  if (!isObject(json) || id === null) return "BadJson";
  const active = numberOf(json.a) === 1,
    since = active ? json.since : undefined;
  const when = timed(work, {
    time: json.time ?? since,
    timestampMs: since === undefined ? (json.lc ?? memberOf(json, "timestampMs")) : undefined,
  });
  const data = {
    a: active ? 1 : 0,
    code: textOf(json.code, 60),
    s: numberOf(json.s),
    v: numberOf(json.v),
    k: numberOf(json.k) ?? 0,
  };
  if (when) happened(work, when.time, "alarm", String(id), data);
  Object.assign(work.live, { value: json, time: when?.time ?? work.message.arrival });
  return null;
}

function energy(work: Work): Dead {
  const {
      json,
      place: { suffix, device },
      out,
    } = work,
    [, , direction, period] = suffix.split("/");
  const kwh = numberOf(memberOf(json, "value")),
    date = textOf(memberOf(json, "date"), 10) ?? "";
  if (!/^\d{4}-\d\d(-\d\d)?$/.test(date) || Number.isNaN(Date.parse(date))) return "BadJson";
  work.live.value = kwh;
  const isMonth = period === "monthly";
  if (kwh !== null)
    addEffect(out, "energy", {
      device,
      direction,
      period: isMonth ? "monthly" : "daily",
      date: isMonth ? date.slice(0, 7) + "-01" : date,
      kwh,
    });
  return null;
}

const SYSTEM: Record<string, string> = {
  rssi: "rssi",
  ip: "ip",
  mac: "mac",
  uptimeStart: "uptime_start",
  "memory.heapFreeKb": "heap_free_kb",
  "memory.heapMinFreeKb": "heap_min_free_kb",
  "memory.heapTotalKb": "heap_total_kb",
  "flash.usedKb": "flash_used_kb",
  "flash.freeKb": "flash_free_kb",
  "flash.systemKb": "flash_system_kb",
};
const HARDWARE: Record<string, string> = {
  "chip.model": "chip_model",
  "chip.rev": "chip_rev",
  "chip.cpuFreqMhz": "cpu_freq_mhz",
  "chip.flashKb": "flash_kb",
  "chip.cores": "cores",
};
const TEXTS = ["ip", "mac", "chip_model", "chip_rev"];

function columns(json: unknown, names: Record<string, string>): Record<string, number | string> {
  const values: Record<string, number | string> = {};
  for (const [path, column] of Object.entries(names)) {
    const given = path.split(".").reduce(memberOf, json);
    const value = TEXTS.includes(column)
      ? textOf(typeof given === "number" ? String(given) : given, 60)
      : numberOf(given);
    if (value !== null) values[column] = value;
  }
  return values;
}

/** What the device tells of itself; `uptimeStart` (s since 1970, 0 unknown) with `boot` anchors its clock. */
function about(work: Work): Dead {
  const {
      json,
      place: { use, device, suffix },
      message,
      out,
      clock,
    } = work,
    table = use === "hardware" ? "hardware" : "system";
  if (!isObject(json)) return "BadJson";
  const values = columns(json, table === "system" ? SYSTEM : HARDWARE),
    start = timeOf(values.uptime_start);
  if (start === null) delete values.uptime_start;
  else values.uptime_start = start;
  if (suffix === "system/config") addAnchor(work, bootTold(clock, start, integerOf(json.boot), message.arrival));
  addEffect(out, "about", { table, device, at: message.arrival, values });
  work.live.value = json;
  return null;
}

function config(work: Work): Dead {
  const {
    json,
    place: { device, suffix },
    message,
    out,
  } = work;
  if (!isObject(json)) return "BadJson";
  addEffect(out, "config", {
    device,
    module: suffix.slice("cfg/".length).slice(0, 60),
    at: message.arrival,
    document: jsonText(json),
  });
  work.live.value = json;
  return null;
}

function ack(work: Work): Dead {
  const {
    json,
    place: { device, suffix },
    message,
    out,
  } = work;
  if (!isObject(json)) return "BadJson";
  if (message.retain) return null;
  const topic = suffix === "ack" ? "ack" : "cfg/ack";
  addEffect(out, "answers", { device, topic, document: json });
  happened(work, message.arrival, topic, textOf(json.id, 60) ?? "", JSON.parse(jsonText(json)) as Json);
  work.live.value = json;
  return null;
}

function manifest(work: Work): Dead {
  const items = memberOf(work.json, "items");
  if (!Array.isArray(items)) return "BadJson";
  for (const item of items.slice(0, 200)) {
    const topic = textOf(memberOf(item, "t"), 120) ?? "",
      sensor = topic.replace(/^.*rt\/reg\//, "");
    if (sensor !== topic && NAME.test(sensor))
      addEffect(work.out, "labels", {
        sensor,
        unit: textOf(memberOf(item, "u"), 20),
        label: textOf(memberOf(item, "l"), 120),
      });
  }
  work.live.value = work.json;
  return null;
}

function log(work: Work): Dead {
  const { json } = work,
    text = textOf(memberOf(json, "msg")) ?? textOf(memberOf(json, "message"));
  if (text === null) return "BadJson";
  const when = timed(work, json);
  if (when) happened(work, when.time, "log", text.slice(0, 60), { level: textOf(memberOf(json, "level"), 10), text });
  Object.assign(work.live, { value: text, time: when?.time ?? work.message.arrival });
  return null;
}

const handlers: Record<Exclude<Use, "ignored">, (work: Work) => Dead> = {
  measurement,
  replay,
  limits,
  state,
  document,
  alarm,
  energy,
  config,
  ack,
  manifest,
  log,
  online: reachable,
  bms: reachable,
  heartbeat: () => null,
  system: about,
  hardware: about,
};

/** Uses whose latest an empty payload takes away. */
const CLEARED: Use[] = ["measurement", "document", "limits"];

function seen({ memory, message, place: { device }, out }: Work): void {
  const { arrival, retain } = message,
    before = memory.seen.get(device) ?? -Infinity;
  // The same message may be worked on twice: then it says the same again.
  if (retain || (arrival !== before && arrival - before < SEEN_MS)) return;
  memory.seen.set(device, arrival);
  addEffect(out, "facts", { device, field: "last_seen", at: arrival, value: null });
}

/** Before it is worked on: how many rows a message will become as far as its topic tells; null when it is ignored. */
export function rowsLikely({ topic }: Message, rules: Rules, memory: Memory): number | null {
  const place = knownPlace(topic, rules, memory);
  if (typeof place === "string") return 1;
  if (place.use === "ignored") return null;
  return place.use === "measurement" || place.use === "replay" || rules.storeAll ? 1 : 0;
}

/** What this message does. Never throws, whatever a device sends. */
export function outcomeOf(message: Message, rules: Rules, memory: Memory): Outcome {
  const place = knownPlace(message.topic, rules, memory);
  if (typeof place === "string") return { kind: "dead", reason: place, device: "" };
  const { device, suffix, sensor, use } = place;
  if (use === "ignored") return { kind: "ignored", device };
  if (message.payload.length > MOST_BYTES) return { kind: "dead", reason: "TooBig", device };
  const text = message.payload.toString("utf8"),
    out = noEffects();
  let clock = memory.clocks.get(device);
  if (!clock) memory.clocks.set(device, (clock = newClock()));
  const live: LiveValue = { value: null, time: message.arrival, sensor, unit: "", seq: null, quality: "ok", flags: 0 };
  const work: Work = {
    message,
    place,
    rules,
    memory,
    clock,
    text,
    json: text === "" ? undefined : jsonOf(text),
    out,
    live,
  };
  seen(work);
  if (text === "") {
    if (CLEARED.includes(use)) addEffect(out, "cleared", { device, sensor, at: message.arrival });
  } else {
    const reason = handlers[use](work);
    if (reason) return { kind: "dead", reason, device };
  }
  return { kind: "kept", device, suffix, effects: out, live };
}
