// What a broker holds and sends for devices, kept by device and topic; and how a payload is shown in one line. Pure.

/** The last message of a topic. */
export interface Held {
  payload: string;
  qos: number;
  isRetained: boolean;
  at: number;
  count: number;
}

/** Device -> suffix -> the last message. */
export type Devices = Map<string, Map<string, Held>>;

export interface Received {
  topic: string;
  payload: string;
  qos: number;
  retain: boolean;
  at: number;
}

/** Device and suffix of a topic below the prefix; null for another one. */
export function placeOf(topic: string, prefix: string): { device: string; suffix: string } | null {
  if (!topic.startsWith(prefix + "/")) return null;
  const rest = topic.slice(prefix.length + 1),
    slash = rest.indexOf("/");
  return slash < 1 ? null : { device: rest.slice(0, slash), suffix: rest.slice(slash + 1) };
}

/** Keep a message; an empty retained one takes its topic away. False when it belongs to no device. */
export function take(devices: Devices, prefix: string, { topic, payload, qos, retain, at }: Received): boolean {
  const place = placeOf(topic, prefix);
  if (!place) return false;
  const topics = devices.get(place.device) ?? new Map<string, Held>(),
    before = topics.get(place.suffix);
  devices.set(place.device, topics);
  if (payload === "") topics.delete(place.suffix);
  else
    topics.set(place.suffix, {
      payload,
      qos,
      isRetained: retain || (before?.isRetained ?? false),
      at,
      count: (before?.count ?? 0) + 1,
    });
  return true;
}

/** A payload as JSON, or as text when it is none. */
export function valueOf(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A payload in one line: value and unit of a register, else its members one after the other; unknown is `--`. */
export function shown(payload: string): string {
  const value = valueOf(payload);
  if (!isObject(value)) return typeof value === "string" ? value : JSON.stringify(value);
  const text = (member: unknown): string =>
    member === null ? "--" : typeof member === "string" ? member : JSON.stringify(member);
  if ("value" in value) {
    const { value: number, unit = "", text: name, quality } = value as Record<string, unknown>;
    const parts = [
      text(number),
      text(unit),
      name === undefined ? "" : `(${text(name)})`,
      quality === "stale" ? "stale" : "",
    ];
    return parts.filter((part) => part !== "").join(" ");
  }
  return Object.entries(value)
    .map(([key, member]) => `${key} ${text(member)}`)
    .join("  ");
}

/** An age for people: 0.4 s, 12 s, 3 min, 2 h. */
export function ageText(ms: number): string {
  if (ms < 10000) return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`;
  if (ms < 120000) return `${Math.round(ms / 1000)} s`;
  return ms < 7200000 ? `${Math.round(ms / 60000)} min` : `${Math.round(ms / 3600000)} h`;
}

/** For machines: device -> suffix -> message with its payload as JSON. */
export function jsonOf(devices: Devices, now: number): Record<string, Record<string, unknown>> {
  const message = ({ payload, qos, isRetained, at, count }: Held): object => ({
    payload: valueOf(payload),
    qos,
    retained: isRetained,
    age_ms: Math.round(now - at),
    count,
  });
  const sorted = (topics: Map<string, Held>): [string, object][] =>
    [...topics].sort(([a], [b]) => a.localeCompare(b)).map(([suffix, held]) => [suffix, message(held)]);
  return Object.fromEntries(
    [...devices].sort().map(([device, topics]) => [device, Object.fromEntries(sorted(topics))]),
  );
}
