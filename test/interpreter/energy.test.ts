// The energy counters over a power cut, in the interpreter: what is in its flash file when it is killed is what it
// starts with again, and no counter that was told steps back. The story of test/system/energy.test.ts.
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { readFiles } from "../../tools/rig/flash";
import { findInterpreter, stopProcess, temporaryDirectory } from "../../tools/rig/interpreter";
import type { System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { countersTold, ENERGY } from "../fixtures/energy";
import { timeBench } from "./bench";

const T = 1800000000;
/** Files of the counters, and of what they were when the day began. */
const FILES = ["energy.a", "energy.b", "energy.day", "energy.day2"];
/** 0.05 kWh, from which on there is something to keep, is less than half a minute of these. A, kWh */
const LOAD_A = -180,
  CHARGE_A = 140,
  WORTH = 0.05;

describe("energy over a power cut, in the interpreter", function () {
  const { start, errors } = timeBench(T);

  const told = ({ broker, frames }: System): Record<string, number> =>
    countersTold(
      broker!.messages.map(({ topic, payload }) => [topic, payload]),
      frames(ENERGY).at(-1)?.data,
    );
  const begin = (files?: Record<string, string>): Promise<System> =>
    start({ ...{ scenario: "idle", timeScale: 5 }, settings: { mqtt: { victron: true } }, files });
  const flow = ({ simulator }: System, current_A: number): void =>
    void (simulator.battery.trouble = { cells_V: 3.35, current_A, charger: current_A > 0, soc_pct: 70 });

  /** The power fails: what the flash has of the counters. */
  async function kill(system: System): Promise<Record<string, string>> {
    const copy = temporaryDirectory();
    try {
      await stopProcess(system.child, "SIGKILL");
      cpSync(join(system.directory, "espruino.flash"), join(copy.path, "espruino.flash"));
      await system.stop();
      return (await readFiles({ interpreter: findInterpreter()! }, copy.path, FILES)) as Record<string, string>;
    } finally {
      copy.remove();
    }
  }

  it("never steps back, and goes on counting", async () => {
    const system = await begin();
    flow(system, LOAD_A);
    await until("discharged energy", 90000, () => told(system)["rt/state eout"]! >= WORTH);
    flow(system, CHARGE_A);
    await until("charged energy", 90000, () => told(system)["rt/state ein"]! >= WORTH);
    await sleep(12000);
    const before = told(system);
    assert.deepEqual(errors(), []);
    const files = await kill(system);
    assert.ok(files["energy.a"], Object.keys(files).join());

    const again = await begin(files);
    flow(again, CHARGE_A);
    const isBack = (): boolean => Object.keys(before).every((name) => name in told(again));
    const look = (): boolean => {
      for (const [name, value] of Object.entries(told(again)))
        assert.ok(!(value < before[name]!), `${name} from ${before[name]} to ${value}`);
      return isBack() && told(again)["rt/state ein"]! > before["rt/state ein"]!;
    };
    await until("all counters, and more energy", 120000, look);
    for (const name of [
      "rt/state eout",
      "rt/energy/charge/daily",
      "rt/energy/discharge/monthly",
      "0x378 charged_energy",
    ])
      assert.ok(name in before, Object.keys(before).join(" "));
    assert.ok(Object.keys(before).some((name) => name.startsWith("rt/gx/History")));
    assert.deepEqual(errors(), []);
  });
});
