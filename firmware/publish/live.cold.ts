// What follows the poll: voltage, current, power and state of charge, and what a GX shows of them.

import { decodeFast, SLOTS } from "../battery/registers.baked";
import { FAST } from "../bms/places";
import { samplePlace, SAMPLE_WORDS } from "../kernel/samples";
import { gxLive } from "./gx.baked.cold";
import { gxMessage, whole } from "./gx.cold";
import { messageTail, send, timeMember } from "./messages.cold";
import { sendRow } from "./register";
import { live } from "./rows.baked";
import { CLASS, type MqttTask, PAYLOAD, SUFFIX } from "./state";
import { GX_LIVE } from "./topics.baked";

/** The rows in `bits` (places in `live`) of the newest sample; one of which a message found no room is due again. */
export function publishLive(mqtt: MqttTask, bits: number, now: number): void {
  const values = mqtt.snapshot.values,
    seq = mqtt.snapshot.seq,
    epoch = mqtt.needs.clock.epoch,
    tail = messageTail(seq, now, epoch, mqtt.rare),
    gxTail = `,"timestamp_ms":${Math.round(now)}${timeMember(epoch, now, mqtt.rare)},"seq":${seq}`,
    gx = mqtt.rare.gx,
    round = mqtt.rare.round,
    shown = gxLive(values),
    places = (GX_LIVE as string).split(" ");
  live.forEach(function (row, place) {
    if (!((bits >> place) & 1)) return;
    if (!sendRow(mqtt, row, values[row], tail, now)) mqtt.due.low[row] = Infinity;
    for (let i = 2 * place; i < 2 * place + 2; i++) {
      const at = +places[i],
        value = whole(shown[i]),
        waiting = round ? round.rows.subarray(0, round.count).indexOf(at) : -1;
      if (round && waiting >= 0) round.values[waiting] = value; // what a round has looked at is older
      if (value === gx[at]) continue;
      const message = gxMessage(at, value, "", gxTail);
      if (send(mqtt, message[SUFFIX], message[PAYLOAD], +message[CLASS], now)) gx[at] = value;
      else mqtt.due.low[row] = Infinity;
    }
  });
}

/** Take the oldest sample out of the queue and tell all its rows. */
export function publishOldest(mqtt: MqttTask): void {
  const samples = mqtt.samples,
    values = new Float64Array(SLOTS),
    back = --samples.count,
    place = samplePlace(samples, back),
    at = samples.at[place],
    words = samples.words.subarray(place * SAMPLE_WORDS, (place + 1) * SAMPLE_WORDS),
    tail = messageTail(mqtt.snapshot.seq - back, at, mqtt.needs.clock.epoch, mqtt.rare);
  decodeFast(words, values, mqtt.snapshot.mostCurrent);
  mqtt.raw[FAST] = words;
  for (const row of live) sendRow(mqtt, row, values[row], tail, at);
}
