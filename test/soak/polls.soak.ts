// Ten thousand polls on the interpreter: nothing may grow. `npm run soak`; a short form runs with the interpreter tests.
import assert from "node:assert/strict";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep } from "../../tools/rig/wait";
import { builtImage } from "../fixtures/image";

const POLLS = 10000;

describe("the image over many polls", () => {
  let system: System;
  after(async () => { await system?.stop(); });

  it("does not grow", async function () {
    if (!findInterpreter()) {
      console.log(NO_INTERPRETER);
      return this.skip();
    }
    system = await startSystem({ image: (await builtImage("host")).code, settings: { uart: { poll_ms: 20 } } });
    await sleep(10000);
    const before = await system.memory(true), polls = async (): Promise<number> => JSON.parse((await system.http("/api/status")).text).uart.seq;
    const from = await polls();
    for (let done = 0; done < POLLS; done = (await polls()) - from) {
      console.log(`${done} polls, ${(await system.memory()).steady} JsVars`);
      await sleep(30000);
    }
    const after = await system.memory();
    assert.ok(after.steady <= before.steady + 25, `${before.steady} JsVars, after ${POLLS} polls ${after.steady}`);
  });
});
