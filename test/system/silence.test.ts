// The battery falls silent or talks rubbish: degraded, lost, silent by age, and the way back without a restart.
import assert from "node:assert/strict";
import type { Host } from "../../tools/host/run";
import { getValue } from "../../tools/simulator/words";
import {
  ALARMS,
  boot,
  CELLS,
  CHARGE,
  closeHosts,
  EACH_SECOND,
  hex,
  imageText,
  LIMITS,
  MEASURED,
  running,
  sent,
  status,
  untilStatus,
} from "./rig";

const CVL_FLOOR = 52.8,
  HALF_CCL = 67.5,
  HALF_DCL = 90,
  NEVER_UNKNOWN = ["age_ms", "phase", "seq"];

/** Values of the newest own frame of an identifier. */
function newest(host: Host, id: number): Record<string, number | string> {
  return sent(host, 0, id).at(-1)!.values;
}

/** A new session at a known beginning: the battery runs, MQTT is up. */
async function settled(): Promise<Host> {
  const host = await boot({ timeScale: 15 });
  await running(host);
  await host.until(
    "the battery on MQTT",
    () => host.broker!.retained.get(`${host.topic}/rt/bms`)?.payload === "online",
    10000,
  );
  return host;
}

describe("system: a silent battery", () => {
  before(imageText);
  afterEach(closeHosts);

  it("is degraded after 5 s, lost after 15 s, silent after 75 s, and comes back by itself", async () => {
    const host = await settled();
    host.simulator.faults.set("silence");
    const from = host.clock.now();

    const degraded = await untilStatus(host, "degraded", ({ live_data }) => live_data.phase === "degraded", 8000);
    assert.ok(host.clock.now() - from >= 4000, "not before the data is old");
    assert.notEqual(degraded.live_data.voltage, null);
    assert.ok(degraded.limits.ccl! <= HALF_CCL && degraded.limits.dcl! <= HALF_DCL, JSON.stringify(degraded.limits));
    assert.equal(degraded.limits.reason, "degraded");
    await host.wait(1500);
    assert.ok((newest(host, LIMITS).charge_current_limit as number) <= HALF_CCL);
    assert.equal(hex(sent(host, 0, ALARMS).at(-1)!), "A8AA8A02A8AA4202", "a BMS internal warning");
    // one that loses the bus to the GX's own frame is not sent again: it may be missing now and then
    const seen = host.clock.now() - 1500;
    for (const id of EACH_SECOND)
      await host.until(`0x${id.toString(16)} while degraded`, () => sent(host, seen, id).length > 0, 4000);

    const lost = await untilStatus(host, "lost", ({ live_data }) => live_data.phase === "lost", 14000);
    for (const [name, value] of Object.entries(lost.live_data)) {
      if (name === "cells_mv")
        assert.ok(
          (value as unknown as unknown[]).every((mv) => mv === null),
          name,
        );
      else if (!NEVER_UNKNOWN.includes(name)) assert.equal(value, null, name);
    }
    assert.deepEqual(
      [lost.limits.cvl, lost.limits.ccl, lost.limits.dcl, lost.limits.reason],
      [CVL_FLOOR, 0, 0, "lost"],
    );
    assert.deepEqual(
      lost.alarms.map(({ id }) => id),
      [63, 41, 60],
    );
    assert.ok(lost.live_data.age_ms! > 15000);
    const lostAt = host.clock.now();
    await host.wait(20000);
    assert.ok((await status(host)).live_data.age_ms! > lost.live_data.age_ms! + 15000, "the age still counts");
    for (const id of [CHARGE, MEASURED, CELLS])
      assert.equal(sent(host, lostAt, id).length, 0, `0x${id.toString(16)} while lost`);
    const { charge_voltage_limit: cvl, charge_current_limit: ccl, discharge_current_limit: dcl } = newest(host, LIMITS);
    assert.deepEqual([cvl, ccl, dcl], [CVL_FLOOR, 0, 0]);
    assert.ok(sent(host, lostAt, LIMITS).length >= 15, "0x351 goes on");
    assert.deepEqual([...new Set(sent(host, lostAt, ALARMS).map(hex))], ["0000400000004000"]);
    assert.equal(host.broker!.retained.get(`${host.topic}/rt/bms`)!.payload, "offline");

    const silent = await untilStatus(host, "silent", ({ live_data }) => live_data.phase === "silent", 60000);
    assert.ok(host.clock.now() - from > 70000, "not before 75 s");
    assert.deepEqual(
      [silent.limits.cvl, silent.limits.ccl, silent.limits.dcl, silent.limits.reason],
      [null, null, null, "silent"],
    );
    const silentAt = host.clock.now();
    await host.wait(12000);
    assert.equal(sent(host, silentAt + 100).length, 0, "not one frame");

    host.simulator.faults.clear();
    const backAt = host.clock.now(),
      seq = (await status(host)).live_data.seq;
    await running(host);
    await host.until("limits", () => sent(host, backAt, LIMITS).length > 0, 10000);
    const [first] = sent(host, backAt);
    assert.equal(first.id, LIMITS);
    assert.ok(
      (first.values.charge_current_limit as number) < 10 && (first.values.discharge_current_limit as number) < 10,
      first.text,
    );
    assert.ok((first.values.charge_voltage_limit as number) < CVL_FLOOR + 0.2, first.text);
    const back = await status(host);
    assert.equal(back.live_data.phase, "normal");
    assert.ok(back.live_data.seq >= seq + 3, "three good snapshots came first");
    await host.wait(15000);
    const ramp = sent(host, backAt, LIMITS).map(({ values }) => values.charge_current_limit as number);
    assert.deepEqual(
      ramp,
      ramp.toSorted((a, b) => a - b),
      "rises only",
    );
    assert.ok(ramp.at(-1)! > 20 && ramp.at(-1)! < 100, `2 % of the largest a second, not at once: ${ramp.join(" ")}`);
    assert.equal((await status(host)).limits.reason, "recovering");
    assert.equal(host.broker!.retained.get(`${host.topic}/rt/bms`)!.payload, "online");
  });

  it("recovers from degraded by three answers, the currents from where they were", async () => {
    const host = await settled();
    host.simulator.faults.set("silence", { for_ms: 9000 });
    await untilStatus(host, "degraded", ({ live_data }) => live_data.phase === "degraded", 9000);
    const { limits } = await untilStatus(host, "normal", ({ live_data }) => live_data.phase === "normal", 9000);
    assert.ok(limits.ccl! > 0 && limits.ccl! <= HALF_CCL + 5, `no jump back: ${limits.ccl}`);
  });

  it("rides through a minute when it is told to: half the currents, no values, then lost", async () => {
    const host = await boot({ timeScale: 15, settings: { can: { ride_through_min: 1 } } });
    await running(host);
    await host.wait(3000);
    host.simulator.faults.set("silence");
    const from = host.clock.now();
    await host.wait(30000);
    const { live_data: live, limits } = await status(host);
    assert.deepEqual([live.phase, live.voltage, limits.reason], ["degraded", null, "degraded"]);
    const frame = sent(host, host.clock.now() - 3000, LIMITS).at(-1)!.values;
    assert.ok(
      (frame.charge_current_limit as number) > 0 && (frame.charge_current_limit as number) <= HALF_CCL,
      JSON.stringify(frame),
    );
    assert.equal(sent(host, host.clock.now() - 5000, MEASURED).length, 0, "what is not known is not said");
    await untilStatus(host, "lost", ({ live_data }) => live_data.phase === "lost", 45000);
    assert.ok(host.clock.now() - from > 55000, "not before a minute");
    await host.wait(2000);
    assert.deepEqual([newest(host, LIMITS).charge_current_limit, newest(host, LIMITS).discharge_current_limit], [0, 0]);
  });

  it("believes no byte of a minute of noise, and goes on after it", async () => {
    const host = await settled(),
      { battery, faults } = host.simulator;
    host.simulator.setDemand({ current_A: 0 }); // so that a value of some seconds ago is still right
    await host.wait(5000);
    const agrees = (voltage: unknown): void =>
      assert.ok(Math.abs(Number(voltage) - getValue(battery.words, "pack_voltage")!) < 0.3, `${String(voltage)} V`);
    const before = await status(host),
      linesBefore = host.console.length;
    agrees(before.live_data.voltage);
    faults.set("flood");
    const from = host.clock.now();
    while (host.clock.now() - from < 60000) {
      const {
        live_data: { voltage, soc_percent },
      } = await status(host);
      if (voltage !== null) agrees(voltage);
      if (soc_percent !== null)
        assert.ok(Math.abs(Number(soc_percent) - Number(before.live_data.soc_percent)) < 1, `${soc_percent} %`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const noisy = await status(host);
    assert.equal(noisy.live_data.phase, "lost");
    assert.ok(noisy.uart.noise_bytes > before.uart.noise_bytes + 10000, `${noisy.uart.noise_bytes} bytes of noise`);
    // Noise may begin as a reply does and then fail its CRC: whether that was over 5 % of a minute is up to the noise.
    const lines = host.console.slice(linesBefore).map(({ line }) => line);
    assert.deepEqual(
      lines.filter((line) => !/^warn: uart: \d+ of \d+ replies were bad in the last minute$/.test(line)),
      ["warn: bms degraded", "warn: bms lost"],
    );
    assert.equal(
      noisy.tasks.reduce((sum, { faults: thrown }) => sum + thrown, 0),
      0,
    );
    faults.clear();
    const after = await untilStatus(host, "normal", ({ live_data }) => live_data.phase === "normal", 15000);
    agrees(after.live_data.voltage);
    assert.ok(after.uptime_ms > noisy.uptime_ms, "the same boot");
  });
});
