// How often what changes with each poll is told: voltage, current, power and state of charge, and what a GX shows of
// them.
import assert from "node:assert/strict";
import type { Message } from "../../tools/host/broker";
import type { Host } from "../../tools/host/run";
import { boot, closeHosts, imageText, running, status, untilStatus } from "./rig";

type Json = Record<string, number>;

const LIVE = ["battery_pack_voltage", "battery_pack_current", "pack_power", "state_of_charge"].map(
    (s) => `rt/reg/${s}`,
  ),
  WATCHED_MS = 20000;
/** What a topic below rt/gx says of a register of ours, and in which steps. */
const TWINS: [gx: string, register: string, digits: number, deadband: number][] = [
  ["Dc/0/Voltage", "battery_pack_voltage", 2, 0.02],
  ["Dc/0/Current", "battery_pack_current", 1, 0.1],
  ["Dc/0/Power", "pack_power", 0, 5],
  ["Dc/Battery/Voltage", "battery_pack_voltage", 1, 0.02],
  ["Dc/Battery/Current", "battery_pack_current", 1, 0.1],
  ["Dc/Battery/Power", "pack_power", 0, 5],
];

async function settled(shortest: number): Promise<Host> {
  const host = await boot({ settings: { mqtt: { sensorMinPublishMs: shortest } }, scenario: "default" });
  await running(host);
  await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true, 15000);
  await host.wait(15000); // all has been told once
  return host;
}

const told = (host: Host, suffix: string, from: number): Message[] =>
  host.broker!.messages.filter(({ topic, at }) => at >= from && topic === `${host.topic}/${suffix}`);
const read = ({ payload }: Message): Json => JSON.parse(payload) as Json;

describe("system: telemetry", () => {
  before(imageText);
  afterEach(closeHosts);

  for (const [shortest, least] of [
    [1000, 12],
    [250, 40],
  ])
    it(`follows the poll, a topic at most each ${shortest} ms, and rt/gx with it`, async () => {
      const host = await settled(shortest),
        from = host.clock.now();
      await host.wait(WATCHED_MS);
      for (const suffix of LIVE) {
        const times = told(host, suffix, from).map((message) => read(message).timestamp_ms),
          gaps = times.slice(1).map((at, i) => at - times[i]);
        assert.ok(Math.min(...gaps, Infinity) >= shortest - 1, `${suffix} after ${Math.min(...gaps)} ms`);
      }
      const power = told(host, "rt/reg/pack_power", from),
        shown = told(host, "rt/gx/Dc/0/Power", from);
      assert.ok(power.length >= least, `${power.length} of rt/reg in 20 s`);
      assert.ok(shown.length >= least, `${shown.length} of rt/gx in 20 s`);
      for (const [gx, register, digits, deadband] of TWINS) {
        const owns = new Map(
            told(host, "rt/reg/" + register, from)
              .map(read)
              .map((own) => [own.seq, own.value]),
          ),
          last = told(host, "rt/gx/" + gx, from)
            .map(read)
            .findLast(({ seq }) => owns.has(seq))!,
          own = { value: owns.get(last.seq)! };
        const off = Math.abs(last.value - own.value);
        assert.ok(off <= deadband + 0.51 * 10 ** -digits, `${gx} ${last.value}, ${register} ${own.value}`);
      }
    });

  it("tells every sample, once and in its order, when there is no shortest period", async () => {
    const host = await settled(0),
      from = host.clock.now();
    await host.wait(WATCHED_MS);
    for (const suffix of LIVE) {
      const seqs = told(host, suffix, from).map((message) => read(message).seq);
      assert.ok(seqs.length >= 60, `${seqs.length} of ${suffix} in 20 s`);
      assert.deepEqual(
        seqs,
        seqs.map((_, i) => seqs[0] + i),
        suffix,
      );
    }
  });

  it("tells the samples that waited while the broker did not read, as many as the queue holds", async () => {
    const host = await settled(0);
    for (const [length, isWhole] of [
      [32, true],
      [2, false],
    ] as const) {
      const answer = await host.request("/api/config", {
        method: "PUT",
        headers: { "X-Setup-Token": host.token() },
        body: JSON.stringify({ mqtt: { queueLength: length } }),
      });
      assert.equal(answer.status, 200, await answer.text());
      const from = host.clock.now(),
        { mqtt: before } = await status(host);
      host.network.stalled = "outgoing";
      await host.wait(6000);
      host.network.stalled = "none";
      await host.wait(15000);
      const { mqtt: after } = await status(host),
        seqs = told(host, LIVE[0], from).map((message) => read(message).seq),
        missing = seqs.at(-1)! - seqs[0] + 1 - seqs.length;
      assert.equal((after.dropped_samples as number) - (before.dropped_samples as number), missing, `${length} places`);
      assert.equal(missing === 0, isWhole, `${missing} of ${seqs.length} samples are missing`);
    }
  });
});
