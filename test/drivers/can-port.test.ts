// One suite over both CAN drivers, each on the register-level model of its controller.
import assert from "node:assert/strict";
import { controllers } from "./can-rig";
import { DATA, LIMITS, scenarios, turn } from "./can-scenarios";

for (const controller of controllers) {
  describe("CAN driver: " + controller.name, () => {
    for (const scenario of scenarios) it(scenario.name, () => scenario.run(controller.make()));

    for (const rate of controller.rates) {
      it(rate + " kbit/s: sends, hears, leaves no complaint", () => {
        const rig = controller.make(rate * 1000);
        assert.ok(rig.start({ rate }));
        turn(rig);
        rig.bus.inject({ id: 0x307, data: [1] });
        rig.pass(10000);
        assert.deepEqual(turn(rig).ids, [0x307]);
        assert.deepEqual([rig.port.tx, rig.sent[0].frame.data, rig.complaints()], [1, DATA, []]);
      });
    }

    it("takes exactly 0x305 and 0x307 of all 2048 identifiers", () => {
      const rig = controller.make(),
        ids: number[] = [];
      assert.ok(rig.start());
      for (let id = 0; id < 2048; id++) {
        rig.bus.inject({ id, data: [1, 2, 3, 4, 5, 6, 7, 8] });
        rig.pass(300);
        if (id % 4 === 3) ids.push(...turn(rig, 0, 10).ids);
      }
      assert.deepEqual([ids, rig.port.errors, rig.complaints()], [[0x305, 0x307], 0, []]);
    });

    it("costs at most three accesses a turn while nothing happens", () => {
      const rig = controller.make();
      assert.ok(rig.start());
      rig.tend();
      const first = rig.cost();
      assert.equal(rig.receive(), 0);
      assert.ok(first + rig.cost() <= 3, first + " + " + rig.cost());
    });

    it("turns its back on a flood: each receive gives one frame or none", () => {
      const rig = controller.make();
      assert.ok(rig.start());
      for (let i = 0; i < 200; i++) {
        for (let k = 0; k < 10 && i % 10; k++) rig.bus.inject({ id: 0x305, data: [1, 2, 3, 4, 5, 6, 7, 8] });
        turn(rig, i % 10 ? 0 : LIMITS, 5000);
        assert.ok(rig.cost() < 400, rig.cost() + " accesses in one call");
      }
      assert.ok(rig.port.errors > 50 && rig.port.busOff === 0);
      assert.ok(rig.port.tx >= 15, rig.port.tx + " frames sent");
      assert.deepEqual(rig.complaints(), []);
    });
  });
}
