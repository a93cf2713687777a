// Home Assistant's discovery on the interpreter: the whole of it in little memory.
import assert from "node:assert/strict";
import { until } from "../../tools/rig/wait";
import { lintDiscovery } from "../fixtures/home-assistant";
import { interpreterBench } from "./bench";

/**
 * JsVars that the image has, the interpreter's own not among them: with fewer at the peak it would run out of memory.
 */
const ROOM = 3900;

describe("discovery in an Espruino for Linux", function () {
  const bench = interpreterBench();

  it(`is whole, and fits ${ROOM} JsVars with all that runs beside it`, async () => {
    const system = await bench.start({
      room: ROOM,
      settings: { "ha": { enabled: true }, "mqtt": { commands: "all" }, "can/limits": { dclMax: 0 } },
    });
    const told = (name: string) =>
      system.broker!.messages.find(({ topic }) => topic === `homeassistant/device/tinybms_a1b2c3_${name}/config`);
    await until("both payloads", 60000, () => told("bms") && told("gateway"));
    for (const name of ["bms", "gateway"]) {
      const { topic, payload } = told(name)!;
      assert.deepEqual(
        lintDiscovery(topic.replace("homeassistant/", ""), JSON.parse(payload) as Record<string, unknown>),
        [],
      );
    }
    const frames = system.frames(0x351).length;
    await until("limits afterwards", 10000, () => system.frames(0x351).length >= frames + 3);
    assert.deepEqual(
      (await system.errorFlags()).filter((flag) => flag.startsWith("MEMORY")),
      [],
    );
    assert.deepEqual(bench.errors(), []);
  });
});
