// The time of day in the built image: asked of a server in the test, right, wrong, late or silent; and what a jump of
// the clock does to the rest of the device: nothing.
import assert from "node:assert/strict";
import { startTimeServer, type TimeManner, type TimeServer } from "../../tools/host/time-server";
import type { Host, HostOptions } from "../../tools/host/run";
import { boot, closeHosts, imageText, LIMITS, running, sent, status, untilStatus } from "./rig";

const T = 1800000000; // 2027-01-15T08:00:00Z

describe("time of day", () => {
  let server: TimeServer;

  before(imageText);
  beforeEach(async () => {
    server = await startTimeServer(() => T);
  });
  afterEach(async () => {
    await closeHosts();
    await server.close();
  });

  async function bootAt(options: HostOptions = {}): Promise<Host> {
    const host = await boot({ mqtt: "none", settings: { time: { server: `127.0.0.1:${server.port}` } }, ...options });
    server.clock = host.clock;
    return host;
  }
  const now = (host: Host): number => host.clock.now() / 1000;

  it("is unknown without a server, and everything runs", async () => {
    const host = await boot({ mqtt: "none" });
    await running(host);
    const { time, clock } = await status(host);
    assert.deepEqual([time, clock], [null, { syncs: 0, failures: 0, last_sync_s: null, last_error: null }]);
  });

  it("is known soon after the start, and goes on by itself", async () => {
    const host = await bootAt();
    await untilStatus(host, "time", ({ time }) => time !== null, 20000);
    const from = now(host),
      first = Date.parse((await status(host)).time!) / 1000;
    await host.wait(20000);
    const second = Date.parse((await status(host)).time!) / 1000;
    assert.ok(first >= T && first < T + 30, `${first}`);
    assert.ok(Math.abs(second - first - (now(host) - from)) < 3, `${first} ${second}`);
    assert.equal(server.requests.length, 1);
    assert.ok(
      Math.abs((host.device().global.getTime as () => number)() - second) < 3,
      "the interpreter's clock is set",
    );
  });

  it("stands in the compact state as in the status, from when it is known", async () => {
    const host = await bootAt({ mqtt: 0 }),
      times = (): (string | undefined)[] =>
        host
          .broker!.messages.filter(({ topic }) => topic === `${host.topic}/rt/state`)
          .map(({ payload }) => (JSON.parse(payload) as { time?: string }).time);
    await host.until("a time", () => times().some((time) => time !== undefined), 40000);
    await host.wait(3000);
    const told = Date.parse(times().at(-1)!) / 1000,
      shown = Date.parse((await status(host)).time!) / 1000;
    assert.match(times().at(-1)!, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$/);
    assert.ok(Math.abs(told - shown) < 3, `${told} ${shown}`);
  });

  it("is asked for again after hours", async () => {
    const host = await bootAt({
      timeScale: 1000,
      settings: { time: { server: `127.0.0.1:${server.port}`, sync_hours: 1 } },
    });
    await host.until("a second request", () => server.requests.length > 1, 3.9 * 3600000);
    await host.until("a third request", () => server.requests.length > 2, 3.9 * 3600000);
  });

  const USELESS: [TimeManner, RegExp][] = [
    ["silent", /no answer/],
    ["noise", /no answer/],
    ["foreign", /no answer/],
    ["unsynchronised", /no time itself/],
  ];
  for (const [manner, reason] of USELESS) {
    it(`is not taken from a server: ${manner}; which is asked again, ever more rarely, and believed once it is good`, async () => {
      server.manner = manner;
      const host = await bootAt({ timeScale: 40 });
      const { time, clock } = await untilStatus(host, "three failures", (s) => s.clock.failures >= 3, 120000);
      assert.equal(time, null);
      assert.match(clock.last_error!, reason);
      const gaps = server.requests.slice(1).map((at, i) => at - server.requests[i]!);
      assert.ok(gaps.length >= 2 && gaps[0]! > 10000 && gaps[1]! > gaps[0]! * 1.4, `${gaps}`);
      server.manner = "good";
      await untilStatus(host, "time", (s) => s.time !== null && s.clock.last_error === null, 120000);
    });
  }

  it("leaves a server in peace that wants to be left alone", async () => {
    server.manner = "kiss";
    const host = await bootAt({ timeScale: 200 });
    await host.until("a request", () => server.requests.length > 0, 60000);
    await host.wait(1200000);
    assert.equal(server.requests.length, 1);
    assert.match((await status(host)).clock.last_error!, /refuses/);
  });

  it("is not taken from an answer that comes too late, nor from before this version", async () => {
    server.manner = "late";
    server.lateMs = 8000;
    const host = await bootAt();
    await untilStatus(host, "a failure", (s) => s.clock.failures >= 1, 30000);
    await host.wait(6000);
    assert.equal((await status(host)).time, null);
    server.manner = "good";
    server.now = () => 1000000000;
    await untilStatus(host, "the next failure", (s) => /before this version/.test(s.clock.last_error ?? ""), 60000);
    assert.equal((await status(host)).time, null);
  });

  it("is not there when the server's name has no address", async () => {
    const host = await bootAt({ settings: { time: { server: "no-such-name.invalid" } } });
    host.network.dns = "fails";
    const { clock } = await untilStatus(host, "a failure", (s) => s.clock.failures > 0, 40000);
    assert.match(clock.last_error!, /no address for no-such-name/);
  });

  it("counts from a change of the setting on, without a restart", async () => {
    const host = await boot({ mqtt: "none" });
    await running(host);
    const body = JSON.stringify({ time: { server: `127.0.0.1:${server.port}` } });
    assert.equal(
      (await host.request("/api/config", { method: "PUT", headers: { "X-Setup-Token": host.token() }, body })).status,
      200,
    );
    await untilStatus(host, "time", ({ time }) => time !== null, 20000);
  });

  const JUMPS: [string, number][] = [
    ["an hour ahead", 3600],
    ["an hour back", -3600],
    ["20 years ahead", 20 * 365.25 * 86400],
    ["20 years and back", -20 * 365.25 * 86400],
  ];
  for (const [name, jump] of JUMPS) {
    it(`a jump of the clock leaves timers and ages as they are: ${name}`, async () => {
      if (jump < -86400) server.now = () => T - jump;
      const host = await bootAt(),
        device = host.device();
      await untilStatus(host, "time", ({ time }) => time !== null, 20000);
      await running(host);
      const from = host.clock.now(),
        { uptime_ms: uptime } = await status(host);
      server.now = () => (jump < -86400 ? T : T + jump);
      const body = JSON.stringify({ time: { sync_hours: 7 } });
      await host.request("/api/config", { method: "PUT", headers: { "X-Setup-Token": host.token() }, body });
      await untilStatus(host, "the new time", ({ clock }) => clock.syncs === 2, 20000);
      await host.wait(10000);
      const after = await status(host),
        end = host.clock.now(),
        frames = sent(host, from, LIMITS).map(({ at }) => at);
      const gaps = frames.slice(1).map((at, i) => at - frames[i]!);
      assert.ok(
        Math.max(...gaps) < 1500 && frames.length <= ((end - from) / 1000) * 1.5 + 2,
        `${frames.length} frames in ${end - from} ms, ${gaps}`,
      );
      assert.equal(after.live_data.phase, "normal");
      assert.ok(after.live_data.age_ms! < 3000, `${after.live_data.age_ms}`);
      assert.ok(
        Math.abs(after.uptime_ms - uptime - (end - from)) < 1000,
        `${after.uptime_ms - uptime} ms in ${end - from}`,
      );
      const clock = (device.global.getTime as () => number)();
      const isLate = server.now() > 2145916800; // then the interpreter's 32-bit clock stays in 1970
      assert.ok(isLate ? clock < 1000 : Math.abs(clock - server.now()) < 60, `${clock}`);
      assert.ok(Math.abs(Date.parse(after.time!) / 1000 - server.now()) < 60, after.time!);
      assert.ok(
        after.tasks.every(({ longest_ms: longest }) => longest < 5000),
        JSON.stringify(after.tasks),
      );
    });
  }

  /** The newest energy of the day on rt/energy. */
  const today = (host: Host): Record<string, unknown> | null => {
    const messages = host.broker!.messages.filter(({ topic }) => topic.endsWith("/rt/energy/charge/daily"));
    return messages.length ? (JSON.parse(messages.at(-1)!.payload) as Record<string, unknown>) : null;
  };

  it("begins a day of energy at local midnight, and another one when the zone changes", async () => {
    server.now = () => Date.UTC(2027, 6, 14, 21, 59, 0) / 1000 + now(host); // summer in Paris: midnight at 22:00
    const zone = "CET-1CEST,M3.5.0,M10.5.0/3",
      host = await boot({ scenario: "charge", settings: { time: { server: `127.0.0.1:${server.port}`, zone } } });
    server.clock = host.clock;
    const first = await host.until("a day", () => today(host), 50000);
    assert.deepEqual([first["date"], first["quality"]], ["2027-07-14", "estimated"]);
    assert.ok(host.topic.endsWith("/" + String(first["device_id"])), String(first["device_id"]));
    assert.match(String(first["time"]), /^2027-07-14T21:59:..\.\d{3}Z$/);
    const next = await host.until("the next day", () => today(host)!["date"] === "2027-07-15" && today(host), 100000);
    assert.equal(next["quality"], "ok", "seen from its begin");
    assert.match(String(next["time"]), /^2027-07-14T22:0/);
    const body = JSON.stringify({ time: { zone: "<+14>-14" } });
    await host.request("/api/config", { method: "PUT", headers: { "X-Setup-Token": host.token() }, body });
    await host.wait(70000);
    assert.equal(today(host)!["date"], "2027-07-15", "there the day is the same");
  });

  it("is that of the machine under `npm start`, without the internet", async () => {
    const host = await boot({ mqtt: "none", ownTime: true }),
      { time } = await untilStatus(host, "time", (s) => s.time !== null, 20000);
    assert.ok(Math.abs(Date.parse(time!) - Date.now()) < 60000 * 10, time!);
  });
});
