// One sample, one truth: CAN, MQTT and HTTP say the same of the same poll, and what they say is the battery's.
import assert from "node:assert/strict";
import { publishedRows } from "../../tools/bake/names";
import type { Host } from "../../tools/host/run";
import { boot, CELLS, CHARGE, closeHosts, imageText, LIMITS, MEASURED, running, sent, status } from "./rig";
import type { Status } from "./rig";

/** Each register is sent once a minute even when nothing changed; a loaded machine misses some samples, ms. */
const REGISTERS_MS = 180000;

interface RegisterMessage {
  key: string;
  value: number | null;
  seq: number;
  quality: string;
}

/**
 * The same value, one shown with so many decimals and the other with at least as many, itself rounded to a thousandth
 * at worst.
 */
function same(fine: unknown, coarse: unknown, digits: number, what: string): void {
  assert.ok(
    Math.abs(Number(fine) - Number(coarse)) <= 0.5 * 10 ** -digits + 0.00051,
    `${what}: ${String(fine)} and ${String(coarse)}`,
  );
}

/** The newest JSON below a topic. */
function message(host: Host, suffix: string): Record<string, unknown> | null {
  const found = host.broker!.messages.findLast(({ topic }) => topic === `${host.topic}/${suffix}`);
  return found ? (JSON.parse(found.payload) as Record<string, unknown>) : null;
}

/** All messages of registers until now. */
function registers(host: Host): RegisterMessage[] {
  return host
    .broker!.messages.filter(({ topic }) => topic.startsWith(`${host.topic}/rt/reg/`))
    .map(({ payload }) => JSON.parse(payload) as RegisterMessage);
}

interface Moment {
  http: Status;
  state: Record<string, unknown>;
  can: Record<string, number | string>;
}

/** The battery answers no more, so that its last sample stays for some seconds: what all three say of it. */
async function oneMoment(host: Host): Promise<Moment> {
  await host.wait(3000);
  host.simulator.faults.set("silence");
  await host.wait(800);
  const from = host.clock.now(),
    { seq } = (await status(host)).live_data;
  await host.until(
    "a cycle of CAN",
    () => [LIMITS, CHARGE, MEASURED, CELLS].every((id) => sent(host, from, id).length > 0),
    2500,
  );
  await host.until("rt/state", () => message(host, "rt/state")?.seq === seq, 1500);
  const http = await status(host);
  assert.deepEqual([http.live_data.seq, http.live_data.phase], [seq, "normal"]);
  const values = [LIMITS, CHARGE, MEASURED, CELLS].map((id) => sent(host, from, id)[0].values);
  host.simulator.faults.clear();
  return { http, state: message(host, "rt/state")!, can: Object.assign({}, ...values) as Moment["can"] };
}

describe("system: one sample on three ways", () => {
  before(imageText);
  afterEach(closeHosts);

  for (const scenario of ["default", "cold-morning"]) {
    it(`says the same on CAN, MQTT and HTTP (${scenario})`, async () => {
      const host = await boot({ scenario, timeScale: 4 });
      await running(host);
      const {
        http: { live_data: live, limits },
        state,
        can,
      } = await oneMoment(host);
      same(live.voltage, can.pack_voltage, 2, "voltage");
      same(live.current, can.pack_current, 1, "current");
      same(live.temperature, can.battery_temperature, 1, "temperature");
      same(live.soc_percent, can.state_of_charge, 2, "SoC");
      assert.deepEqual([live.min_cell_mv, live.max_cell_mv], [can.min_cell_voltage, can.max_cell_voltage]);
      assert.deepEqual(
        [limits.cvl, limits.ccl, limits.dcl],
        [can.charge_voltage_limit, can.charge_current_limit, can.discharge_current_limit],
      );
      assert.deepEqual(
        [state.cvl, state.ccl, state.dcl, state.lim],
        [limits.cvl, limits.ccl, limits.dcl, limits.reason],
      );
      assert.deepEqual(
        [state.cmin, state.cmax, state.cd, state.ph],
        [live.min_cell_mv, live.max_cell_mv, live.cell_imbalance_mv, live.phase],
      );
      assert.equal(state.p, live.pack_power_w);
      same(live.voltage, state.v, 2, "voltage");
      same(live.current, state.i, 2, "current");
      same(live.soc_percent, state.soc, 1, "SoC");
    });
  }

  it("says the same in a register's message of the same sample", async () => {
    const host = await boot({ timeScale: 4 });
    await running(host);
    const names: [string, keyof Status["live_data"], number][] = [
      ["battery_pack_voltage", "voltage", 2],
      ["battery_pack_current", "current", 2],
      ["state_of_charge", "soc_percent", 1],
      ["min_cell_voltage", "min_cell_mv", 0],
      ["max_cell_voltage", "max_cell_mv", 0],
    ];
    const samples = new Map<number, Status["live_data"]>(),
      compared = new Set<string>(),
      end = host.clock.now() + REGISTERS_MS;
    while (compared.size < 2 && host.clock.now() < end) {
      const { live_data: live } = await status(host);
      samples.set(live.seq, live);
      for (const [key, member, digits] of names) {
        for (const { value, seq } of registers(host).filter((register) => register.key === key)) {
          const sample = samples.get(seq);
          if (!sample) continue;
          same(value, sample[member], digits, `${key} of sample ${seq}`);
          compared.add(key);
        }
      }
      await host.wait(100);
    }
    assert.ok(compared.size >= 2, `compared: ${[...compared].join(" ")}`);
  });

  it("publishes every value of the table under its frozen name", async () => {
    const host = await boot();
    await running(host);
    const wanted = publishedRows
      .filter((row) => row.poll !== "settings")
      .map((row) => `${host.topic}/rt/reg/${row.topic ?? row.key}`);
    const seen = (): Set<string> => new Set(host.broker!.messages.map(({ topic }) => topic));
    await host.until("every topic", () => wanted.every((topic) => seen().has(topic)), 20000).catch(() => undefined);
    assert.deepEqual(
      wanted.filter((topic) => !seen().has(topic)),
      [],
    );
  });
});
