// A hundred cuts of the way to the broker at random moments, on the interpreter: what matters comes through, once where it must, nothing
// stays in memory, CAN never waits. `npm run soak`; CUTS and SEED in the environment change it. Ten of them in node: test/system/cuts.test.ts.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { startBroker, type RigBroker } from "../../tools/rig/broker";
import { startGate, type Gate } from "../../tools/rig/gate";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { seededRandom } from "../../tools/simulator/random";
import { CUT_SETTINGS, type CutDevice, cutAtRandom } from "../system/cuts";

const CUTS = Number(process.env.CUTS ?? 100), SEED = Number(process.env.SEED ?? 1);
/** JsVars that may come and go, figures in all, and the longest time without limits, ms. */
const ROOM = 25, FIGURES = 10, LONGEST_GAP_MS = 1500;
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

  const status = async () => JSON.parse((await system.http("/api/status")).text) as { mqtt: Record<string, number> & { connected: boolean } };
  const isConnected = async (): Promise<boolean> => (await status().catch(() => null))?.mqtt.connected === true;
  async function put(settings: object): Promise<void> {
    const token = /setup token: (\S+)/.exec(system.console.lines.join("\n"))![1]!;
    const answer = await system.http("/api/config", { method: "PUT", headers: { "X-Setup-Token": token }, body: JSON.stringify(settings) });
    assert.equal(answer.status, 200, answer.text);
  }
  /** JsVars between two messages: what is on its way counts for a moment only. */
  async function leastMemory(): Promise<number> {
    let least = Infinity;
    for (let looks = 0; looks < 8; looks++, await sleep(150)) least = Math.min(least, (await system.memory()).steady);
    return least;
  }
  function longestGap(): number {
    const times = system.frames(0x351).map(({ at }) => at);
    return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
  }

  it(`loses nothing in ${CUTS} cuts, doubles nothing of QoS 2, and does not grow`, async () => {
    const random = seededRandom(SEED), used: number[] = [];
    broker = await startBroker();
    gate = await startGate(broker.port, random);
    const mqtt = { ...CUT_SETTINGS.mqtt, host: "127.0.0.1", port: gate.port };
    system = await startSystem({ image: (await buildImage({ board: "host" })).code, broker: "none", scenario: "idle", settings: { mqtt } });
    await until("connected", 30000, isConnected);
    const device: CutDevice = { broker, gate, random, isConnected, put, now: Date.now,
      wait: async (ms) => { await sleep(ms); }, until: async (what, look, limit) => { await until(what, limit, look); } };
    const report = await cutAtRandom(device, CUTS, async (done) => {
      if (done % Math.ceil(CUTS / FIGURES)) return;
      used.push(await leastMemory());
      console.log(`    ${done} cuts, ${used.at(-1)} JsVars, 0x351 at most ${longestGap().toFixed(0)} ms apart`);
    });
    console.log(`    by ${broker.kind}: ${JSON.stringify({ ...report, ...(await status()).mqtt })}`);
    assert.ok(used.length > 1 && used.at(-1)! <= used[0]! + ROOM, `JsVars: ${used.join(" ")}`);
    assert.ok(longestGap() < LONGEST_GAP_MS, `${longestGap()} ms without 0x351`);
    assert.deepEqual(system.errors().filter((line) => !refused.test(line)), []);
  });
});
