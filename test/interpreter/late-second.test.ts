// The work of each second fails in the interpreter: the frames of a lost battery, made by parts that are evaluated from
// flash; and back.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { breakableImage } from "../fixtures/image";
import { interpreterBench } from "./bench";

/** What CAN says of a lost battery, by identifier, and what it does not say then. */
const LOST = { 0x351: "100200000000d001", 0x35a: "0000400000004000", 0x372: "0000010001000100" },
  MEASURED = 0x356,
  WELL = "0100000000000000";

describe("a second that fails, in the interpreter", function () {
  const bench = interpreterBench();

  it("is the frames of a lost battery after 3 s, and over when it works again", async () => {
    const system = await bench.start({ image: await breakableImage(), scenario: "idle", broker: "none" }),
      newest = (id: number): string => Buffer.from(system.frames(id).at(-1)?.data ?? []).toString("hex");
    await until("modules", 60000, () => newest(0x372) === WELL);
    system.tell('global.broken="alarmsStep"');
    await sleep(5500);
    const from = system.frames(MEASURED).length;
    await sleep(2000);
    for (const [id, hex] of Object.entries(LOST)) assert.equal(newest(Number(id)), hex, id);
    assert.equal(system.frames(MEASURED).length, from);
    system.tell('global.broken=""');
    await until("modules", 10000, () => newest(0x372) === WELL);
    await until("measurements", 5000, () => system.frames(MEASURED).length > from);
  });
});
