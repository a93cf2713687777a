// The watchdog: it is fed only while UART and CAN both do their work, so that a device of which one half hangs starts
// anew.
import assert from "node:assert/strict";
import type { Twai } from "../../tools/can/twai-model";
import { type Host, startHost } from "../../tools/host/run";
import { imageText, running, status, untilStatus } from "./rig";

/** The device lives so much faster; its watchdog bites after 120 s. */
const SCALE = 40,
  WATCHDOG_MS = 120000;

describe("system: the watchdog", () => {
  const hosts: Host[] = [];
  const start = async (): Promise<Host> => {
    const host = await startHost({ imageText: await imageText(), timeScale: SCALE, mqtt: "none" });
    hosts.push(host);
    await running(host, 60000);
    return host;
  };
  before(imageText);
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.stop();
  });

  const fail = (): never => {
    throw new Error("broken");
  };
  const broken: [task: string, breakIt: (host: Host) => void][] = [
    [
      "uart",
      (host) => {
        (host.device().global["Serial3"] as Record<string, unknown>)["write"] = fail;
      },
    ],
    [
      "can",
      (host) => {
        (host.can() as unknown as Twai).peek32 = fail;
      },
    ], // the controller's model: no register can be read
  ];
  for (const [task, breakIt] of broken) {
    it(`bites when the task ${task} fails at each step, and the device is well again afterwards`, async () => {
      const host = await start(),
        from = host.clock.now();
      breakIt(host);
      await host.until("a restart", () => host.count.watchdogResets > 0, 3 * WATCHDOG_MS);
      assert.ok(host.clock.now() - from > WATCHDOG_MS - 10000, "not before its time");
      assert.ok(host.console.some(({ line }) => line.startsWith(`error: task ${task}: `)));
      await untilStatus(host, "normal", ({ live_data }) => live_data.phase === "normal", 60000);
      const told = await untilStatus(host, "the alarm", ({ alarms }) => alarms.some(({ id }) => id === 50), 15000);
      assert.equal(told.alarms.find(({ id }) => id === 50)!.code, "WatchdogReset");
    });
  }

  /** The next `count` steps of the task can fail. */
  const failFor = (host: Host, count: number): void => {
    const can = host.can() as unknown as Twai,
      peek = can.peek32;
    let left = count;
    can.peek32 = ((...args: Parameters<Twai["peek32"]>) => {
      if (left-- > 0) fail();
      can.peek32 = peek;
      return peek(...args);
    }) as Twai["peek32"];
  };

  it("bites after three failures within a minute, though all is well afterwards", async () => {
    const host = await start();
    failFor(host, 3);
    await host.until("a restart", () => host.count.watchdogResets > 0, 3 * WATCHDOG_MS);
  });

  it("does not bite for two failures, nor for two more a minute later", async () => {
    const host = await start();
    failFor(host, 2);
    await host.wait(65000);
    failFor(host, 2);
    await host.wait(WATCHDOG_MS + 20000);
    assert.equal(host.console.filter(({ line }) => line.startsWith("error: task can: ")).length, 4);
    assert.equal(host.count.watchdogResets, 0);
  });

  it("does not bite while both run, though the battery is gone", async () => {
    const host = await start();
    host.simulator.faults.set("silence");
    await host.wait(WATCHDOG_MS + 20000);
    assert.equal(host.count.watchdogResets, 0);
  });

  it("is not told of after a restart that somebody asked for, nor when power comes", async () => {
    const host = await start(),
      answer = await host.request("/api/command", {
        method: "POST",
        headers: { "X-Setup-Token": host.token() },
        body: JSON.stringify({ cmd: "system.reboot", args: { confirm: true } }),
      });
    assert.equal(answer.status, 200, await answer.text());
    await host.until(
      "a restart",
      () => host.console.filter(({ line }) => line.startsWith("login: ")).length > 1,
      60000,
    );
    await running(host, 60000);
    await host.wait(15000);
    host.reboot();
    await running(host, 60000);
    await host.wait(15000);
    assert.deepEqual(
      (await status(host)).alarms.filter(({ id }) => id === 50),
      [],
    );
  });
});
