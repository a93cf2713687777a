// What a release does by itself, in the interpreter: an access point after the image was evaluated, and names that only
// the gateway knows.
import assert from "node:assert/strict";
import { until } from "../../tools/rig/wait";
import { interpreterBench } from "./bench";

describe("the image in an Espruino for Linux, among what a release does by itself", function () {
  const bench = interpreterBench();

  it("never opens an access point, and finds its broker by name", async () => {
    const system = await bench.start({ settings: { mqtt: { host: "localhost" }, wifi: { ssid: "home" } } });
    await until("the first turn", 10000, () => system.console.lines.some((line) => line.startsWith("access point")));
    assert.ok(system.console.lines.includes("access point: off"));
    const { espruino } = await bench.untilStatus("connected", 40000, ({ mqtt }) => mqtt.connected);
    assert.match(espruino.version, /^2v\d+/);
    assert.equal(espruino.warning, null);
    assert.deepEqual(bench.errors(), []);
  });
});
