// A battery, a GX and settings that are all well: minutes later nothing says otherwise. What a person sees of a healthy
// default run.
import assert from "node:assert/strict";
import { imageText, type Status } from "./rig";
import { startVirtual } from "../../tools/host/virtual";

const SECONDS = 300;

describe("system: a healthy default run", () => {
  before(imageText);

  for (const seed of [1, 2])
    it(`shows no error, no broken rule and no alarm after ${SECONDS} s; seed ${seed}`, async () => {
      const rig = startVirtual({ image: await imageText(), seed });
      rig.clock.run(SECONDS * 1000);
      const asked = rig.get("/api/status");
      rig.clock.run(5000);
      const status = JSON.parse(asked.text.slice(asked.text.indexOf("\r\n\r\n"))) as Status;
      assert.equal(status.live_data.phase, "normal");
      assert.ok(status.can.tx > 8 * SECONDS && status.can.rx > 1.9 * SECONDS, JSON.stringify(status.can));
      assert.deepEqual(
        [status.can.errors, status.can.bus_off, status.limits.broken_rules, status.alarms],
        [0, 0, [], []],
      );
      assert.deepEqual([status.uart.crc, status.uart.timeouts, status.uart.noise_bytes], [0, 0, 0]);
      assert.deepEqual(
        rig.console.filter((line) => /^(warn|error|fault)/.test(line)),
        [],
      );
    });
});
