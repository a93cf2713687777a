// The system behaves in the interpreter as in node: the order of its start, rude HTTP clients, a battery that falls
// silent until CAN does, and meanwhile a broker's host that is off. One silence serves for all that can be tried while
// it lasts.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import net from "node:net";
import { buildImage } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System, type SystemOptions } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { BOOT_ORDER, BOOT_TRACE, startedOf } from "../system/boot-order";
import type { Status } from "../system/rig";

const LIMITS = 0x351,
  LONGEST_GAP_MS = 1500,
  HALF_CCL = 67.5,
  HALF_DCL = 90,
  CVL_FLOOR = 52.8;
/** JsVars that may come and go: a number takes one more once it has a fraction or is beyond 8191. */
const ROOM = 40;
/** The first rounds of all topics are out by then, ms: what they keep is part of the steady memory. */
const ROUNDS_MS = 40_000;
/** A refused connection prints this line by itself. */
const refused = /^ERROR: Connect failed/;
const RUDE = [
  "",
  "GET /api/st",
  "\x16\x03\x01\x02\x00",
  "PUT /api/config HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
  "GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n",
];

describe("the system's behaviour in an Espruino for Linux", () => {
  let image = "",
    system: System;

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    image = (await buildImage({ board: "host" })).code;
  });
  afterEach(async () => {
    await system?.stop();
  });

  const status = async (): Promise<Status> => JSON.parse((await system.http("/api/status")).text) as Status;
  /** While it boots or is busy there is nobody to ask. */
  const untilStatus = (what: string, limit_ms: number, is: (now: Status) => boolean): Promise<Status> =>
    until(what, limit_ms, async () => {
      const now = await status().catch(() => null);
      return now && is(now) ? now : null;
    });
  const limitsOf = ({ data }: { data: number[] }): number[] =>
    [0, 2, 4].map((at) => (data[at]! + 256 * data[at + 1]!) / 10);
  const newest = (): number[] => limitsOf(system.frames(LIMITS).at(-1)!);

  async function start(options: Partial<SystemOptions> = {}): Promise<void> {
    system = await startSystem({ image, scenario: "idle", ...options });
    await untilStatus(
      "a battery and a broker",
      30000,
      ({ live_data, mqtt }) => live_data.phase === "normal" && mqtt.connected === true,
    );
  }

  /** 0x351 since its `from`th came all the time, up to the newest. */
  function assertSteady(from: number, what: string): void {
    const times = system
        .frames(LIMITS)
        .slice(Math.max(from - 1, 0))
        .map(({ at }) => at),
      gaps = times.slice(1).map((at, i) => at - times[i]!);
    assert.ok(
      gaps.length > 0 && Math.max(...gaps) < LONGEST_GAP_MS,
      `${what}: 0x351 after ${gaps.map(Math.round).join(" ")} ms`,
    );
  }

  function assertNoErrors(): void {
    assert.deepEqual(
      system.errors().filter((line) => !refused.test(line)),
      [],
    );
  }

  async function switchBrokerHost(isOn: boolean): Promise<void> {
    system.faults.ping(isOn);
    system.faults.connectBlocks(isOn ? 0 : 30);
    if (isOn) await system.broker!.start();
    else await system.broker!.stop();
  }

  /** A client that says something, or one byte each 50 ms, and then nothing any more. */
  function rudeClient(text: string, isSlow: boolean): net.Socket {
    const wire = net.connect(system.httpPort, "127.0.0.1");
    let at = 0;
    const timer = setInterval(
      () => {
        if (at < text.length && !wire.destroyed) wire.write(isSlow ? text[at++]! : text);
        if (!isSlow) at = text.length;
      },
      isSlow ? 50 : 1,
    );
    wire.on("error", () => undefined);
    wire.on("close", () => clearInterval(timer));
    return wire;
  }

  it("starts what is urgent first, and lets no HTTP client stop its frames or keep its memory", async () => {
    await start({ files: { ".boot1": BOOT_TRACE } });
    assert.deepEqual(startedOf(system.console.lines), BOOT_ORDER);
    await sleep(ROUNDS_MS);
    const open = (): number => readdirSync(`/proc/${system.child.pid}/fd`).length;
    const before = await system.memory(),
      files = open(),
      frames = system.frames(LIMITS).length,
      wires: net.Socket[] = [];
    for (let clients = 0; clients < 100; clients++) {
      const wire = rudeClient(RUDE[clients % RUDE.length]!, clients % 3 === 0);
      wires.push(wire);
      await sleep(60);
      if (clients % 4 === 0) wire.resetAndDestroy();
      if (clients % 20 === 0) assert.equal((await status()).live_data.phase, "normal");
    }
    assertSteady(frames, "while rude clients come");
    assert.ok(open() <= files + 8, `${open()} files open, ${files} before`);
    wires.forEach((wire) => wire.destroy());
    await until("all of them are gone", 15000, () => open() <= files);
    await sleep(1000);
    const after = await system.memory();
    assert.ok(after.steady <= before.steady + ROOM, `${before.steady} JsVars, after 100 clients ${after.steady}`);
    assertNoErrors();
  });

  /** Nobody answers an echo, then somebody does: CAN goes on, and nothing is tried that would block. */
  async function brokerHostOff(): Promise<void> {
    const frames = system.frames(LIMITS).length,
      { mqtt } = await status();
    await switchBrokerHost(false);
    const off = await untilStatus("no echo", 25000, (now) => now.mqtt.last_error_code === "ConnTimeout");
    assert.equal(off.mqtt.blocked_ms_max, mqtt.blocked_ms_max, "nothing blocked");
    assertSteady(frames, "while the broker's host is off");
    await switchBrokerHost(true);
    await untilStatus("connected again", 20000, (now) => now.mqtt.connected === true);
  }

  /** An echo comes, but nobody takes the connection: CAN stands still for that long, and goes on. */
  async function brokerBlocks(): Promise<void> {
    system.faults.connectBlocks(3);
    await system.broker!.stop();
    await untilStatus("a blocked connect", 20000, ({ mqtt }) => (mqtt.blocked_ms_max as number) > 2900);
    const frames = system.frames(LIMITS).length;
    await until("limits after it", 5000, () => system.frames(LIMITS).length >= frames + 3);
    assertSteady(frames + 1, "after a connect that blocked");
    system.faults.connectBlocks(0);
    await system.broker!.start();
    await untilStatus("connected once more", 25000, ({ mqtt }) => mqtt.connected === true);
  }

  it("falls silent with the battery, after 5, 15 and 75 s, whatever the broker does, and comes back by itself", async () => {
    await start({ settings: { mqtt: { reconnect_interval_ms: 2500, reconnect_max_ms: 2500 } } });
    system.simulator.faults.set("silence");
    const from = system.clock.now(),
      first = system.frames(LIMITS).length;
    await untilStatus("degraded", 9000, ({ live_data }) => live_data.phase === "degraded");
    assert.ok(system.clock.now() - from > 4000, "not before the data is old");
    await sleep(1500);
    assert.ok(newest()[1]! <= HALF_CCL && newest()[2]! <= HALF_DCL, `${newest()}`);
    const lost = await untilStatus("lost", 14000, ({ live_data }) => live_data.phase === "lost");
    assert.ok(system.clock.now() - from > 14000 && lost.live_data.voltage === null);
    await sleep(1500);
    assert.deepEqual(newest(), [CVL_FLOOR, 0, 0]);
    assertSteady(first, "while the battery falls silent");
    await brokerHostOff();
    await brokerBlocks();
    assert.ok(system.clock.now() - from < 70000, "time for all that");
    assert.ok(system.broker!.messages.some(({ topic, payload }) => topic.endsWith("/rt/bms") && payload === "offline"));

    await untilStatus("silent", 80000, ({ live_data }) => live_data.phase === "silent");
    assert.ok(system.clock.now() - from > 74000, "not before 75 s");
    await sleep(500);
    const { uptime_ms: uptime } = await status(),
      frames = system.frames().length;
    await sleep(3000);
    assert.equal(system.frames().length, frames, "not one frame");

    system.simulator.faults.clear();
    await until("limits again", 15000, () => system.frames().length > frames);
    const back = system.frames()[frames]!;
    assert.equal(back.id, LIMITS);
    assert.ok(
      limitsOf(back)[0]! < CVL_FLOOR + 0.2 && limitsOf(back)[1]! < 10 && limitsOf(back)[2]! < 10,
      `${limitsOf(back)}`,
    );
    const now = await untilStatus("normal", 5000, ({ live_data }) => live_data.phase === "normal");
    assert.ok(now.uptime_ms > uptime, "the same boot");
    assertNoErrors();
  });
});
