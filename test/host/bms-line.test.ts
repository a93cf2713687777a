// A TinyBMS outside the process: over TCP, over a pty as a serial port; gone and back; what cannot be opened.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findExecutable } from "../../tools/rig/interpreter";
import { startHost, type Host } from "../../tools/host/run";
import { createSimulator, type Simulator } from "../../tools/simulator/simulator";
import { servePty, serveTcp, type Service } from "../../tools/simulator/serve";
import { imageText } from "../system/rig";

const LIMITS = 0x351;

describe("host: a TinyBMS outside", () => {
  const undo: (() => unknown)[] = [];
  before(imageText);
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  function battery(): Simulator {
    const simulator = createSimulator({ scenario: "charge", seed: 7 });
    undo.push(() => simulator.close());
    return simulator;
  }

  async function start(bms: string, lines: string[] = []): Promise<Host> {
    const host = await startHost({
      imageText: await imageText(),
      bms,
      mqtt: "none",
      onBms: (line) => lines.push(line),
    });
    undo.push(() => host.stop());
    return host;
  }

  const limits = (host: Host): number => host.frames.filter(({ id, isOwn }) => isOwn && id === LIMITS).length;

  it("answers over TCP, is waited for when it goes, and used when it is back", async () => {
    const simulator = battery(),
      lines: string[] = [];
    let service: Service = await serveTcp(simulator, 0);
    undo.push(() => service.close());
    const port = Number(/(\d+)$/.exec(service.where)![1]),
      host = await start(`tcp://127.0.0.1:${port}`, lines);
    await host.until("limits", () => limits(host) > 0, 60000);
    const { voltage } = ((await (await host.request("/api/status")).json()) as { live_data: { voltage: number } })
      .live_data;
    assert.ok(voltage > 50 && voltage < 58, `${voltage} V`);
    await service.close();
    await host.until("the end is told", () => lines.some((line) => /closed; trying again/.test(line)), 30000);
    service = await serveTcp(simulator, port);
    await host.until("it is back", () => lines.some((line) => line.endsWith("open again")), 60000);
    const before = limits(host);
    await host.until("limits again", () => limits(host) > before + 2, 60000);
  });

  it("answers over a serial port", async function () {
    if (!findExecutable("socat")) {
      console.log("    skipped: no socat found");
      this.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), "bms-line-"));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const service = await servePty(battery(), join(folder, "tty"));
    undo.push(() => service.close());
    const host = await start(join(folder, "tty"));
    await host.until("limits", () => limits(host) > 0, 60000);
  });

  it("says what is wrong with a port that cannot be opened, and leaves nothing behind", async () => {
    await assert.rejects(
      start("/dev/no-such-port"),
      /\/dev\/no-such-port: there is no such port; is the cable plugged in\?/,
    );
    await assert.rejects(start("tcp://127.0.0.1:1"), /tcp:\/\/127.0.0.1:1: connection refused; nothing listens there/);
    await assert.rejects(start("tcp://nowhere"), /must be tcp:\/\/HOST:PORT/);
  });
});
