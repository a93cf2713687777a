// A hundred cuts of the way to the broker at random moments, on the interpreter: what matters comes through, once where
// it must, nothing stays in memory, CAN never waits. `npm run soak`; CUTS and SEED in the environment change it. Ten of
// them in node: test/system/cuts.test.ts.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { startBroker, type RigBroker } from "../../tools/rig/broker";
import { startGate, type Gate } from "../../tools/rig/gate";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { seededRandom } from "../../tools/simulator/random";
import { CUT_SETTINGS, type CutDevice, cutAtRandom } from "../system/cuts";
import type { Status } from "../system/rig";
import { leastMemory } from "./memory";

const CUTS = Number(process.env.CUTS ?? 100),
  SEED = Number(process.env.SEED ?? 1);
/**
 * JsVars that the first cuts leave for good (the words of an error, the ring of the replay: 23 after 10 cuts) and
 * counters beyond 8191, figures in all; the longest time without limits, ms.
 */
const ROOM = 45,
  FIGURES = 10,
  LONGEST_GAP_MS = 1500;
/** Until all is there; what was kept for rt/replay is told, and forgotten a minute after flash knows, ms. */
const SETTLED_MS = 5000,
  REPLAY_MS = 300000,
  FORGOTTEN_MS = 65000;
const refused = /^ERROR: Connect failed/;

describe("a broker that is cut off, in an Espruino for Linux", () => {
  let system: System, broker: RigBroker, gate: Gate;
  before(function () {
    if (findInterpreter()) return;
    console.log(`    ${NO_INTERPRETER}`);
    this.skip();
  });
  after(async () => {
    await system?.stop();
    await gate?.close();
    await broker?.close();
  });

  const status = async () => JSON.parse((await system.http("/api/status")).text) as Status;
  const isConnected = async (): Promise<boolean> => (await status().catch(() => null))?.mqtt.connected === true;
  async function put(settings: object): Promise<void> {
    const token = /setup token: (\S+)/.exec(system.console.lines.join("\n"))![1]!;
    const answer = await system.http("/api/config", {
      method: "PUT",
      headers: { "X-Setup-Token": token },
      body: JSON.stringify(settings),
    });
    assert.equal(answer.status, 200, answer.text);
  }
  function longestGap(): number {
    const times = system.frames(0x351).map(({ at }) => at);
    return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
  }

  it(`loses nothing in ${CUTS} cuts, doubles nothing of QoS 2, and does not grow`, async () => {
    const random = seededRandom(SEED);
    broker = await startBroker();
    gate = await startGate(broker.port, random);
    const mqtt = { ...CUT_SETTINGS.mqtt, host: "127.0.0.1", port: gate.port };
    system = await startSystem({
      image: (await buildImage({ board: "host" })).code,
      broker: "none",
      scenario: "idle",
      settings: { mqtt },
    });
    await until("connected", 30000, isConnected);
    await sleep(SETTLED_MS);
    const first = await leastMemory(system);
    const device: CutDevice = {
      broker,
      gate,
      random,
      isConnected,
      put,
      now: system.clock.now,
      wait: async (ms) => {
        await sleep(ms);
      },
      until: async (what, look, limit) => {
        await until(what, limit, look);
      },
    };
    const report = await cutAtRandom(device, CUTS, async (done) => {
      if (done % Math.ceil(CUTS / FIGURES)) return;
      console.log(
        `    ${done} cuts, ${await leastMemory(system)} JsVars, 0x351 at most ${longestGap().toFixed(0)} ms apart`,
      );
    });
    await until("all of the replay told", REPLAY_MS, async () => (await status()).replay.pending === 0);
    await sleep(FORGOTTEN_MS);
    const last = await leastMemory(system),
      { mqtt: counters } = await status();
    console.log(`    by ${broker.kind}, ${JSON.stringify(report)}, ${first} JsVars before, ${last} after`);
    console.log(`    0x351 at most ${longestGap().toFixed(0)} ms apart; ${JSON.stringify(counters)}`);
    assert.ok(last <= first + ROOM, `${first} JsVars, after ${CUTS} cuts ${last}`);
    assert.ok(longestGap() < LONGEST_GAP_MS, `${longestGap()} ms without 0x351`);
    assert.deepEqual(
      system.errors().filter((line) => !refused.test(line)),
      [],
    );
  });
});
