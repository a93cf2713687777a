// A question beside the polls is answered by the reply that came to it, and by nothing that was on the line before.
import assert from "node:assert/strict";
import type { Talk } from "../../firmware/bms/talk";
import { readBlock } from "../../firmware/bms/requests.cold";
import { wordBytes } from "../fixtures/bytes";
import { uartRig } from "./uart-rig";

const FIRST = 36,
  COUNT = 17,
  SENSOR = 42;

const questionOf = (request: string): Talk => ({
  exchange: { request, head: "", length: 0, crc: 0, every: 0, due: 0 },
  ...{ settings: null, more: [], outcome: "", payload: "", error: 0, until: Infinity, owner: { at: 1 } },
});

describe("a question beside the polls", () => {
  it("that reads what the last poll read is answered anew", () => {
    const rig = uartRig(),
      request = readBlock(7, FIRST, COUNT),
      { words } = rig.simulator.battery;
    rig.run(5000);
    let isAsked = false;
    rig.onAsk = (asked) => {
      isAsked = asked === request && rig.uart.poller.pending === talk.exchange;
      words[SENSOR] = isAsked ? 321 : 123;
    };
    const talk = questionOf(request);
    rig.uart.talk = talk;
    rig.run(2000);
    assert.equal(talk.outcome, "ok");
    const at = 2 * (SENSOR - FIRST);
    assert.equal(talk.payload.length, 2 * COUNT);
    assert.equal(talk.payload.slice(at, at + 2), wordBytes([321]));
  });

  it("that is not answered is asked once more and given up", () => {
    const rig = uartRig(),
      request = readBlock(7, 300, 2),
      talk = questionOf(request);
    rig.run(5000);
    rig.uart.talk = talk;
    rig.onAsk = (asked) => {
      rig.simulator.faults.clear();
      if (asked === request) rig.simulator.faults.set("silence");
    };
    rig.run(3000);
    assert.equal(talk.outcome, "timeout");
    assert.equal(rig.asked.filter((one) => one.request === request).length, 2);
    assert.ok(rig.snapshot.fastAt > rig.clock.now() - 1000, "the polls go on");
  });
});
