// What the interpreter on a chip does by itself, and what the image makes of it: an access point, a saved network,
// names that cannot be looked up, an unknown version, a full pool of variables, little heap, Bluetooth, an image that
// breaks while it is evaluated.
import assert from "node:assert/strict";
import { type Host, type HostOptions, startHost } from "../../tools/host/run";
import { memoryStore } from "../../tools/host/storage";
import { boot, closeHosts, imageText, LIMITS, running, sent, status, untilStatus } from "./rig";

const SAVED = ".wificfg",
  WATCHDOG_MS = 120000,
  BOOT_MS = 10000;

const lines = (host: Host): string[] => host.console.map(({ line }) => line);
const saying = (host: Host, what: RegExp): string[] => lines(host).filter((line) => what.test(line));
const mode = (host: Host): string => host.device().wifi.mode();
const untilMode = (host: Host, wanted: string, limit_ms: number): Promise<boolean> =>
  host.until(`mode ${wanted}`, () => mode(host) === wanted, limit_ms);
const connected = (host: Host): Promise<unknown> =>
  untilStatus(host, "connected", ({ mqtt }) => mqtt.connected === true, 30000);

/** The frame that begins everything, ms after power-on. */
async function firstLimits(host: Host): Promise<number> {
  await running(host);
  return sent(host, 0, LIMITS)[0]!.at;
}

describe("system: what the interpreter does by itself", function () {
  before(imageText);
  afterEach(closeHosts);

  it("has limits on the bus 10 s after power-on", async () => {
    const at = await firstLimits(await boot());
    assert.ok(at < BOOT_MS, `${at} ms`);
  });

  describe("Wi-Fi", () => {
    for (const espruino of ["2v29", "newest"] as const) {
      it(`is never an access point on ${espruino}, with a network to join or without`, async () => {
        for (const ssid of ["", "home"]) {
          const host = await boot({ espruino, settings: { wifi: { ssid } } });
          await running(host);
          assert.deepEqual([mode(host), host.device().wifi.openings()], [ssid ? "STA" : "NULL", 0]);
          assert.deepEqual(saying(host, /access point/), []);
        }
      });
    }

    it("closes the one that was kept by Wifi.save", async () => {
      const host = await boot({ store: memoryStore({ [SAVED]: '{"mode":2,"ssidAP":"theirs"}' }) });
      await untilMode(host, "NULL", 2000);
    });

    it("closes one that comes up later within 30 s, and says so", async () => {
      const host = await boot();
      await host.wait(12000);
      (host.device().wifi.module["startAP"] as () => void)();
      await untilMode(host, "NULL", 31000);
      assert.deepEqual(saying(host, /access point/), ["warn: wifi: an access point was up, it is off now"]);
    });

    it("is a station alone once it has joined", async () => {
      const host = await boot({ settings: { wifi: { ssid: "home" } } });
      await untilMode(host, "STA", 2000);
      (host.device().wifi.module["startAP"] as () => void)();
      host.device().wifi.setUp(false);
      await host.wait(100);
      host.device().wifi.setUp(true);
      await untilMode(host, "STA", 8000);
    });

    it("clears a network that was kept by Wifi.save when there is one of its own, and says so once", async () => {
      const store = memoryStore({ [SAVED]: '{"mode":1,"ssid":"theirs"}' });
      const host = await boot({ store, settings: { wifi: { ssid: "home" } } });
      assert.equal(store.files.has(SAVED), false);
      host.reboot();
      await running(host);
      assert.deepEqual(saying(host, /Wifi\.save/), [
        "warn: wifi: a network that was kept by Wifi.save is cleared, wifi.ssid counts",
      ]);
    });

    it("leaves it alone when there is none", async () => {
      const store = memoryStore({ [SAVED]: '{"mode":1,"ssid":"theirs"}' });
      const host = await boot({ store });
      await running(host);
      assert.ok(store.files.has(SAVED));
    });

    it("joins again a network that is gone without a word", async () => {
      const host = await boot({ settings: { wifi: { ssid: "home" } } });
      await running(host);
      host.network.wifi = "down";
      const joins: number[] = [],
        wifi = host.device().wifi.module,
        connect = wifi["connect"] as (...values: unknown[]) => void;
      wifi["connect"] = (...values: unknown[]) => {
        joins.push(host.clock.now());
        connect(...values);
      };
      await host.until("a try", () => joins.length > 0, 45000);
    });

    it("joins the network that it was started with: another one counts from the next start", async () => {
      const host = await boot({ settings: { wifi: { ssid: "home", pass: "long enough" } } });
      await running(host);
      const answer = await host.request("/api/config", {
        method: "PUT",
        headers: { "X-Setup-Token": host.token() },
        body: JSON.stringify({ wifi: { ssid: "other", pass: "also long enough" } }),
      });
      assert.deepEqual([answer.status, ((await answer.json()) as { restart: boolean }).restart], [200, true]);
      const joins: unknown[][] = [],
        wifi = host.device().wifi.module,
        connect = wifi["connect"] as (...values: unknown[]) => void;
      wifi["connect"] = (...values: unknown[]) => {
        joins.push(values);
        connect(...values);
      };
      host.device().wifi.setUp(false);
      await host.until("a try", () => joins.length > 0, 45000);
      assert.deepEqual(JSON.parse(JSON.stringify(joins[0]!.slice(0, 2))), ["home", { password: "long enough" }]);
    });
  });

  describe("names", () => {
    for (const espruino of ["2v29", "newest"] as const) {
      it(`are resolved on ${espruino}`, async () => {
        const host = await boot({ espruino, settings: { mqtt: { host: "localhost" } } });
        await connected(host);
      });
    }

    it("that nobody knows are no address, and an address is asked of nobody", async () => {
      const host = await boot({ settings: { mqtt: { host: "localhost" } } });
      host.network.dns = "fails";
      const { mqtt } = await untilStatus(host, "no name", (now) => now.mqtt.last_error_code === "DnsFailed", 30000);
      assert.equal(mqtt.last_error_message, "no address for localhost");
      const address = await boot({ settings: { mqtt: { host: "127.0.0.1" } } });
      address.network.dns = "fails";
      await connected(address);
    });
  });

  describe("its version", () => {
    it("is told, and needs no word when it is known", async () => {
      const host = await boot({ espruino: "2v27.45" });
      await running(host);
      assert.deepEqual((await status(host)).espruino, { version: "2v27.45", warning: null, bluetooth: false });
      assert.deepEqual(saying(host, /espruino/), []);
    });

    it("is warned of when it is too old", async () => {
      const host = await boot({ espruino: "2v25" });
      await running(host);
      assert.deepEqual(saying(host, /espruino/), ["warn: espruino: 2v25 is too old: take 2v26 or newer"]);
      assert.equal((await status(host)).espruino.warning, "is too old: take 2v26 or newer");
    });
  });

  describe("memory", () => {
    it("is no fault when the pool was full of garbage, each time", async () => {
      const host = await boot();
      await running(host);
      for (let times = 1; times <= 2; times++) {
        host.device().raiseFlags(["LOW_MEMORY"]);
        await untilStatus(host, "looked at", ({ memory }) => memory.filled === times, 70000);
      }
      assert.deepEqual(saying(host, /LOW_MEMORY/), []);
    });

    it("that was out while bytes came makes the interpreter hear them no more: it hears them again, each time", async () => {
      const host = await boot();
      for (let times = 1; times <= 2; times++) {
        await running(host);
        (host.device().global["Serial3"] as { removeAllListeners(event: string): void }).removeAllListeners("data");
        await untilStatus(host, "lost", ({ live_data }) => live_data.phase === "lost", 30000);
        host.device().raiseFlags(["CALLBACK", "MEMORY"]);
        await untilStatus(host, "normal", ({ live_data }) => live_data.phase === "normal", 30000);
        assert.equal(saying(host, /^error: .*CALLBACK/).length, times);
      }
    });

    it("is told with the chip's heap", async () => {
      const host = await boot({ chip: { freeHeap: 25124 } });
      await host.wait(2000);
      const { memory } = await status(host);
      assert.deepEqual([memory.heap, memory.heap_min, memory.low], [25124, 25124, false]);
    });
  });

  it("refuses TLS with its figures when the heap does not suffice, and tears nothing down", async () => {
    const host = await boot({ chip: { freeHeap: 25124 } });
    await connected(host);
    const put = (path: string, body: string): Promise<Response> =>
      host.request(path, { method: "PUT", headers: { "X-Setup-Token": host.token() }, body });
    const answer = await put("/api/config", '{"mqtt":{"use_tls":true,"port":8883}}');
    assert.equal(answer.status, 400);
    assert.deepEqual(((await answer.json()) as { err: object }).err, {
      code: "TlsUnavailable",
      where: "mqtt.use_tls",
      reason: "TLS needs 40000 bytes of heap, there are 25124",
      retryable: false,
    });
    const config = (await (await host.request("/api/config")).json()) as { mqtt: Record<string, unknown> };
    assert.equal(config.mqtt["use_tls"], false);
    await host.wait(1000);
    const { mqtt } = await status(host);
    assert.deepEqual([mqtt.connected, mqtt.error_count], [true, 0]);
  });

  it("runs UART, CAN and control alone while Bluetooth is on, and says so", async () => {
    const host = await boot({ chip: { bluetooth: true }, settings: { wifi: { ssid: "home" } } });
    assert.ok((await firstLimits(host)) < BOOT_MS);
    await host.wait(30000);
    const times = sent(host, 0, LIMITS).map(({ at }) => at);
    assert.ok(times.length > 28 && times.at(-1)! > host.clock.now() - 1500, `${times.length} frames`);
    assert.equal(saying(host, /^error: bluetooth is on/).length, 1);
    await assert.rejects(status(host));
    assert.deepEqual([host.broker!.messages.length, mode(host)], [0, "NULL"]);
  });
});

describe("system: an image that breaks while it is evaluated", function () {
  it("is started again by the watchdog, which is on before anything else", async () => {
    const text = await imageText(),
      broken = text.replace("\n*/\n", "\n*/\nthrow new Error('broken');\n");
    const options: HostOptions = { imageText: broken, timeScale: 100, mqtt: "none" };
    const host = await startHost(options);
    try {
      await host.until("a restart", () => host.count.watchdogResets > 0, WATCHDOG_MS + 10000);
      assert.ok(host.clock.now() > WATCHDOG_MS - 1000);
    } finally {
      await host.stop();
    }
  });
});
