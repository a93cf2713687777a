// A TinyBMS that never answered since the start, or not everything: alarms by age, words in the log and the status,
// nothing on CAN, and no "ok" that nobody has seen. The commonest fault of a first day.
import assert from "node:assert/strict";
import { imageText, type Status } from "./rig";
import { startVirtual, type VirtualRig } from "./virtual";

const WORDS = /^no answer from the TinyBMS \((\d+) requests\): check RX and TX, the isolator, 115200 baud$/;
const NEVER = [41, 60];

interface Rig extends VirtualRig {
  heard: [topic: string, payload: string][];
}

function statusOf(rig: VirtualRig): Status {
  const asked = rig.get("/api/status");
  rig.clock.run(2000);
  return JSON.parse(asked.text.slice(asked.text.indexOf("\r\n\r\n"))) as Status;
}
const idsOf = ({ alarms }: Status): number[] => alarms.map(({ id }) => id).filter((id) => NEVER.includes(id));
/** What was published on a suffix, oldest first. */
const told = ({ heard }: Rig, suffix: string): Record<string, unknown>[] =>
  heard
    .filter(([topic, payload]) => topic.endsWith("/" + suffix) && payload !== "")
    .map(([, payload]) => JSON.parse(payload) as Record<string, unknown>);
const warnings = (rig: VirtualRig): string[] => rig.console.filter((line) => line.startsWith("warn: "));

describe("system: a TinyBMS that never answered", () => {
  before(imageText);

  const start = async (...faults: string[]): Promise<Rig> => {
    const heard: Rig["heard"] = [],
      rig = startVirtual({ image: await imageText(), seed: 5, settings: { mqtt: { battery_json: "gx/battery" } } });
    for (const fault of faults) rig.simulator.faults.set(fault);
    rig.broker.listeners.push((topic, payload) => heard.push([topic, payload]));
    return Object.assign(rig, { heard });
  };

  it("raises 41 at 5 s and 60 at 15 s, says what to check, and keeps CAN silent", async () => {
    const rig = await start("silence");
    rig.clock.run(3000);
    assert.deepEqual(idsOf(statusOf(rig)), []);
    rig.clock.run(2000);
    const late = statusOf(rig);
    assert.deepEqual([idsOf(late), late.uart.warning, late.can.silent], [[41], null, "waiting for the TinyBMS"]);
    rig.clock.run(14999 - rig.clock.now());
    assert.equal(warnings(rig).length, 1, "on the console within 15 s");
    assert.match(warnings(rig)[0]!.slice("warn: ".length), WORDS);
    rig.clock.run(2000);
    const missing = statusOf(rig);
    assert.deepEqual([idsOf(missing), missing.live_data.phase], [[41, 60], "boot"]);
    assert.match(missing.uart.warning!, WORDS);
    assert.ok(+WORDS.exec(missing.uart.warning!)![1]! > 20);
    assert.equal(missing.can.silent, missing.uart.warning);
    rig.clock.run(280000);
    assert.deepEqual(idsOf(statusOf(rig)), [41, 60], "as long as it lasts");
    assert.deepEqual([rig.can.sent.length, told(rig, "rt/state").length > 0], [0, true]);
    assert.ok(
      told(rig, "log").some(({ msg }) => WORDS.test(String(msg))),
      "on the topic log",
    );
    const summaries = told(rig, "rt/alarms/m").map(({ message }) => message);
    assert.ok(!summaries.includes("ok"), summaries.join());
    assert.equal(summaries.at(-1), "bms offline");
    assert.equal(told(rig, "rt/gx/Alarms/BmsCable").at(-1)!.value, 2);
    assert.ok(!rig.heard.some(([topic]) => topic === "gx/battery"));

    rig.simulator.faults.clear();
    rig.clock.run(30000);
    const well = statusOf(rig);
    assert.deepEqual(
      [well.live_data.phase, well.alarms, well.uart.warning, well.can.silent],
      ["normal", [], null, null],
    );
    assert.equal(told(rig, "rt/alarms/m").at(-1)!.message, "ok");
    assert.ok(rig.can.sent.length > 100);
  });

  it("a reader that comes later is told too, and a summary of nothing is not ok", async () => {
    const rig = await start("silence");
    rig.broker.switch(false);
    rig.clock.run(60000);
    rig.broker.switch(true);
    rig.clock.run(90000);
    assert.ok(told(rig, "log").some(({ msg }) => WORDS.test(String(msg))));
    assert.ok(told(rig, "rt/alarms/m").every(({ message, level }) => message !== "ok" && level !== 0));
  });

  it("noise is no answer, and is told", async () => {
    const rig = await start("flood");
    rig.clock.run(16000);
    const { uart, alarms } = statusOf(rig);
    assert.match(
      String(uart.warning),
      /^no answer from the TinyBMS \(\d+ requests, \d+ bytes that are no answer\): check /,
    );
    assert.deepEqual(
      alarms.map(({ id }) => id).filter((id) => NEVER.includes(id)),
      NEVER,
    );
  });
});
