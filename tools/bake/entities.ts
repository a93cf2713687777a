// Bakes the entities of Home Assistant: one line of the image's text each, the battery's first. Keys and units are
// those of Home Assistant's MQTT discovery (home-assistant.io, MQTT integration; core, mqtt/abbreviations.py); the
// device adds ids and topics (firmware/publish/discovery.cold.ts).
import { registers, type Register } from "../../firmware/tables/registers";
import { statuses } from "../../firmware/tables/states";
import { entities as others, type Entity, type Source } from "../../firmware/tables/entities";

/** Entities go stale after three periods of their message; slow diagnostics do not. */
const EXPIRES_S: Partial<Record<Source, number>> = { "rt/state": 30, "rt/cells": 90 };
/** What a payload's root says, so that components need not. */
const ROOT_SOURCE: Record<Entity["device"], Source> = { battery: "rt/state", gateway: "rt/diag" };
const UNITS: Record<string, string | undefined> = { degC: "°C", count: undefined, "": undefined };
/** The tilde stands for <base>/<device>/ in the text. */
export const BASE = "~";

/** What the firmware says of a status without a name. */
const OFFLINE = "offline";

function stateClassOf({ unit, enum: names }: Register, isBinary: boolean): Entity["stateClass"] {
  return isBinary || names ? undefined : unit === "count" ? "total_increasing" : "measurement";
}

/** The entity of a row of the register table. */
function entityOf(row: Register): Entity {
  const { key, name, platform = "sensor", class: kind, unit, digits, category, icon } = row.ha!;
  const source = row.state === undefined ? "rt/stat" : "rt/state",
    isBinary = platform === "binary_sensor";
  if (row.state === undefined && row.stat === undefined) throw new Error(`${row.key}: an entity needs state or stat`);
  if (unit === "V" && row.unit !== "mV") throw new Error(`${row.key}: V of ${row.unit}`);
  return {
    device: "battery",
    source,
    platform,
    key,
    name,
    value: row.state ?? row.stat,
    inMillivolt: unit === "V" || undefined,
    class: kind,
    unit: isBinary ? undefined : (unit ?? (row.unit in UNITS ? UNITS[row.unit] : row.unit)),
    stateClass: stateClassOf(row, isBinary),
    digits,
    category: category ?? (source === "rt/stat" ? "diagnostic" : undefined),
    icon,
    options: row.enum && [...statuses.filter((status) => status !== "-"), OFFLINE],
  };
}

const ORDER: Source[] = ["rt/state", "rt/stat", "rt/cells", "rt/diag"];
const place = ({ device, level, source }: Entity): number =>
  (device === "gateway" ? 10 : 0) + (level ? 5 : 0) + (source ? ORDER.indexOf(source) : 0);

/** Every entity: those of the battery first, in the order of their messages. */
export const entities: Entity[] = [...registers.filter((row) => row.ha).map(entityOf), ...others].sort(
  (a, b) => place(a) - place(b),
);

/** The template of a value; an unknown one gives None, which Home Assistant takes as unknown. */
function templateOf({ source, value, inMillivolt }: Entity): string {
  const member = `value_json.${value}` + (source === "rt/cells" ? "[@index]" : "");
  return inMillivolt ? `{{${member}/1000 if ${member} else none}}` : `{{${member}}}`;
}

function commandOf({ command }: Entity): Record<string, unknown> {
  if (!command) return {};
  const text = (what?: object): string | undefined => what && JSON.stringify(what);
  return {
    cmd_t: BASE + command.topic,
    cmd_tpl: command.template,
    pl_prs: text(command.press),
    pl_on: text(command.on),
    pl_off: text(command.off),
  };
}

/** The members of a component that are its own, in Home Assistant's short names. */
export function membersOf(entity: Entity): Record<string, unknown> {
  const {
    device,
    platform,
    source,
    class: kind,
    unit,
    stateClass,
    digits,
    category,
    icon,
    options,
    states,
    range,
  } = entity;
  const binary = platform === "binary_sensor" ? { pl_on: "1", pl_off: "0" } : {};
  return {
    dev_cla: kind,
    unit_of_meas: unit,
    stat_cla: stateClass,
    ops: options,
    stat_t: source && source !== ROOT_SOURCE[device] ? BASE + source : undefined,
    val_tpl: source && templateOf(entity),
    ...commandOf(entity),
    stat_on: states?.[0],
    stat_off: states?.[1],
    ...binary,
    sug_dsp_prc: digits,
    ...(range ? { min: 0, max: range.max, step: range.step, mode: "box" } : {}),
    ent_cat: category,
    ic: icon,
    exp_aft: source && EXPIRES_S[source],
  };
}

const LEVELS = { none: 0, safe: 1, all: 2 };

/** The line of an entity: level of its commands, platform, key, name, the rest as JSON members; tabs between. ASCII. */
export function entityText(entity: Entity): string {
  const members = JSON.stringify(membersOf(entity))
    .slice(1, -1)
    .replace(/"(@[cd]cl)"/g, "$1");
  const text = [LEVELS[entity.level ?? "none"], entity.platform, entity.key, entity.name, members].join("\t");
  return text.replace(/[^\x20-\x7e\t]/g, (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"));
}

/**
 * Refuses what would leave ghosts or be refused: two entities of one key, keys beyond letters, digits and underscore.
 */
export function refuseBadEntities(): void {
  const seen = new Set<string>();
  for (const { key } of entities) {
    if (seen.has(key)) throw new Error(`two entities ${key}`);
    if (!/^[a-z0-9_#]+$/.test(key)) throw new Error(`bad key of an entity: ${key}`);
    seen.add(key);
  }
}
