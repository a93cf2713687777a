// A question beside the polls is answered by the reply that came to it, and by nothing that was on the line before.
import assert from "node:assert/strict";
import { readBlock } from "../../firmware/bms/requests.cold";
import { wordBytes } from "../fixtures/bytes";
import { uartRig } from "./uart-rig";

const FIRST = 36,
  COUNT = 17,
  SENSOR = 42;

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
    const talk = {
      exchange: { request, head: "", length: 0, crc: 0, every: 0, due: 0 },
      ...{ settings: null, more: [], outcome: "", payload: "", error: 0, until: Infinity, owner: { at: 1 } },
    };
    rig.uart.talk = talk;
    rig.run(2000);
    assert.equal(talk.outcome, "ok");
    const at = 2 * (SENSOR - FIRST);
    assert.equal(talk.payload.length, 2 * COUNT);
    assert.equal(talk.payload.slice(at, at + 2), wordBytes([321]));
  });
});
