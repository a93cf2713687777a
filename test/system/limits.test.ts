// Why the limits are what they are, as a user sees it: reasons, targets, rules that do not hold, and what changed, on
// HTTP and MQTT.
import assert from "node:assert/strict";
import type { Host } from "../../tools/host/run";
import { setValue } from "../../tools/simulator/words";
import { boot, closeHosts, imageText, running, status, untilStatus } from "./rig";

type Json = Record<string, unknown>;

function limitsOn(host: Host): Json {
  return JSON.parse(
    host.broker!.messages.findLast(({ topic }) => topic === `${host.topic}/rt/limits`)!.payload,
  ) as Json;
}

describe("system: why the limits are what they are", () => {
  before(imageText);
  afterEach(closeHosts);

  it("a reason and a target of each limit, a rule of the settings that is broken, and the changes", async () => {
    const host = await boot();
    await running(host);
    await host.wait(12000); // the number of cells that the BMS has found is known too
    const { limits, alarms } = await status(host);
    assert.deepEqual(
      [limits.state, limits.cvl_reason, limits.ccl_reason, limits.dcl_reason],
      ["BULK", "fresh", "bms_max", "user"],
    );
    assert.deepEqual([limits.cvl_code, limits.ccl_code, limits.dcl_code], [1, 3, 2]);
    assert.deepEqual([limits.cvl_target, limits.ccl_target, limits.dcl_target], [55.2, 135, 180]);
    assert.deepEqual(limits.broken_rules, []);
    assert.deepEqual(
      limits.notes.map(({ code, severity }) => [code, severity]),
      [["ColdShift", 0]],
      "only told",
    );
    assert.deepEqual(alarms, []);
    assert.deepEqual(limits.history.at(-1), [0, "fresh", "bms_max", "user"]);

    setValue(host.simulator.battery.words, "option_flags", 0);
    const broken = await untilStatus(
      host,
      "a broken rule",
      ({ limits: { reason, broken_rules: rules } }) => reason === "config" && rules.length > 0,
      75000,
    );
    assert.deepEqual(broken.limits.broken_rules, [
      {
        code: "Restart",
        severity: 1,
        rule: "register 329 bit 2 set and register 321 <= rebulk_soc",
        effect: "charge current at most 20 %",
      },
    ]);
    assert.deepEqual(
      [broken.limits.ccl, broken.limits.ccl_target, broken.limits.ccl_reason, broken.limits.reason],
      [27, 27, "config", "config"],
    );
    assert.deepEqual(broken.limits.history.at(-1)!.slice(1), ["fresh", "config", "user"]);
    await untilStatus(
      host,
      "the alarms",
      (now) => now.alarms.some(({ id, severity }) => id === 51 && severity === 1),
      3000,
    );
    await host.until("MQTT", () => limitsOn(host)["ccl_reason"] === "config", 12000);
    const told = limitsOn(host);
    assert.deepEqual(
      [told["broken_rules"], told["ccl_code"], told["ccl_target"], told["cvl_reason"], told["state"]],
      [["Restart"], 14, 27, "fresh", "BULK"],
    );
  });
});
