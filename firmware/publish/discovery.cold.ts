// What is due of Home Assistant's discovery: chooses the cold part that does it.

import { levels } from "../config/forms.cold";
import { modules } from "../config/fields.baked";
import { settingsOf } from "../config/settings.cold";
import { quote } from "../kernel/json.cold";
import { textSlice } from "../kernel/text";
import { VERSION } from "../kernel/version";
import { QOS1, RETAIN } from "../mqtt/session";
import { sessionFail, streamBegin, streamPiece } from "../mqtt/session.cold";
import { BATTERY_ENTITIES_AT, ENTITIES_END, GATEWAY_ENTITIES_AT } from "./entities.baked";
import { BATTERY, DONE, type Discovery, GATEWAY, HEAD, type MqttTask, REFRESH_MS } from "./state";
import { FAMILY_STATES } from "./topics.baked";

/**
 * One bounded piece. Called in a step of a connected session when `discovery.at` has come, which is each step while
 * there is work.
 */
export function publishDiscovery(mqtt: MqttTask, now: number): void {
  const d = mqtt.discovery;
  if (!d.work || d.since !== mqtt.session.since) discoveryPlan(mqtt, now);
  else if (!discoveryWork(mqtt, now))
    sessionFail(mqtt.session, "Failed", "discovery has another length than announced", now);
}

// What Home Assistant is to be told: after each connect, when it starts, when the number of cells or the permissions
// change. What is no longer told is told as gone first; when discovery is switched off the topics are emptied.

/** After a connect the values go first, for this long, ms. */
const AFTER_CONNECT_MS = 3000;
/** Period of the looks for cells that are not known yet, ms. */
const LOOK_AGAIN_MS = 5000;
/** Period of the looks whether the cells have changed, ms. */
const CELLS_LOOK_MS = 60000;
/** Home Assistant that starts is answered within this, ms, so that not all devices do it at once. */
const BIRTH_MS = 10000;

/** Begin: on a new connection, or with new settings. */
function begin(mqtt: MqttTask, d: Discovery, now: number): void {
  const ha = settingsOf(mqtt.needs, "ha"),
    session = mqtt.session,
    prefix = ha["enabled"] ? levels(ha["prefix"] as string) : "";
  if (d.prefix && d.prefix !== prefix) d.clear = d.prefix;
  d.prefix = prefix;
  d.level = "off safe all".split(" ").indexOf(settingsOf(mqtt.needs, "mqtt")["commands"] as string);
  d.todo = prefix ? GATEWAY + BATTERY : 0;
  d.todoAt = d.since === session.since ? now : now + AFTER_CONNECT_MS;
  d.since = session.since;
  d.work = d.gone = 0;
  d.reread = false;
}

/** Empty the retained topics below the old prefix. */
function clear(mqtt: MqttTask, d: Discovery, now: number): void {
  const session = mqtt.session,
    id = "/device/tinybms_" + mqtt.needs.device.substr(6).toLowerCase();
  for (const name of ["_gateway", "_bms"]) {
    if (!streamBegin(session, d.clear + id + name + "/config", 0, QOS1 + RETAIN, now)) return;
  }
  d.clear = "";
  d.toldCells = d.toldLevel = 0;
}

/** Choose the next payload, and fix what it is made of. */
function choose(mqtt: MqttTask, d: Discovery, now: number): void {
  const ip = mqtt.needs.network.address(),
    port = mqtt.needs.server.port,
    cells = mqtt.snapshot.cells;
  const most = settingsOf(mqtt.needs, "can/limits");
  if (!(d.todo & GATEWAY) && !cells) {
    d.todoAt = now + LOOK_AGAIN_MS;
    return;
  }
  d.work = d.todo & GATEWAY ? GATEWAY : BATTERY;
  d.cells = cells;
  d.cclMax = most["cclMax"] as number;
  d.dclMax = most["dclMax"] as number;
  d.url = ip ? "http://" + ip + (port === 80 ? "" : ":" + port) : "";
  if (d.work === GATEWAY ? d.level < d.toldLevel : cells < d.toldCells) d.gone |= d.work;
  d.line = HEAD;
  d.bytes = 0;
  d.sending = false;
}

/** See what is due, and choose it. */
export function discoveryPlan(mqtt: MqttTask, now: number): void {
  const d = mqtt.discovery,
    cells = mqtt.snapshot.cells;
  if (d.since !== mqtt.session.since || d.reread) begin(mqtt, d, now);
  if (d.clear) clear(mqtt, d, now);
  if (d.toldCells && cells && cells !== d.toldCells && d.prefix) d.todo |= BATTERY;
  if (d.todo && now >= d.todoAt) choose(mqtt, d, now);
  d.at = d.work || d.clear ? now : d.todo ? d.todoAt : d.prefix ? now + CELLS_LOOK_MS : Infinity;
}

/**
 * What was heard on `<prefix>/status`: Home Assistant that starts is told everything again, after a while by chance.
 */
export function homeAssistantSaid(mqtt: MqttTask, payload: string, now: number): void {
  const d = mqtt.discovery;
  if (payload !== "online" || !d.prefix) return;
  d.todo = GATEWAY + BATTERY;
  d.todoAt = now + Math.random() * BIRTH_MS;
  if (d.todoAt < d.at) d.at = d.todoAt;
}

// One step of a discovery message: a few pieces are counted, or, once all are, sent.

/** From the last piece to the topics that follow, ms. */
const SOON_MS = 1000;
/** Pieces that are counted in a step. */
const COUNTED = 6;
/** Pieces that are sent in a step. */
const SENT = 2;
/** Bytes that may wait in the socket before the next piece. */
const MOST_PENDING = 512;

/**
 * The message is out: what it told counts, and who was told finds fresh values. The periodic topics follow when the
 * pieces have left: with them in the socket there is no room. rt/limits comes each ten seconds, and settings are
 * retained, or said again too.
 */
function finish(mqtt: MqttTask, d: Discovery, now: number): void {
  const rare = mqtt.rare,
    own = mqtt.needs.commands;
  if (d.work === GATEWAY) d.toldLevel = d.level;
  else d.toldCells = d.cells;
  if (d.gone & d.work)
    d.gone &= ~d.work; // told as gone: once more without them
  else d.todo &= ~d.work;
  d.work = d.at = 0;
  if (d.todo && mqtt.snapshot.cells) return;
  mqtt.stateAt = -REFRESH_MS;
  rare.odd = false; // the round of all periodic topics
  rare.place[FAMILY_STATES] = 0;
  rare.due[FAMILY_STATES] = now + SOON_MS;
  if (mqtt.rareAt > now + SOON_MS) mqtt.rareAt = now + SOON_MS;
  if (own.configFlags & RETAIN) return;
  own.pending |= 1 << modules.split(" ").indexOf("battery");
  if (own.at > now + SOON_MS) own.at = now + SOON_MS;
}

/** False when the message cannot be ended: the connection is of no use any more. */
function send(mqtt: MqttTask, d: Discovery, id: string, now: number): boolean {
  const session = mqtt.session,
    socket = session.socket;
  for (let left = SENT; socket && left > 0 && d.line !== DONE && (socket.dSnd || "").length <= MOST_PENDING; left--) {
    if (!streamPiece(session, discoveryPart(d, id, session.base, VERSION), now)) return false;
  }
  if (d.line !== DONE) return true;
  if (session.stream) return false;
  finish(mqtt, d, now);
  return true;
}

/**
 * The next step of the message that `work` names. False when it was counted wrong, which leaves the connection of no
 * use.
 */
export function discoveryWork(mqtt: MqttTask, now: number): boolean {
  const d = mqtt.discovery,
    session = mqtt.session,
    id = "tinybms_" + mqtt.needs.device.substr(6).toLowerCase();
  if (d.sending) return send(mqtt, d, id, now);
  for (let left = COUNTED; left > 0 && d.line !== DONE; left--)
    d.bytes += discoveryPart(d, id, session.base, VERSION).length;
  const name = d.work === GATEWAY ? "_gateway/config" : "_bms/config";
  if (d.line === DONE && streamBegin(session, d.prefix + "/device/" + id + name, d.bytes, QOS1 + RETAIN, now)) {
    d.line = HEAD;
    d.sending = true;
  }
  return true;
}

// Home Assistant's device-based MQTT discovery, a message of up to 14 kB made piece by piece: head, one component after
// the other, end. The same pieces are counted first and sent then (home-assistant.io,
// MQTT integration: device discovery payload).

/** No line of an entity is longer, characters. */
const LONGEST_LINE = 512;
/** Registers that carry cells. */
const CELLS = 16;
/** Home Assistant refuses a number whose largest value is not above its smallest, 0. */
const LEAST_MAX_A = 1;

function headOf(d: Discovery, id: string, base: string, version: string): string {
  const battery = d.work === BATTERY;
  return (
    '{"dev":{"ids":["' +
    id +
    '"],"name":"TinyBMS","mf":"Enepaq","mdl":"TinyBMS","sw":"' +
    version +
    '"' +
    (d.url ? ',"cu":"' + d.url + '"' : "") +
    '},"o":{"name":"tinybms-gateway","sw":"' +
    version +
    '"},"avty":[{"t":"' +
    base +
    'status","val_tpl":"' +
    "{{ 'online' if value_json.online else 'offline' }}\"}" +
    (battery ? ',{"t":"' + base + 'rt/bms"}' : "") +
    '],"avty_mode":"all","stat_t":"' +
    base +
    (battery ? "rt/state" : "rt/diag") +
    '","cmps":{'
  );
}

/** The next component, told as gone when it is not offered; "" when there is nothing to say of this line. */
function componentOf(d: Discovery, id: string, base: string): string {
  const text = textSlice(d.line, d.line + LONGEST_LINE),
    end = text.indexOf("\n"),
    parts = text.substr(0, end).split("\t"),
    platform = parts[1];
  const many = parts[2].indexOf("#") >= 0,
    cell = many ? d.cell + 1 : 0;
  const key = parts[2].replace("#", "" + cell),
    known = +parts[0] <= d.level && cell <= d.cells;
  d.cell = many && cell < CELLS ? cell : 0;
  if (!d.cell) d.line += end + 1;
  if (!known && !(d.gone & d.work)) return "";
  const comma = d.comma ? "," : "";
  d.comma = true;
  if (!known) return comma + '"' + key + '":{"p":"' + platform + '"}';
  return (
    comma +
    '"' +
    key +
    '":{"p":"' +
    platform +
    '","uniq_id":"' +
    id +
    "_" +
    key +
    '","def_ent_id":"' +
    platform +
    "." +
    id +
    "_" +
    key +
    '","name":"' +
    parts[3].replace("#", "" + cell) +
    '",' +
    parts[4]
      .replaceAll("@index", "" + (cell - 1))
      .replace("@ccl", "" + Math.max(d.cclMax, LEAST_MAX_A))
      .replace("@dcl", "" + Math.max(d.dclMax, LEAST_MAX_A))
      .split("~")
      .join(base) +
    "}"
  );
}

/**
 * The next piece of the message that `d.work` names, "" behind the last. `base` is `<base>/<device>/`, `id`
 * `tinybms_<mac6>`.
 */
export function discoveryPart(d: Discovery, id: string, base: string, version: string): string {
  const end = d.work === GATEWAY ? ENTITIES_END : GATEWAY_ENTITIES_AT,
    name = quote(base).slice(1, -1);
  let text = "";
  if (d.line === HEAD) {
    d.line = d.work === GATEWAY ? GATEWAY_ENTITIES_AT : BATTERY_ENTITIES_AT;
    d.cell = 0;
    d.comma = false;
    return headOf(d, id, name, version);
  }
  while (!text && d.line !== DONE) {
    if (d.line < end) {
      text = componentOf(d, id, name);
    } else {
      text = "}}";
      d.line = DONE;
    }
  }
  return text;
}

// What Home Assistant's discovery begins with.

/** Nothing told yet; what is missing is set before it is used. */
export function discoveryOf(): Discovery {
  return {
    at: 0,
    reread: false,
    prefix: "",
    clear: "",
    since: -1,
    todo: 0,
    todoAt: 0,
    gone: 0,
    work: 0,
    bytes: 0,
    sending: false,
    line: 0,
    cell: 0,
    comma: false,
    cells: 0,
    level: 0,
    cclMax: 0,
    dclMax: 0,
    url: "",
    toldCells: 0,
    toldLevel: 0,
  };
}
