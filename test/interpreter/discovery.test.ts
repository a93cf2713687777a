// Home Assistant's discovery on the interpreter: the whole of it in little memory.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { lintDiscovery } from "../fixtures/home-assistant";

/** JsVars that the image has, the interpreter's own not among them: with fewer at the peak it would run out of memory. */
const ROOM = 2800;

describe("discovery in an Espruino for Linux", function () {
  this.timeout(120000);
  this.retries(2); // Espruino for Linux loses characters of its serial ports now and then, and a loaded machine is late
  let system: System | undefined;
  afterEach(async () => { await system?.stop(); });

  it(`is whole, and fits ${ROOM} JsVars with all that runs beside it`, async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    const { code: image } = await buildImage({ board: "host" });
    system = await startSystem({ image, room: ROOM, settings: { ha: { enabled: true } } });
    const told = (name: string) => system!.broker!.messages.find(({ topic }) => topic === `homeassistant/device/tinybms_a1b2c3_${name}/config`);
    await until("both payloads", 60000, () => told("bms") && told("gateway"));
    for (const name of ["bms", "gateway"]) {
      const { topic, payload } = told(name)!;
      assert.deepEqual(lintDiscovery(topic.replace("homeassistant/", ""), JSON.parse(payload) as Record<string, unknown>), []);
    }
    const sentAt = Date.now(), frames = system.frames(0x351).length;
    await sleep(3000);
    assert.ok(system.frames(0x351).length > frames, `no limits ${Date.now() - sentAt} ms long`);
    assert.deepEqual((await system.errorFlags()).filter((flag) => flag.startsWith("MEMORY")), []);
    assert.deepEqual(system.errors(), []);
  });
});
