// The steps of rt/alarms and of a GX's alarms, each with few messages: what a step has no room for comes with the next.
import assert from "node:assert/strict";
import { alarmsOf } from "../../firmware/battery/alarms.cold";
import { NORMAL, snapshotOf } from "../../firmware/battery/snapshot";
import { setImageText } from "../../firmware/kernel/text.cold";
import { CONNECTED, sessionOf } from "../../firmware/mqtt/session";
import type { Socket } from "../../firmware/kernel/ports";
import { publishAlarms } from "../../firmware/publish/alarms.cold";
import { rareOf } from "../../firmware/publish/again.cold";
import type { MqttTask } from "../../firmware/publish/state";
import { alarmRows } from "../../firmware/tables/alarms";
import { gxAlarms } from "../../firmware/tables/topics";
import { bakeText } from "../../tools/bake/text";

/** Steps that a round may take. */
const STEPS = 12;

describe("alarms of a GX over MQTT", () => {
  before(() => setImageText(bakeText()));

  /** An MQTT task as far as alarms need it, and the topics that it published. */
  function bench(): { mqtt: MqttTask; topics: string[]; step(): boolean } {
    const topics: string[] = [],
      session = sessionOf(),
      snapshot = snapshotOf(),
      write = (packet: string): void => {
        topics.push(/rt\/[\w/]+/.exec(packet)![0]);
      };
    snapshot.phase = NORMAL;
    session.state = CONNECTED;
    session.free = { write } as unknown as Socket;
    const mqtt = {
      needs: { alarms: alarmsOf(), clock: { epoch: 0 } },
      session,
      snapshot,
      rare: rareOf(),
    } as unknown as MqttTask;
    mqtt.rare.gx.fill(Infinity);
    return { mqtt, topics, step: () => publishAlarms(mqtt, 1000) > 1000 };
  }

  for (const { path, ids } of gxAlarms)
    it(`${path} follows its alarm, whatever else the step says`, () => {
      const { mqtt, topics, step } = bench();
      for (let steps = 0; !step(); steps++) assert.ok(steps < 5 * STEPS, "the first round ends");
      for (const level of [2, 1, 0]) {
        topics.length = 0;
        mqtt.needs.alarms.on[alarmRows.findIndex(({ id }) => id === ids[0])] = level;
        for (let steps = 0; !step(); steps++) assert.ok(steps < STEPS, "a round ends");
        assert.deepEqual(
          topics.filter((topic) => topic.startsWith("rt/gx")),
          gxAlarms.filter((alarm) => alarm.ids.includes(ids[0]!)).map((alarm) => "rt/gx" + alarm.path),
          `level ${level}`,
        );
      }
    });
});
