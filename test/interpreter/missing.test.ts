// What only says so because nothing ever came, in a real Espruino for Linux: a TinyBMS that never answered; and a
// change that would silence CAN, which is refused there as in node.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import type { Status } from "../system/rig";
import { interpreterBench } from "./bench";

const WORDS = /no answer from the TinyBMS \(\d+ requests\): check RX and TX, the isolator, 115200 baud$/;

describe("what is missing, in an Espruino for Linux", function () {
  const bench = interpreterBench();
  const status = async (): Promise<Status> => (await bench.status()) as unknown as Status;

  it("a TinyBMS that never answered: alarms, words, nothing on CAN; then it answers", async () => {
    const system = await bench.start({ bmsFaults: ["silence"] });
    await until("the line on the console", 40000, () => system.console.lines.some((line) => WORDS.test(line)));
    await bench.untilStatus("the alarms", 40000, (now) => {
      const { alarms, uart } = now as unknown as Status;
      return alarms.filter(({ id }) => id === 41 || id === 60).length === 2 && WORDS.test(uart.warning ?? "");
    });
    assert.equal(system.frames().length, 0);
    const said = system.broker!.messages.filter(({ topic }) => topic.endsWith("rt/alarms/m"));
    assert.ok(!said.some(({ payload }) => payload.includes('"ok"')), said.map(({ payload }) => payload).join());
    system.simulator.faults.clear();
    await bench.untilStatus("normal", 60000, ({ live_data }) => live_data.phase === "normal");
    await sleep(3000);
    const { alarms, uart, can } = await status();
    assert.deepEqual([alarms.filter(({ id }) => id === 41 || id === 60), uart.warning, can.silent], [[], null, null]);

    const token = system.console.lines.join("\n").match(/setup token: (\S+)/)![1]!;
    const put = async (query: string, body: string): Promise<{ status: number; text: string }> =>
      system.http("/api/config" + query, { method: "PUT", headers: { "X-Setup-Token": token }, body });
    const before = (await system.http("/api/config")).text,
      framesBefore = system.frames().length;
    for (const query of ["", "?dry=true"]) {
      const refused = await put(query, '{"battery":{"chemistry":"nmc"}}');
      assert.equal(refused.status, 409, refused.text);
      assert.match(refused.text, /rule Chemistry .+ nothing is sent on CAN; say confirm: true/);
    }
    assert.equal((await put("?dry=maybe", '{"can/limits":{"cclMax":20}}')).status, 400);
    const twice = await put("", '{"can/limits":{"cclMax":10},"can/limits":{"dclMax":20}}');
    assert.equal(twice.status, 400);
    assert.match(twice.text, /has the name can\/limits twice/);
    assert.match((await put("?dry=true", '{"can/limits":{"cclMax":20}}')).text, /largest charge current: \d+ to 20 A/);
    for (const cmd of ["log.nothing", "bms.nothing", "toString", "run"]) {
      const headers = { "X-Setup-Token": token },
        answer = await system.http("/api/command", { method: "POST", headers, body: JSON.stringify({ cmd }) });
      assert.match(answer.text, /"ok":false.*UnknownCmd/, `${cmd}: ${answer.text}`);
    }
    assert.equal((await system.http("/api/config")).text, before, "nothing changed");
    await sleep(2500);
    assert.ok(system.frames().length > framesBefore + 10, "and CAN goes on");
    assert.deepEqual(bench.errors(), []);
  });
});
