// What is published for a GX and subscribed beside commands and settings, with the connection in use where there is one (S4-18).
import { levels } from "../mqtt/levels.cold";
import { CONNECTED, publishTo, TELEMETRY, type Session } from "../mqtt/session";
import * as topics from "../mqtt/topics.baked";
import type { App } from "./app";
import { FAMILIES, type Mirror } from "./mqtt-state";
import { settingsOf } from "./settings.cold";

/** Leaves of the mirror: those of rt/gx, nine of its own, two a cell (mqtt/mirror.cold.ts). */
const MIRROR_LEAVES = topics.GX_ROWS + topics.GX_ALARM_ROWS + 9 + 32;

/** What is published for a GX, null when nothing is: settings mqtt.victron, mqtt.victron_instance, mqtt.battery_json. */
function mirrorOf(app: App, device: string): Mirror | null {
  const config = settingsOf(app, "mqtt"), json = config["battery_json"] as string, victron = config["victron"] as boolean;
  if (!victron && !json) return null;
  return { base: victron ? `N/tb${device.substr(device.length - 6).toLowerCase()}/battery/${config["victron_instance"]}/` : "",
    sent: new Float32Array(victron ? MIRROR_LEAVES : 0), place: 0, allAt: 0, json: levels(json), jsonAt: 0 };
}

/** What is subscribed beside commands and settings: Home Assistant's birth, keepalive of the mirror. */
function othersOf(app: App, mirror: Mirror | null): string[] {
  const ha = settingsOf(app, "ha"), birth = ha["enabled"] ? [levels(ha["prefix"] as string) + "/status"] : [];
  return mirror && mirror.base ? birth.concat("R/" + mirror.base.split("/")[1] + "/keepalive") : birth;
}

/** SUBSCRIBE (3.8) or UNSUBSCRIBE (3.10) of a few short topics, `behind` each its QoS; behind a message that is being sent in pieces. */
function ask(session: Session, first: string, list: string[], behind: string): void {
  const socket = session.socket, chars = String.fromCharCode;
  const body = list.map(function (topic) { return chars(topic.length >> 8, topic.length & 255) + topic + behind; }).join("");
  const packet = first + chars(body.length + 2) + "\xff\xff" + body; // the id is SUBSCRIBE_ID
  if (!body || !socket) return;
  if (session.stream) session.owed += packet;
  else socket.write(packet);
}

/** Let settings count that need no other connection. */
export function configureOthers(app: App, device: string): void {
  const mqtt = app.mqtt, session = mqtt.session, rare = mqtt.rare, old = rare.mirror, mirror = mirrorOf(app, device);
  const before = session.others ? session.others.split("\n") : [], others = othersOf(app, mirror), now = app.natives.now();
  if (session.state === CONNECTED) {
    ask(session, "\x82", others.filter(function (topic) { return before.indexOf(topic) < 0; }), "\x00");
    ask(session, "\xa2", before.filter(function (topic) { return others.indexOf(topic) < 0; }), "");
  }
  session.others = others.join("\n");
  if (old && mirror && old.base === mirror.base && old.json === mirror.json) return;
  if (old && old.base && !(mirror && mirror.base === old.base) && session.state === CONNECTED) {
    publishTo(session, old.base + "Connected", '{"value":0}', TELEMETRY, now);
  }
  rare.mirror = mirror;
  rare.due[FAMILIES - 1] = rare.due[1] = mqtt.rareAt = 0;
}
