// What Home Assistant is to be told: after each connect, when it starts, when the number of cells or the permissions change.
// What is no longer told is told as gone first; when discovery is switched off the topics are emptied.
import { BATTERY, GATEWAY, HEAD, type Discovery } from "../mqtt/discovery";
import { levels } from "../mqtt/levels.cold";
import { streamBegin } from "../mqtt/stream.cold";
import type { App } from "./app";
import { settingsOf } from "./settings.cold";
import { QOS1, RETAIN } from "../mqtt/session";

/** After a connect the values go first; how often cells that are not known yet, or may change, are looked at (ms). */
const AFTER_CONNECT_MS = 3000, LOOK_AGAIN_MS = 5000, CELLS_LOOK_MS = 60000;
/** Home Assistant that starts is answered within this, ms, so that not all devices do it at once. */
const BIRTH_MS = 10000;

/** Begin: on a new connection, or with new settings. */
function begin(app: App, d: Discovery, now: number): void {
  const ha = settingsOf(app, "ha"), session = app.mqtt.session, prefix = ha["enabled"] ? levels(ha["prefix"] as string) : "";
  if (d.prefix && d.prefix !== prefix) d.clear = d.prefix;
  d.prefix = prefix;
  d.level = "off safe all".split(" ").indexOf(settingsOf(app, "mqtt")["commands"] as string);
  d.todo = prefix ? GATEWAY + BATTERY : 0;
  d.todoAt = d.since === session.since ? now : now + AFTER_CONNECT_MS;
  d.since = session.since;
  d.work = d.gone = 0;
  d.reread = false;
}

/** Empty the retained topics below the old prefix. */
function clear(app: App, d: Discovery, now: number): void {
  const session = app.mqtt.session, id = "/device/tinybms_" + app.device.substr(6).toLowerCase();
  for (const name of ["_gateway", "_bms"]) {
    if (!streamBegin(session, d.clear + id + name + "/config", 0, QOS1 + RETAIN, now)) return;
  }
  d.clear = "";
  d.toldCells = d.toldLevel = 0;
}

/** Choose the next payload, and fix what it is made of. */
function choose(app: App, d: Discovery, now: number): void {
  const ip = app.network.address(), port = settingsOf(app, "http")["port"] as number, cells = app.snapshot.cells;
  const most = settingsOf(app, "can/limits");
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
export function discoveryPlan(app: App, now: number): void {
  const d = app.mqtt.discovery, cells = app.snapshot.cells;
  if (d.since !== app.mqtt.session.since || d.reread) begin(app, d, now);
  if (d.clear) clear(app, d, now);
  if (d.toldCells && cells && cells !== d.toldCells && d.prefix) d.todo |= BATTERY;
  if (d.todo && now >= d.todoAt) choose(app, d, now);
  d.at = d.work || d.clear ? now : d.todo ? d.todoAt : d.prefix ? now + CELLS_LOOK_MS : Infinity;
}

/** What was heard on `<prefix>/status`: Home Assistant that starts is told everything again, after a while by chance. */
export function homeAssistantSaid(app: App, payload: string, now: number): void {
  const d = app.mqtt.discovery;
  if (payload !== "online" || !d.prefix) return;
  d.todo = GATEWAY + BATTERY;
  d.todoAt = now + Math.random() * BIRTH_MS;
  if (d.todoAt < d.at) d.at = d.todoAt;
}
