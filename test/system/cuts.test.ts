// The way to the broker is cut ten times at random moments: what matters comes through, once where it must, and CAN
// never waits. A hundred times on the interpreter: test/soak/cuts.soak.ts.
import assert from "node:assert/strict";
import { startBroker, type RigBroker } from "../../tools/rig/broker";
import { startGate, type Gate } from "../../tools/rig/gate";
import { seededRandom } from "../../tools/simulator/random";
import { CUT_SETTINGS, cutAtRandom } from "./cuts";
import { boot, closeHosts, imageText, LIMITS, running, sent, status, untilStatus } from "./rig";

const CUTS = 10,
  LONGEST_GAP_MS = 1500;

describe("system: a broker that is cut off", () => {
  let broker: RigBroker, gate: Gate;
  before(imageText);
  afterEach(async () => {
    await closeHosts();
    await gate?.close();
    await broker?.close();
  });

  for (const kind of ["mosquitto", "aedes"] as const) {
    it(`loses nothing in ${CUTS} cuts and doubles nothing of QoS 2, by ${kind}`, async function () {
      const random = seededRandom(kind.length);
      broker = await startBroker(kind);
      if (broker.kind !== kind) this.skip();
      gate = await startGate(broker.port, random);
      const mqtt = { host: "127.0.0.1", port: gate.port, user: "", pass: "", isTls: false };
      const host = await boot({ scenario: "idle", settings: CUT_SETTINGS, mqtt });
      await running(host);
      await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true, 20000);
      const from = host.clock.now();
      const report = await cutAtRandom(
        {
          broker,
          gate,
          random,
          wait: host.wait,
          now: host.clock.now,
          isConnected: async () => (await status(host)).mqtt.connected === true,
          put: async (settings) => {
            const headers = { "X-Setup-Token": host.token() };
            const answer = await host.request("/api/config", {
              method: "PUT",
              headers,
              body: JSON.stringify(settings),
            });
            assert.equal(answer.status, 200, await answer.text());
          },
          until: async (what, look, limit_ms) => {
            for (
              const end = host.clock.now() + limit_ms;
              !(await look());
              await new Promise((resolve) => setTimeout(resolve, 10))
            ) {
              assert.ok(host.clock.now() < end, `waited in vain: ${what}`);
            }
          },
        },
        CUTS,
      );
      const times = [from, ...sent(host, from, LIMITS).map(({ at }) => at), host.clock.now()];
      const longest = Math.max(...times.slice(1).map((at, i) => at - times[i]));
      assert.ok(longest < LONGEST_GAP_MS, `${longest} ms without 0x351`);
      const now = (await status(host)).mqtt as Record<string, number>;
      assert.ok(now.error_count >= CUTS, `${now.error_count} errors seen`);
      assert.equal(now.admitted_count, now.publish_count + now.dropped_count + now.coalesced_count + now.queued);
      assert.ok(report.answers === report.commands && report.commands >= 2 * CUTS, JSON.stringify(report));
    });
  }
});
