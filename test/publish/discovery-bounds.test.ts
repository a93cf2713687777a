// Home Assistant takes discovery at the bounds of every setting, not at the defaults alone.
import type { MqttTask } from "../../firmware/publish/state";
import type { Needs } from "../../firmware/publish/needs";
import assert from "node:assert/strict";
import type { Document } from "../../firmware/config/document.cold";
import { levels } from "../../firmware/config/forms.cold";
import { mergeDocument } from "../fixtures/merge";
import { type Field, fields } from "../../firmware/tables/fields";
import { writeSlot } from "../../firmware/config/slots.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { DONE, type Discovery } from "../../firmware/publish/state";
import { discoveryOf, discoveryPart, discoveryPlan } from "../../firmware/publish/discovery.cold";
import { settingsOf } from "../../firmware/config/settings.cold";
import { bakeText } from "../../tools/bake/text";
import { crc32 } from "../../tools/host/crc32";
import { lintDiscovery } from "../fixtures/home-assistant";

const DEVICE = "ESP32-A1B2C3",
  ID = "tinybms_a1b2c3";
/** What a text of a user may hold. */
const HARD = '\'"\\~{}@<>%$&é /ü"',
  NAMES = "A-z_0";

/** The values at a setting's bounds: smallest and largest number or length, each choice. */
function boundsOf(field: Field): unknown[] {
  if (field.type === "bool") return [false, true];
  if (field.oneOf) return [...field.oneOf];
  if (field.type !== "string") return [field.min, field.max, (field.min ?? 0) + 0.01];
  const most = field.max ?? 0,
    least = field.min ?? 0,
    hard = Buffer.from(HARD.repeat(20), "utf8").toString("latin1");
  return [
    "",
    "x".repeat(least),
    "x".repeat(most),
    hard.slice(0, most),
    NAMES.repeat(20).slice(0, most),
    "/".repeat(most),
  ];
}

/** Both messages that a device with these settings sends, by their topics below the prefix. */
function messagesOf(document: string, cells: number): [topic: string, message: Record<string, unknown>][] {
  const files = new Map<string, string>(),
    natives = { crc32: (text: string) => crc32(Buffer.from(text, "latin1")) };
  const store = {
    read: (name: string) => files.get(name),
    write: (name: string, text: string) => !!files.set(name, text),
    erase: (name: string) => void files.delete(name),
  };
  writeSlot(store, natives.crc32, document, null);
  const d: Discovery = { ...discoveryOf(), reread: true },
    needs = {
      natives,
      store,
      presets: "{}",
      device: DEVICE,
      network: { address: () => "192.0.2.20" },
      server: { port: 80 },
    } as unknown as Needs,
    mqtt = { discovery: d, session: { since: 0 }, snapshot: { cells }, needs } as unknown as MqttTask;
  const config = settingsOf(needs, "mqtt"),
    base = `${levels(config["baseTopic"] as string)}/${(config["deviceId"] as string) || DEVICE}/`;
  discoveryPlan(mqtt, 0);
  return ["gateway", "bms"].map((name): [string, Record<string, unknown>] => {
    d.todoAt = 0;
    discoveryPlan(mqtt, 10000);
    let text = "";
    assert.ok(d.work, "there is something to send");
    while (d.line !== DONE) text += discoveryPart(d, ID, base, "1.2.3");
    d.todo &= ~d.work;
    d.work = 0;
    const utf8 = Buffer.from(text, "latin1").toString("utf8");
    return [`device/${ID}_${name}/config`, JSON.parse(utf8) as Record<string, unknown>];
  });
}

describe("discovery at the bounds of every setting", () => {
  before(() => setImageText(bakeText()));

  for (const field of fields.filter(({ secret }) => !secret))
    it(`${field.module}.${field.key}`, () => {
      for (const value of boundsOf(field)) {
        const patch = { ha: { enabled: true }, mqtt: { commands: "all" } } as Document;
        patch[field.module] = { ...patch[field.module], [field.key]: value };
        if (field.module === "ha" && field.key === "enabled" && !value) continue;
        const { document, reason } = mergeDocument("{}", "{}", patch, "h");
        if (reason) continue;
        for (const cells of [4, 16])
          for (const [topic, message] of messagesOf(document, cells))
            assert.deepEqual(
              lintDiscovery(topic, message),
              [],
              `${field.module}.${field.key} = ${JSON.stringify(value)}`,
            );
      }
    });
});
