// What makes the MQTT task run, on virtual time: it sleeps with MQTT off, and need not wait for its period when
// something came for it.
import assert from "node:assert/strict";
import { startVirtual, type VirtualRig } from "../../tools/host/virtual";
import { jsonOf } from "../../tools/host/virtual-network";
import { imageText } from "./rig";

/** The longest that the task lets things wait by itself, ms; what wakes it takes less. */
const WOKEN_MS = 100;

/** Bytes of the reply to a fast poll: 17 registers. */
const FAST_REPLY = 3 + 2 * 17 + 2;

/** Times (ms) at which a step of the MQTT task ended, from now on. */
function steps(rig: VirtualRig): number[] {
  const times: number[] = [];
  rig.turned.push((_, whats) => {
    if (whats.includes("mqtt")) times.push(rig.clock.now());
  });
  return times;
}

/** From `at` to the first of `times` behind it. */
const after = (times: number[], at: number): number => (times.find((time) => time > at) ?? Infinity) - at;

async function started(settings: object = {}): Promise<VirtualRig> {
  // without weights the image's work takes no time, so that all that passes is waiting
  const rig = startVirtual({ image: await imageText(), seed: 1, weights: null, settings: settings as never });
  rig.clock.run(20_000);
  return rig;
}

async function put(rig: VirtualRig, patch: object): Promise<void> {
  const answer = rig.put("/api/config", patch);
  rig.clock.run(3000);
  assert.ok(jsonOf(answer), answer.text);
}

describe("system: what wakes the MQTT task", () => {
  it("nothing while MQTT is off, but what is asked of it; on again it tells everything", async () => {
    const rig = await started(),
      { sessions } = rig.broker;
    await put(rig, { mqtt: { enabled: false } });
    const ran = steps(rig),
      said = rig.broker.messages;
    rig.clock.run(20_000);
    assert.deepEqual([ran.length, rig.broker.messages], [0, said]);
    const status = rig.get("/api/status");
    rig.clock.run(3000);
    const { mqtt } = jsonOf<{ mqtt: Record<string, unknown> }>(status)!;
    assert.deepEqual([mqtt.state, mqtt.queue_len, mqtt.dropped_samples, mqtt.next_attempt_ms], ["off", 0, 0, null]);

    const token = rig.console.join("\n").match(/setup token: (\S+)/)![1],
      post = (path: string, body: object): ReturnType<VirtualRig["connect"]> => {
        const text = JSON.stringify(body);
        return rig.connect(
          `POST ${path} HTTP/1.1\r\nHost: device\r\nX-Setup-Token: ${token}\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
        );
      };
    const read = post("/api/command", { cmd: "bms.read", args: { address: 36, count: 2 } });
    rig.clock.run(8000);
    assert.equal(jsonOf<{ ok: boolean }>(read)?.ok, true, read.text);
    const tried = post("/api/mqtt/test", { host: "broker", port: 1883 });
    rig.clock.run(10_000);
    assert.equal(jsonOf<{ ok: boolean }>(tried)?.ok, true, tried.text);
    ran.length = 0;
    rig.clock.run(10_000);
    assert.equal(ran.length, 0);

    await put(rig, { mqtt: { enabled: true } });
    const from = rig.clock.now();
    rig.clock.run(20_000);
    assert.equal(rig.broker.sessions, sessions + 2); // the test's own and the new one
    const told = [...rig.broker.newest].filter(([, { at }]) => at > from - 3000).map(([topic]) => topic);
    for (const suffix of ["status", "rt/state", "rt/limits", "rt/reg/battery_pack_voltage", "cfg/mqtt"])
      assert.ok(
        told.some((topic) => topic.endsWith("/" + suffix)),
        suffix,
      );
    rig.device.dispose();
  });

  it("restarts when it is asked to with MQTT off", async () => {
    const rig = await started({ mqtt: { enabled: false } }),
      answer = rig.connect(
        `POST /api/restart HTTP/1.1\r\nHost: device\r\nX-Setup-Token: ${rig.console.join("\n").match(/setup token: (\S+)/)![1]}\r\nContent-Length: 0\r\n\r\n`,
      );
    rig.clock.run(5000);
    assert.ok(jsonOf(answer), answer.text);
    assert.equal(rig.deaths.length, 1);
    rig.device.dispose();
  });

  it("a sample", async () => {
    const rig = await started(),
      ran = steps(rig),
      came: number[] = [];
    let bytes = 0;
    rig.asked.push(() => (bytes = 0));
    rig.answered.push((piece) => (bytes += piece.length));
    rig.turned.push((_, whats) => {
      if (whats.includes("string") && bytes === FAST_REPLY) came.push(rig.clock.now());
    });
    rig.clock.run(20_000);
    const waits = came.slice(0, -1).map((at) => after(ran, at));
    assert.ok(came.length > 40 && Math.max(...waits) < WOKEN_MS, `${came.length} samples, ${Math.max(...waits)} ms`);
    rig.device.dispose();
  });

  it("a message, and a session that has begun", async () => {
    const rig = await started({ uart: { poll_ms: 1000 } }),
      ran = steps(rig),
      command = [...rig.broker.newest.keys()].find((topic) => topic.endsWith("/rt/state"))!.replace("rt/state", "cmd");
    for (let i = 0; i < 20; i++) {
      rig.clock.run(1531);
      const at = rig.clock.now();
      rig.broker.send(command, '{"cmd":"system.ping"}');
      rig.clock.run(500);
      assert.ok(after(ran, at) < WOKEN_MS, `a message: ${after(ran, at)} ms`);
    }
    let told = NaN;
    rig.broker.listeners.push((topic) => {
      if (topic.includes("/rt/") && isNaN(told)) told = rig.clock.now();
    });
    for (let i = 0; i < 8; i++) {
      rig.broker.switch(false);
      rig.broker.switch(true);
      const { sessions } = rig.broker;
      while (rig.broker.sessions === sessions) rig.clock.run(1);
      const at = rig.clock.now();
      told = NaN;
      rig.clock.run(3000 + 37 * i);
      assert.ok(told - at < WOKEN_MS, `a session: ${told - at} ms`);
    }
    rig.device.dispose();
  });

  it("Wi-Fi that is there again", async () => {
    // a broker that refuses at once, so that nobody else is called back
    const rig = await started({ wifi: { ssid: "net" }, mqtt: { host: "127.0.0.1", ping: false } }),
      ran = steps(rig),
      joined: number[] = [];
    rig.turned.push((_, whats) => {
      if (whats.includes("object")) joined.push(rig.clock.now());
    });
    rig.broker.switch(false);
    for (let i = 0; i < 8; i++) {
      rig.device.wifi.setUp(false);
      rig.clock.run(1000 + 61 * i);
      rig.device.wifi.setUp(true);
      joined.length = 0;
      rig.clock.run(40_000);
      assert.ok(joined.length > 0 && after(ran, joined[0]!) < WOKEN_MS, `${after(ran, joined[0]!)} ms`);
    }
    rig.device.dispose();
  });
});
