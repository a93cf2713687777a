// Many polls in a row on the interpreter: nothing may grow. The long form is test/soak/polls.soak.ts.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { interpreterBench } from "./bench";

const POLLS = 500;
/** What is done once a minute (the look at memory, rates, the first texts) was done by then. */
const SETTLED_MS = 75000;
/** Of the lines that the log keeps; they grow to 1,000 characters. */
const CHARACTERS_A_JSVAR = 10;

describe("the image over many polls", function () {
  const bench = interpreterBench();

  it(`does not grow over ${POLLS} polls`, async () => {
    const system = await bench.start({ settings: { uart: { poll_ms: 20 } } });
    await bench.untilStatus("normal", 40000, ({ live_data }) => live_data.phase === "normal");
    await sleep(SETTLED_MS);
    const kept = async (): Promise<string> => (await system.http("/api/log")).text;
    const first = await kept(),
      before = await system.memory(true),
      polls = async (): Promise<number> => (await bench.status()).uart.seq,
      end = (await polls()) + POLLS;
    for (let missing = POLLS; missing > 0; missing = end - (await polls())) {
      const asked = system.requests.length; // the UART task of the releases makes ten polls a second
      await until(`${missing} requests`, 240000, () => system.requests.length >= asked + missing);
    }
    const after = await system.memory();
    const log = await kept(),
      lines = Math.max(0, log.length - first.length) / CHARACTERS_A_JSVAR;
    assert.ok(
      after.steady <= before.steady + 25 + lines,
      `${before.steady} JsVars, after ${POLLS} polls ${after.steady}; the log was ${first}, now ${log}`,
    );
    assert.deepEqual(bench.errors(), []);
  });
});
