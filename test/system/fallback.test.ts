// A TinyBMS that does not answer 0x07 as it should: the gateway reads by 0x03 instead, whose words come turned round,
// and says so.
import assert from "node:assert/strict";
import { publishedRows } from "../../tools/bake/names";
import { groupRows } from "../../tools/bake/topics";
import type { Host } from "../../tools/host/run";
import type { FaultName } from "../../tools/simulator/faults";
import { getValue } from "../../tools/simulator/words";
import { boot, CELLS, closeHosts, imageText, LIMITS, MEASURED, running, sent, status } from "./rig";

interface RegisterMessage {
  key: string;
  value: number;
  raw?: number;
  words?: [number, number];
}

const BY_0X07 = 7,
  BY_0X03 = 3;

/** Messages of the registers since `from`, the newest of each. */
function registersSince(host: Host, from: number): RegisterMessage[] {
  const messages = host.broker!.messages.filter(
    ({ topic, at }) => at >= from && topic.startsWith(`${host.topic}/rt/reg/`),
  );
  return [...new Map(messages.map(({ topic, payload }) => [topic, JSON.parse(payload) as RegisterMessage])).values()];
}

/** What the raw words of a message say, in the unit of its value; null for a row that has none. */
function meant({ key, raw, words }: RegisterMessage): number | null {
  const row = [...publishedRows, ...groupRows].find((one) => (one.topic ?? one.key) === key)!;
  if (raw === undefined) return null;
  if (row.type !== "f32") return raw / (row.per ?? 1);
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, words![0] + words![1] * 65536);
  return view.getFloat32(0);
}

async function fallsBack(fault: FaultName): Promise<void> {
  const host = await boot({ timeScale: 4 });
  await running(host);
  assert.equal((await status(host)).uart.read_command, BY_0X07);
  host.simulator.setDemand({ current_A: 40 });
  host.simulator.faults.set(fault);
  const from = host.clock.now();
  while ((await status(host)).uart.read_command !== BY_0X03) {
    assert.ok(host.clock.now() - from < 12000, `still by 0x07: ${JSON.stringify((await status(host)).uart)}`);
    await host.wait(500);
  }
  const fellAt = host.clock.now();
  await host.wait(4000);
  const { live_data: live, uart, alarms } = await status(host),
    { battery } = host.simulator,
    now = host.clock.now();
  assert.deepEqual([live.phase, uart.slowed, uart.read_command], ["normal", false, BY_0X03]);
  assert.ok(uart.nacks + uart.foreign >= 3, JSON.stringify(uart));
  assert.deepEqual(alarms, []);
  assert.ok(Math.abs((live.current as number) - getValue(battery.words, "pack_current")!) < 1, `${live.current} A`);
  const messages = registersSince(host, fellAt),
    keys = messages.map(({ key }) => key);
  for (const key of ["battery_pack_voltage", "battery_pack_current", "min_cell_voltage", "cell_16_voltage"])
    assert.ok(keys.includes(key), keys.join(" "));
  const wrong = messages.filter(
    (message) => meant(message) !== null && Math.abs(meant(message)! - message.value) > 0.01,
  );
  assert.deepEqual(wrong, [], "value and raw words say the same");
  const [limits, measured, cells] = [LIMITS, MEASURED, CELLS].map((id) => sent(host, now - 1500, id).at(-1)!.values);
  assert.deepEqual([limits.charge_voltage_limit, limits.discharge_current_limit], [55.2, 180]);
  assert.ok(Math.abs((measured.pack_current as number) - 40) < 2, `${measured.pack_current} A on CAN`);
  assert.ok(
    Math.abs((measured.pack_voltage as number) - getValue(battery.words, "pack_voltage")!) < 0.2,
    `${measured.pack_voltage} V on CAN`,
  );
  assert.ok(
    (cells.min_cell_voltage as number) > 3000 && (cells.max_cell_voltage as number) < 3600,
    JSON.stringify(cells),
  );
}

describe("system: a unit without 0x07", () => {
  before(imageText);
  afterEach(closeHosts);

  it("that refuses it is read by 0x03", () => fallsBack("no-0x07"));
  it("that answers it in packets is read by 0x03", () => fallsBack("multi-packet"));
});
