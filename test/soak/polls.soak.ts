// Ten thousand polls on the interpreter: nothing may grow. `npm run soak`; POLLS in the environment changes it; a short
// form runs with the interpreter tests.
import assert from "node:assert/strict";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { builtImage } from "../fixtures/image";
import { leastMemory } from "./memory";

const POLLS = Number(process.env.POLLS ?? 10000);
/**
 * JsVars that may come and go; those of counters, of which each takes one more beyond 8191 (tried on 2v29); looks in
 * all, and how long a look may wait for its polls (Linux hands over serial bytes slowly), ms.
 */
const ROOM = 25,
  COUNTERS = 10,
  LOOKS = 20,
  SETTLED_MS = 10000,
  LOOK_MS = 600000;

describe("the image over many polls, in an Espruino for Linux", () => {
  let system: System;
  before(function () {
    if (findInterpreter()) return;
    console.log(`    ${NO_INTERPRETER}`);
    this.skip();
  });
  after(async () => {
    await system?.stop();
  });

  /** Accepted polls since the start; 0 while nobody answers. */
  const polls = async (): Promise<number> =>
    (
      JSON.parse(
        await system.http("/api/status").then(
          ({ text }) => text,
          () => '{"uart":{"seq":0}}',
        ),
      ) as { uart: { seq: number } }
    ).uart.seq;

  it(`does not grow over ${POLLS}`, async () => {
    const { code: image } = await builtImage("host");
    system = await startSystem({ image, scenario: "idle", settings: { uart: { poll_ms: 20 } } });
    await until("polls", 30000, async () => (await polls()) > 0);
    await sleep(SETTLED_MS);
    const from = await polls(),
      used = [await leastMemory(system)];
    for (let look = 1; look <= LOOKS; look++) {
      await until("polls", LOOK_MS, async () => {
        await sleep(500);
        return (await polls()) >= from + (POLLS * look) / LOOKS;
      });
      used.push(await leastMemory(system));
      console.log(`    ${(await polls()) - from} polls, ${used.at(-1)} JsVars`);
    }
    const half = LOOKS / 2,
      early = Math.min(...used.slice(0, half)),
      late = Math.min(...used.slice(half));
    assert.ok(late <= early + COUNTERS && used.at(-1)! <= used[0]! + ROOM, `grows: ${used.join(" ")}`);
    assert.deepEqual(system.errors(), []);
  });
});
