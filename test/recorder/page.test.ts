// The recorder's page in a browser, Debian's chromium: eight simulated devices and one that fell silent, PGlite and a
// broker inside. With SCREENSHOTS=1 what it looks like is written to test/page/.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { connectAsync, type MqttClient } from "mqtt";
import { pino } from "pino";
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { root } from "../../tools/build/board";
import { startBroker, type Broker } from "../../tools/host/broker";
import { startDemo, type Demo } from "../../tools/recorder/demo";
import { optionsOf } from "../../tools/recorder/options";
import { startRecorder, type Recorder } from "../../tools/recorder/recorder";
import { until, TEST_MS } from "../../tools/rig/wait";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync),
  PATIENCE = 60_000,
  MOST_BYTES = 60_000,
  WRITE = "write-token",
  DEVICES = 8,
  QUIET = "QUIET-0001",
  SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 900 } };

/** What has to be there before a screenshot; a chart where nothing else is said. */
const SHOWN: Record<string, string> = {
  fleet: "tbody tr",
  settings: ".group",
  commands: "select",
  "not-kept": "tbody tr",
};

let broker: Broker, recorder: Recorder, demo: Demo, client: MqttClient, data: string;
let browser: Browser, context: BrowserContext, page: Page;
/** Errors of the page's console and requests to elsewhere. */
const faults: string[] = [];

const say = (topic: string, payload: unknown): Promise<unknown> =>
  client.publishAsync("tinybms/" + topic, JSON.stringify(payload), { qos: 1, retain: true });

async function startAll(): Promise<void> {
  broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now });
  data = mkdtempSync(join(tmpdir(), "recorder-page-"));
  const given = {
    http: 0,
    address: "127.0.0.1",
    topics: "tinybms" as const,
    store: "values" as const,
    keepRaw: 90,
    spoolMax: 1,
    engine: "plain" as const,
    demoDays: 0,
    origin: [],
    log: "error",
    data,
  };
  const options = optionsOf(given, { RECORDER_TOKEN: WRITE, RECORDER_READ_TOKEN: "read-token" }),
    reach = { host: "127.0.0.1", port: broker.listening.port, protocol: "mqtt" as const };
  recorder = await startRecorder(options, reach, pino({ level: "silent" }), "0.0.0");
  await until("ready", PATIENCE, () => recorder.store.isUp && recorder.subscriber.isUp);
  client = await connectAsync({ ...reach, protocolVersion: 4 });
  demo = await startDemo({ reach, prefix: "tinybms", devices: DEVICES, seed: 1, qos: 0, days: 1, now: Date.now });
  const state = { soc: 71, v: 53.1, i: 0, p: 0, lim: "bms_max", ph: "normal" };
  await say(QUIET + "/rt/state", { ...state, time: new Date(Date.now() - 60_000).toISOString() });
  await say("DEMO-0003/rt/alarms/id40", { id: 40, code: "PageTest", a: 1, c: 1, s: 2, k: 0, v: 3.9, lc: 1 });
  await until("rows", PATIENCE, () => recorder.store.waiting === 0 && recorder.store.counts.stored > 500);
}

function watch(own: Page): void {
  own.setDefaultTimeout(PATIENCE);
  own.on("console", (message) => {
    // A refused login or setting is told by its status, and the browser notes that.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) faults.push(message.text());
  });
  own.on("pageerror", (error) => faults.push(String(error)));
  own.on("request", (request) => {
    if (!/^data:/.test(request.url()) && new URL(request.url()).host !== new URL(recorder.url).host)
      faults.push("asked " + request.url());
  });
}

const open = async (path: string): Promise<void> => void (await page.goto(recorder.url + path));

const device = (id: string, tab = ""): Promise<void> => open(`/device/${id}${tab ? "#" + tab : ""}`);

const rows = (): Locator => page.locator("tbody tr");

/** What axe finds that shuts somebody out; `[]` is good. */
async function axeFaults(): Promise<string[]> {
  const path = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  // By the debugger: the page's policy lets no foreign script in.
  await page.evaluate(readFileSync(path, "utf8") + ";0");
  const found = (await page.evaluate("axe.run(document)")) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  return found.violations
    .filter(({ impact }) => ["serious", "critical", "moderate"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

describe("recorder: the page in a browser", function () {
  this.timeout(TEST_MS);
  before(async function () {
    if (CHROMIUM === undefined) {
      console.log("      skipped: no chromium here (Debian: apt-get install chromium)");
      return this.skip();
    }
    await startAll();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    context = await browser.newContext({ viewport: SIZES.desk, colorScheme: "light" });
    page = await context.newPage();
    watch(page);
  });
  after(async () => {
    await browser?.close();
    await Promise.all([demo?.close(), client?.endAsync(true)]);
    await recorder?.close();
    await broker?.close();
    if (data) rmSync(data, { recursive: true, force: true });
  });

  it("is one small file", async () => {
    const html = await (await fetch(recorder.url + "/")).text(),
      { length } = gzipSync(html, { level: 9 });
    assert.ok(length <= MOST_BYTES, `${length} bytes`);
  });

  it("shows nothing without a token; refuses a wrong one; the right one lets in", async () => {
    await open("/");
    await page.getByLabel("Token").fill("guess");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByRole("alert").getByText("is not right").waitFor();
    assert.equal(await rows().count(), 0);
    assert.deepEqual(await axeFaults(), []);
    await open("/#token=" + WRITE);
    await page.reload();
    await page.getByRole("button", { name: "Log out" }).waitFor();
    assert.doesNotMatch(page.url(), /token/);
  });

  it("the fleet: all devices, sorted, filtered, the silent one grey", async () => {
    await open("/");
    await until("all devices", PATIENCE, async () => (await rows().count()) === DEVICES + 1);
    const stale = page.locator("tr.stale");
    await until("only one is silent", PATIENCE, async () => (await stale.count()) === 1);
    assert.match((await stale.innerText()).replaceAll(/\s+/g, " "), /QUIET-0001.*(stale|gap)/);
    const charges = async (): Promise<number[]> =>
      (await page.locator("tbody tr td:nth-child(5)").allInnerTexts()).map(Number);
    const by = page.getByRole("button", { name: "SoC %" });
    await by.click();
    await page.locator("th[aria-sort=descending]").waitFor();
    const down = await charges();
    assert.deepEqual(
      down,
      [...down].sort((a, b) => b - a),
    );
    await by.click();
    await page.locator("th[aria-sort=ascending]").waitFor();
    const up = await charges();
    assert.deepEqual(
      up,
      [...up].sort((a, b) => a - b),
    );
    await page.getByRole("searchbox").fill("demo-0004");
    await until("one device", PATIENCE, async () => (await rows().count()) === 1);
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: "Not heard" }).click();
    await until("the silent one", PATIENCE, async () => (await rows().count()) === 1);
    await page.getByRole("button", { name: "Alarm", exact: true }).click();
    await page.locator("tbody tr", { hasText: "DEMO-0003" }).waitFor();
    assert.deepEqual(await axeFaults(), []);
  });

  it("the keyboard alone: skip, sort, open a device, read a chart", async () => {
    await open("/");
    await rows().first().waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent.trim()"), "To the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
    const reach = async (text: string): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        const focused = String(await page.evaluate("document.activeElement.textContent.trim()"));
        if (text.endsWith("-") ? focused.startsWith(text) : focused === text) return;
      }
      assert.fail("cannot be reached by Tab: " + text);
    };
    await reach("A");
    await page.keyboard.press("Enter");
    await page.locator("th[aria-sort=descending]", { hasText: "A" }).waitFor();
    await reach("DEMO-");
    await page.keyboard.press("Enter");
    const plot = page.getByRole("group", { name: /^State of charge: chart/ });
    await plot.locator("canvas").waitFor();
    await plot.focus();
    const readout = page.getByRole("region", { name: "State of charge" }).locator(".readout");
    await page.keyboard.press("End");
    await until("the last value", PATIENCE, async () => /\d/.test(await readout.innerText()));
    const last = await readout.innerText();
    for (let i = 0; i < 5; i++) await page.keyboard.press("PageUp");
    await until("an earlier value", PATIENCE, async () => (await readout.innerText()) !== last);
  });

  it("a device: cards of now, charts with lines, the same as a table, CSV", async () => {
    await device("DEMO-0001");
    await page.locator(".cards strong").first().waitFor();
    assert.match(await page.locator(".cards").innerText(), /State of charge\s+\d+\s+%/);
    const titles = ["State of charge", "Current", "Voltage", "Power", "Cells", "Temperature"];
    for (const title of titles) {
      const canvas = page.getByRole("region", { name: title, exact: true }).locator("canvas");
      await canvas.waitFor();
      const drawn = `(canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let blue = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 128 && data[i + 2] - data[i] > 60) blue++;
        return blue;
      }`;
      await until("lines of " + title, PATIENCE, async () => {
        const pixels = await canvas.evaluate(`(${drawn})(document.querySelector('[aria-label="${title}"] canvas'))`);
        return Number(pixels) > 20;
      });
    }
    await page.getByRole("button", { name: "Table of Voltage" }).click();
    const table = page.getByRole("region", { name: "Voltage", exact: true }).locator("table");
    await table.locator("tbody tr").nth(5).waitFor();
    const href = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
    const csv = await (await fetch(recorder.url + href, { headers: { authorization: "Bearer " + WRITE } })).text();
    assert.match(csv.split("\n")[1], /DEMO-0001,\w+,/);
    assert.deepEqual(await axeFaults(), []);
    await page.getByRole("button", { name: "1 year" }).click();
    await page.getByRole("region", { name: "Power", exact: true }).locator("canvas").waitFor();
  });

  it("alarms: one is acknowledged; events, gaps and energy are there", async () => {
    await device("DEMO-0003", "alarms");
    const row = page.locator("tr", { hasText: "PageTest" });
    await row.getByRole("button", { name: /Acknowledge/ }).click();
    await row.getByText(/by page/).waitFor();
    assert.deepEqual(await axeFaults(), []);
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByRole("region", { name: "Events" }).locator("tbody tr").first().waitFor();
    assert.deepEqual(await axeFaults(), []);
    await page.getByRole("link", { name: "Energy" }).click();
    await page.locator(".plot canvas").waitFor();
    assert.deepEqual(await axeFaults(), []);
  });

  it("settings: a bad value is refused with its reason, a good one reaches the device and can be undone", async () => {
    await device("DEMO-0002", "settings");
    await page.getByLabel("Find a setting").fill("uart.retries");
    const field = page.getByLabel("retries", { exact: true }),
      send = page.getByRole("button", { name: "Send to the device" });
    await field.fill("99");
    await page.locator("strong.fault", { hasText: "must be at most 10" }).waitFor();
    await send.click();
    await page.getByRole("alert").getByText("uart.retries must be at most 10").waitFor();
    await field.fill("3");
    assert.equal(
      (await page.locator(".sending .diff").innerText()).replaceAll(/\s+/g, " "),
      "uart.retries 1 → becomes 3",
    );
    await send.click();
    await page.getByText(/The device changed uart\.retries in \d+ ms/).waitFor();
    assert.deepEqual(await axeFaults(), []);
    await page
      .getByRole("region", { name: "Versions" })
      .getByRole("button", { name: /^Go back/ })
      .click();
    await until("undone", PATIENCE, async () => (await field.inputValue()) === "1");
  });

  it("commands: bounds are told while typing, the answer is shown, what the device would refuse cannot be sent", async () => {
    await device("DEMO-0004", "commands");
    const choose = page.getByLabel("Command", { exact: true }),
      region = page.getByRole("region", { name: "Commands" });
    await page.getByRole("button", { name: "Send system.ping" }).click();
    await region.locator("pre").getByText('"pong": true').waitFor();
    assert.deepEqual(await axeFaults(), []);
    await choose.selectOption("can.limits.override");
    await page.getByRole("button", { name: "Send can.limits.override" }).click();
    await page.locator("strong.fault", { hasText: "is needed" }).waitFor();
    await page.getByLabel("ttl_s").fill("3601");
    await page.locator("strong.fault", { hasText: "must be at most 3600 s" }).waitFor();
    await page.getByLabel("ttl_s").fill("60");
    await page.getByLabel("ccl").fill("12,5");
    await page.getByRole("button", { name: "Send can.limits.override" }).click();
    await page.getByRole("status").getByText("Done. The device answers:").waitFor();
    assert.deepEqual(await axeFaults(), []);
    await choose.selectOption("time.resync");
    await region.getByText("only when its setting mqtt.commands is all").waitFor();
    assert.ok(await page.getByRole("button", { name: "Send time.resync" }).isDisabled());
  });

  it("what was not kept: of all and of a device; tried again it is kept, or still not", async () => {
    const replay = { samples: [{ timestamp_ms: 1000, boot: 9999, s: "state_of_charge", v: 50 }] };
    await client.publishAsync("tinybms/DEMO-0007/rt/replay", JSON.stringify(replay), { qos: 1 });
    await client.publishAsync("tinybms/DEMO-0008/nonsense", "<b>text</b>", { qos: 1 });
    await open("/");
    await page.getByRole("link", { name: "Not kept" }).click();
    const letter = (text: string): Locator => rows().filter({ hasText: text });
    await letter("DEMO-0007/rt/replay").waitFor();
    await letter("<b>text</b>").waitFor();
    assert.deepEqual(await axeFaults(), []);
    await letter("nonsense")
      .getByRole("button", { name: /Try again/ })
      .click();
    await page.getByRole("alert").getByText("Still not kept: nobody knows this topic.").waitFor();
    await device("DEMO-0007", "letters");
    await letter("rt/replay").waitFor();
    assert.equal(await rows().count(), 1, "only its own");
    const told = { uptimeStart: Math.floor(Date.now() / 1000) - 100_000, boot: 9999 };
    await client.publishAsync("tinybms/DEMO-0007/system/config", JSON.stringify(told), { qos: 1 });
    const boots = async (): Promise<unknown[]> => {
      const headers = { authorization: "Bearer " + WRITE },
        answer = await fetch(recorder.url + "/api/devices/DEMO-0007/boots", { headers });
      return ((await answer.json()) as { boots: { boot: number }[] }).boots.filter(({ boot }) => boot === 9999);
    };
    await until("its boot is known", PATIENCE, async () => (await boots()).length > 0);
    await letter("rt/replay")
      .getByRole("button", { name: /Try again/ })
      .click();
    await page.getByRole("status").getByText("It is kept now.").waitFor();
    await page.getByText("None: everything that was told is kept.").waitFor();
    assert.deepEqual(await axeFaults(), []);
  });

  it("who may only read sees both, and can do neither", async () => {
    const reading = await browser.newContext({ viewport: SIZES.phone }),
      own = await reading.newPage();
    watch(own);
    await own.goto(recorder.url + "/#token=read-token");
    await own.getByRole("link", { name: "Not kept" }).click();
    await own.locator("tbody tr", { hasText: "nonsense" }).waitFor();
    assert.equal(await own.getByRole("button", { name: /Try again/ }).count(), 0);
    await own.goto(recorder.url + "/device/DEMO-0001#commands");
    await own.getByText("Log in with the write token to send commands.").waitFor();
    assert.ok(await own.getByRole("button", { name: "Send system.ping" }).isDisabled());
    await reading.close();
  });

  it("a roll-out to two devices: one first, then the other", async () => {
    await open("/");
    for (const id of ["DEMO-0005", "DEMO-0006"]) await page.getByLabel("Pick " + id).check();
    await page.getByRole("button", { name: "Change settings of 2" }).click();
    await page.getByLabel("Find a setting").fill("low_soc_warning");
    await page.getByLabel("low_soc_warning").fill("17");
    await page.getByRole("button", { name: "Send to 2 devices" }).click();
    await page.getByText("2 of 2 devices answered. Finished.").waitFor();
    assert.deepEqual(await axeFaults(), []);
  });

  it("looks well on a phone and a desk, light and dark; nothing is cut off", async () => {
    const folder = process.env.SCREENSHOTS ? join(root, "test/page") : join(data, "page");
    mkdirSync(folder, { recursive: true });
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        for (const [name, path] of [
          ["fleet", "/"],
          ["device", "/device/DEMO-0001"],
          ["energy", "/device/DEMO-0001#energy"],
          ["settings", "/device/DEMO-0001#settings"],
          ["commands", "/device/DEMO-0001#commands"],
          ["not-kept", "/#letters"],
        ]) {
          await open("/api/session"); // so that the page itself is loaded anew
          await open(path);
          await page
            .locator(SHOWN[name] ?? ".plot canvas")
            .first()
            .waitFor();
          if (name === "commands") await page.getByLabel("Command", { exact: true }).selectOption("bms.read");
          await until("all charts", PATIENCE, async () => (await page.getByText("Asking for").count()) === 0);
          assert.ok(
            await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
            `${name} is wider than a ${size}`,
          );
          assert.deepEqual(await axeFaults(), [], `${name}, ${size}, ${colorScheme}`);
          const file = join(folder, `${name}-${viewport.width}-${colorScheme}.png`);
          await page.screenshot({ path: file, fullPage: name === "device" && process.env.SCREENSHOTS === "all" });
        }
      }
    }
  });

  it("no error in the console, nothing asked of others", () => {
    assert.deepEqual(faults, []);
  });
});
