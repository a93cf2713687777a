// Settings over the air: who may, what is refused, what is kept over a restart and over a power cut at any moment.
import assert from "node:assert/strict";
import { readSettings } from "../../tools/host/settings";
import { memoryStore } from "../../tools/host/storage";
import { makeCertificate } from "../../tools/rig/certificate";
import type { Store } from "../../tools/host/storage";
import type { Host } from "../../tools/host/run";
import { boot, closeHosts, imageText, LIMITS, running, sent, status, untilStatus } from "./rig";

type Config = Record<string, Record<string, unknown>>;
interface Answer {
  ok: boolean;
  changed?: string[];
  restart?: boolean;
  err?: { code: string; where: string; reason: string };
}

async function config(host: Host): Promise<Config> {
  return (await (await host.request("/api/config")).json()) as Config;
}

async function put(host: Host, patch: unknown, token = host.token()): Promise<{ status: number; answer: Answer }> {
  const headers = token ? { "X-Setup-Token": token } : undefined;
  const body = typeof patch === "string" ? patch : JSON.stringify(patch);
  const answer = await host.request("/api/config", { method: "PUT", headers, body });
  return { status: answer.status, answer: (await answer.json()) as Answer };
}

/** A copy of a flash. */
function copy(store: Store): Store {
  return memoryStore(Object.fromEntries(store.files));
}

describe("system: configuration", () => {
  before(imageText);
  afterEach(closeHosts);

  it("shows the settings without the secrets", async () => {
    const host = await boot({
      settings: { wifi: { ssid: "home", pass: "hidden-word" }, mqtt: { user: "bms", pass: "hidden-too" } },
    });
    const text = await (await host.request("/api/config")).text(),
      document = JSON.parse(text) as Config;
    assert.doesNotMatch(text, /hidden/);
    assert.deepEqual([document.wifi.ssid, document.wifi.pass, document.mqtt.pass], ["home", "***", "***"]);
    assert.equal(document.battery.chemistry, "lfp");
    assert.equal(document["can/limits"].cclMax, 140);
  });

  it("takes the names of the source documents, and the broker's certificate among the settings", async () => {
    const host = await boot(),
      certificate = makeCertificate();
    const pem = certificate ? { server_certificate: certificate.cert } : {};
    const { status: code, answer } = await put(host, {
      mqtt: { username: "me", password: "it is", retain_by_default: true, ...pem },
    });
    assert.equal(code, 200, JSON.stringify(answer));
    assert.deepEqual(
      answer.changed!.filter((name) => name !== "mqtt.server_certificate"),
      ["mqtt.user", "mqtt.pass", "retain.telemetry", "retain.text"],
    );
    const { mqtt, retain } = await config(host);
    assert.deepEqual([mqtt.user, mqtt.pass, retain.telemetry, retain.text], ["me", "***", true, true]);
    if (!certificate) return;
    assert.ok(answer.changed!.includes("mqtt.server_certificate"));
    assert.ok(host.store.files.get("tls.ca")!.length > 100);
    assert.deepEqual((await put(host, { mqtt: pem })).answer.changed, []);
    assert.deepEqual((await put(host, { mqtt: { server_certificate: "" } })).answer.changed, [
      "mqtt.server_certificate",
    ]);
    assert.equal(host.store.files.has("tls.ca"), false);
  });

  it("takes no change without the token of the console", async () => {
    const host = await boot(),
      before = await config(host);
    for (const token of ["", "00000000", host.token() + "0", host.token().slice(1)]) {
      const { status: code, answer } = await put(host, { mqtt: { port: 1999 } }, token);
      assert.deepEqual([code, answer.ok, answer.err?.code], [401, false, "NotAuthorized"]);
    }
    assert.deepEqual(await config(host), before);
  });

  it("takes a change from who knows the password, once one is set", async () => {
    const host = await boot(),
      basic = (text: string): Record<string, string> => ({
        Authorization: "Basic " + Buffer.from(text).toString("base64"),
      });
    const change = async (
      headers: Record<string, string>,
      patch: unknown,
    ): Promise<(string | number | undefined)[]> => {
      const answer = await host.request("/api/config", { method: "PUT", headers, body: JSON.stringify(patch) });
      return [answer.status, ((await answer.json()) as Answer).err?.code];
    };
    assert.deepEqual(
      await change(basic("admin:"), { mqtt: { port: 1999 } }),
      [401, "BadCredentials"],
      "no password is no login",
    );
    assert.equal((await put(host, { http: { user: "me", pass: "s3cret: word" } })).status, 200);
    for (const wrong of ["admin:s3cret: word", "me:", "me:s3cret", ":s3cret: word"]) {
      assert.deepEqual(await change(basic(wrong), { mqtt: { port: 1999 } }), [401, "BadCredentials"], wrong);
    }
    assert.deepEqual(await change({}, { mqtt: { port: 1999 } }), [401, "NotAuthorized"]);
    assert.deepEqual(await change(basic("me:s3cret: word"), { mqtt: { port: 1999 } }), [200, undefined]);
    assert.equal((await config(host)).mqtt.port, 1999);
    assert.equal((await put(host, { mqtt: { port: 1999 } })).status, 401, "the token has had its time");
    const ca = await host.request("/api/tls/ca", { method: "PUT", headers: basic("me:wrong"), body: "x" });
    assert.equal(ca.status, 401);
  });

  it("refuses a bad document whole and names the field", async () => {
    const host = await boot(),
      before = await config(host);
    const bad: [unknown, RegExp][] = [
      [{ mqtt: { heartbeat_ms: 3000, port: 70000 } }, /mqtt\.port/],
      [{ mqtt: { heartbeat_ms: 3000, port: "1883" } }, /mqtt\.port/],
      [{ uart: { poll_ms: 500.5 } }, /uart\.poll_ms/],
      [{ mqtt: { heartbeat_ms: 3000, nothing: 1 } }, /mqtt\.nothing/],
      [{ nowhere: { a: 1 } }, /nowhere/],
      [{ battery: { chemistry: "lead" } }, /battery\.chemistry/],
      [{ mqtt: 5 }, /mqtt/],
      ['{"mqtt":{"port":1', /body/],
      ["[1]", /body/],
      ["", /body/],
    ];
    for (const [patch, where] of bad) {
      const { status: code, answer } = await put(host, patch),
        about = JSON.stringify(patch);
      assert.equal(code, 400, about);
      assert.match(answer.err!.where, where, about);
      assert.notEqual(answer.err!.reason, "", about);
    }
    assert.deepEqual(await config(host), before);
  });

  it("keeps a change over a restart, and *** changes no secret", async () => {
    const host = await boot({ settings: { mqtt: { user: "bms", pass: "hidden-word" } } });
    const { status: code, answer } = await put(host, {
      mqtt: { heartbeat_ms: 2000, pass: "***" },
      "can/limits": { cclMax: 50 },
    });
    assert.equal(code, 200, JSON.stringify(answer));
    assert.deepEqual(answer.changed!.toSorted(), ["can/limits.cclMax", "mqtt.heartbeat_ms"]);
    await untilStatus(host, "the new limit", ({ limits }) => limits.ccl === 50, 10000);
    host.reboot();
    const after = await config(host);
    assert.deepEqual([after.mqtt.heartbeat_ms, after["can/limits"].cclMax], [2000, 50]);
    assert.equal(readSettings(host.store).mqtt.pass, "hidden-word");
    assert.equal(
      (await untilStatus(host, "limits after the restart", ({ limits }) => limits.ccl !== null, 15000)).limits.ccl,
      50,
    );
  });

  it("tells that a change waits for the next start", async () => {
    const host = await boot();
    assert.equal((await put(host, { uart: { poll_ms: 500 } })).answer.restart, true);
    for (const patch of [{ mqtt: { heartbeat_ms: 2000 } }, { log: { level: "info" } }, { http: { user: "me" } }]) {
      assert.equal((await put(host, patch)).answer.restart, false, JSON.stringify(patch));
    }
    assert.equal((await put(host, { http: { port: 8080 } })).answer.restart, true);
  });

  it("has the old or the new document after a power cut at any operation of the flash", async () => {
    const first = await boot();
    await put(first, { mqtt: { heartbeat_ms: 1111 } }); // so that both slots are in use
    await put(first, { mqtt: { heartbeat_ms: 2222 } });
    const before = copy(first.store),
      patch = { mqtt: { heartbeat_ms: 3333 }, wifi: { ssid: "n".repeat(30) } };
    const start = first.store.operations;
    await put(first, patch);
    const operations = first.store.operations - start,
      outcomes: unknown[] = [];
    assert.ok(operations >= 3, `${operations} operations`);
    for (let cut = 1; cut <= operations + 1; cut++) {
      const host = await boot({ store: copy(before), mqtt: "none", settings: undefined });
      host.store.faults.cutAt = host.store.operations + cut;
      const answered = put(host, patch).then(
        () => true,
        () => true,
      );
      await Promise.race([answered, host.until("the power cut", () => host.device().isDead(), 20000)]);
      assert.equal(host.device().isDead(), cut <= operations, `cut ${cut} of ${operations}`);
      host.reboot();
      const { mqtt, wifi } = await config(host),
        outcome = `${mqtt.heartbeat_ms} ${wifi.ssid}`;
      assert.ok(outcome === "2222 " || outcome === "3333 " + "n".repeat(30), `cut at ${cut}: ${outcome}`);
      outcomes.push(mqtt.heartbeat_ms);
      await host.stop();
    }
    assert.deepEqual([outcomes[0], outcomes.at(-1)], [2222, 3333]);
  });

  it("sends nothing for a battery that does not fit the chemistry, and says why", async () => {
    const host = await boot({ settings: { battery: { chemistry: "nmc" } } });
    const wrong = await untilStatus(host, "the reason", ({ limits }) => limits.reason === "config", 15000);
    await host.wait(8000);
    assert.ok(wrong.alarms.some(({ id, code }) => id === 51 && code === "ConfigError"));
    assert.deepEqual([wrong.limits.cvl, wrong.limits.ccl, wrong.limits.dcl], [null, null, null]);
    assert.notEqual((await status(host)).live_data.voltage, null, "measurements are shown all the same");
    assert.equal(sent(host, 0).length, 0);
    assert.equal((await put(host, { battery: { chemistry: "lfp" } })).status, 200);
    await running(host);
    assert.equal(sent(host, 0)[0].id, LIMITS);
    assert.ok(!(await status(host)).alarms.some(({ id }) => id === 51));
  });
});
