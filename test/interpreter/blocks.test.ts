// The image in the interpreter, whose cold parts are evaluated from flash: fresh data counts while the cells are
// missing.
import assert from "node:assert/strict";
import type { System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { logEvent, publishLog } from "../../tools/simulator/events";
import { setValue } from "../../tools/simulator/words";
import { decodeFrame } from "../../tools/can/decode";
import { interpreterBench } from "./bench";

const LIMITS = 0x351;
/** A block read, and the first register of the cells. */
const READ = 0x07,
  CELLS = 0;

/** The newest 0x351 as CVL/CCL/DCL; "" before the first. */
function limitsOf(system: System): string {
  const frame = system.frames(LIMITS).at(-1);
  const fields = frame ? decodeFrame(LIMITS, frame.data)!.fields : [];
  return fields
    .slice(0, 3)
    .map(({ rowValue }) => rowValue)
    .join("/");
}

describe("the charge path in the interpreter", function () {
  const bench = interpreterBench(),
    { start, untilStatus, errors } = bench;

  /** A battery at rest, until its limits are on the bus; afterwards no cell is answered, and these words are said. */
  async function rested(): Promise<System> {
    const system = await start({ scenario: "idle", broker: "none" });
    system.simulator.battery.trouble = { cells_V: 3.35, current_A: 0, charger: true, soc_pct: 70 };
    await until("limits", 60000, () => limitsOf(system) === "55.2/135/180");
    return system;
  }
  function say({ simulator }: System, words: Record<string, number>): void {
    const { receive, battery } = simulator;
    simulator.receive = (bytes) => {
      for (const [key, value] of Object.entries(words)) setValue(battery.words, key, value);
      if (bytes[1] !== READ || bytes[3] !== CELLS) receive(bytes);
    };
  }

  function log({ simulator: { battery } }: System, event: number): void {
    logEvent(battery.events, event, battery.lifetime_s);
    publishLog(battery.events, battery.words);
  }

  const cases: [what: string, words: Record<string, number>, limits: RegExp, event?: number][] = [
    ["register 41 says 3640 mV", { max_cell_voltage: 3640 }, /^52\.8\/0\//],
    ["register 40 says 2790 mV", { min_cell_voltage: 2790 }, /\/0$/],
    ["status 0x9B alone", { online_status: 0x9b }, /^5[23]\.\d\/0\/0$/],
    ["sensors at -5 degC", { external_temp_1: -5, external_temp_2: -5 }, /^53\.\d\/0\/(90|67\.5)$/],
    ["status 0x9B with event 0x03", { online_status: 0x9b }, /^52\.8\/0\//, 0x03],
    ["event 0x37 alone", {}, /^5[23]\.\d\/0\/[1-9]/, 0x37],
  ];
  for (const [what, words, limits, event] of cases)
    it(`the cells are not answered: ${what} blocks, before DEGRADED and in it`, async () => {
      const system = await rested();
      say(system, words);
      if (event) log(system, event);
      await until(what, 20000, () => limits.test(limitsOf(system)));
      await untilStatus("degraded", 20000, ({ live_data }) => live_data.phase === "degraded");
      await sleep(2500);
      assert.match(limitsOf(system), limits, what);
      assert.deepEqual(errors(), []);
    });
});
