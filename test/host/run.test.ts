// The rig around a small image: settings, battery, broker, restarts, and that nothing is left behind.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCandumpLog } from "../../tools/can/candump";
import { startHost } from "../../tools/host/run";
import type { Host, HostOptions } from "../../tools/host/run";
import { memoryStore } from "../../tools/host/storage";
import { smallImage } from "./image";

describe("host rig", () => {
  let hosts: Host[] = [];
  const start = async (options: HostOptions = {}): Promise<Host> => {
    const host = await startHost({ imageText: smallImage, ...options });
    hosts.push(host);
    return host;
  };
  const status = async (host: Host): Promise<{ uart: number; settings: Record<string, Record<string, unknown>> }> =>
    (await (await host.request("/api/status")).json()) as {
      uart: number;
      settings: Record<string, Record<string, unknown>>;
    };

  afterEach(async () => {
    for (const host of hosts) await host.stop();
    hosts = [];
  });

  it("boots the image with its settings, a token and a battery that answers", async () => {
    const host = await start({ settings: { mqtt: { baseTopic: "home" }, log: { level: "info" } } });
    assert.equal(host.token(), "1234ABCD");
    assert.equal(host.topic, "home/ESP32-A1B2C3");
    await host.wait(400);
    const { settings, uart } = await status(host);
    assert.equal(settings.mqtt.port, host.broker?.listening.port);
    assert.equal(settings.log.level, "info");
    assert.ok(uart >= 8, `${uart} bytes from the battery`);
  });

  it("has an embedded broker that keeps messages, stops and starts", async () => {
    const host = await start(),
      broker = host.broker;
    assert.ok(broker);
    await host.until("a message", () => broker.messages.some(({ topic }) => topic === "t/state"), 3000);
    assert.deepEqual(broker.clients(), ["t"]);
    assert.equal(broker.retained.get("t/state")?.payload, "up");
    await broker.stop();
    await host.until("refusals", () => host.console.some(({ line }) => line.startsWith("ERROR: Connect failed")), 3000);
    assert.ok(host.console.some(({ line }) => line === "cut"));
    const before = broker.messages.length;
    await broker.start();
    await host.until("another message", () => broker.messages.length > before, 3000);
  });

  it("refuses whom the broker does not know", async () => {
    const host = await start();
    assert.ok(host.broker);
    host.broker.credentials = { user: "bms", pass: "secret" };
    const before = host.broker.messages.length;
    await host.broker.stop();
    await host.broker.start();
    await host.until("a cut", () => host.console.filter(({ line }) => line === "cut").length >= 2, 3000);
    assert.deepEqual([host.broker.clients(), host.broker.messages.length], [[], before]);
  });

  it("gives a GX and a log to the CAN bus", async () => {
    const folder = mkdtempSync(join(tmpdir(), "host-run-"));
    try {
      const host = await start({ candump: join(folder, "log") });
      await host.until("frames of the GX", () => host.frames.length >= 2, 3000);
      assert.deepEqual(
        host.frames.slice(0, 2).map(({ id, isOwn, text }) => [id, isOwn, text]),
        [
          [0x305, false, "305 GX keepalive: 0000000000000000"],
          [0x307, false, '307 GX identity: "VIC"'],
        ],
      );
      const [first] = parseCandumpLog(readFileSync(join(folder, "log"), "utf8"));
      assert.equal(first.frame.id, 0x305);
      assert.ok(Math.abs(first.seconds - Date.now() / 1000) < 60);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("switches the device off and on with the same flash", async () => {
    const store = memoryStore(),
      host = await start({ store });
    host.reboot();
    assert.deepEqual(
      host.console.map(({ line }) => line).filter((line) => line.startsWith("boots")),
      ["boots 0", "boots 1"],
    );
    await status(host);
    await host.stop();
    const again = await start({ store });
    assert.ok(again.console.some(({ line }) => line === "boots 2"));
  });

  it("restarts the device when its watchdog bites", async () => {
    const host = await start({ settings: { log: { level: "debug" } } });
    await host.until("a restart", () => host.count.watchdogResets >= 2, 3000);
    assert.ok(host.console.some(({ line }) => line === "boots 1"));
  });

  it("leaves a device without power dead until it is switched on", async () => {
    const host = await start(),
      { store } = host;
    store.faults.cutAt = store.operations + 2;
    host.reboot();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.ok(host.device().isDead());
    await assert.rejects(status(host));
    host.reboot();
    assert.equal(host.console.at(-1)?.line, "boots 0", "the old file was deleted, the new one never came");
    assert.ok(!host.device().isDead());
    await status(host);
  });

  it("runs the device's time faster", async () => {
    const host = await start({ timeScale: 50 });
    await host.wait(10000);
    assert.ok((await status(host)).uart >= 8 * 50, "a hundred requests in ten seconds of the device");
  });

  it("leaves nothing behind, also when it cannot start", async () => {
    const host = await start({ settings: { mqtt: { enabled: true } } });
    const ports = [host.http.port, host.broker?.listening.port];
    await host.stop();
    await host.stop();
    const again = { imageText: smallImage, http: ports[0] };
    await assert.rejects(startHost({ ...again, scenario: "none of these" }), /no scenario is called[^]*cold-morning/);
    await assert.rejects(startHost({ ...again, settings: { mqtt: { port: 0 } } }), /setting mqtt\.port/);
    await assert.rejects(startHost({ image: "no/such/image.js" }), /no\/such\/image\.js/);
    for (const port of ports) {
      const server = net.createServer();
      await new Promise<void>((resolve, reject) => server.on("error", reject).listen(port, "127.0.0.1", resolve));
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("works without a broker, and with a foreign one", async () => {
    const none = await start({ mqtt: "none" });
    assert.equal((await status(none)).settings.mqtt.enabled, false);
    const foreign = await start({ mqtt: { host: "127.0.0.1", port: 1, user: "u", pass: "p", isTls: false } });
    assert.equal(foreign.broker, null);
    assert.deepEqual((await status(foreign)).settings.mqtt, {
      enabled: true,
      host: "127.0.0.1",
      port: 1,
      user: "u",
      pass: "p",
    });
  });
});
