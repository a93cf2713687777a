// What only the MCP2515's driver must do (the rest is can-port.test.ts): a chip that is not there, or loses its supply,
// and its set-up.
import assert from "node:assert/strict";
import { mcp2515Rig } from "./can-rig";
import { turn } from "./can-scenarios";

type Rig = ReturnType<typeof mcp2515Rig>;

const started = (crystal = 16): Rig => {
  const rig = mcp2515Rig(crystal);
  assert.ok(rig.start());
  return rig;
};

/** Turns until a frame has left; how many. */
function turnsToSend(rig: Rig, most: number): number {
  const before = rig.port.tx;
  let turns = 0;
  for (; turns < most && rig.port.tx === before; turns++) turn(rig, 0x351, 50000);
  return turns;
}

describe("MCP2515 driver: set-up", () => {
  it("an 8 MHz crystal cannot do 1 Mbit/s: refused before anything is written", () => {
    const rig = mcp2515Rig(8);
    assert.equal(rig.start({ rate: 1000 }), false);
    assert.deepEqual([rig.calls[0].accesses, turn(rig).isSent], [[], false]);
  });

  it("another crystal than the board says: no frame gets through, and nothing hangs", () => {
    const rig = mcp2515Rig(8, 500000, 16);
    assert.ok(rig.start());
    for (let i = 0; i < 50; i++) turn(rig);
    assert.deepEqual([rig.port.tx, rig.complaints()], [0, []]);
    assert.ok(rig.port.errors > 0);
  });

  it("the port is set up once, in mode 0 at 4 MHz, and the chip select is high before", () => {
    const rig = started();
    rig.model.brownOut();
    assert.ok(turnsToSend(rig, 60) < 40);
    const made = rig.calls.flatMap(({ accesses }) => accesses),
      setups = made.filter(([kind]) => kind === "setup");
    assert.deepEqual(setups, [["setup", "SPI2", { sck: 18, miso: 19, mosi: 23, baud: 4000000, mode: 0 }, null]]);
    assert.deepEqual(
      made.slice(0, 2).map(([kind, where, written]) => [kind, where, written]),
      [
        ["level", 5, 1],
        ["mode", 5, "output"],
      ],
    );
  });

  const writes = started().calls[0].accesses.filter(
    ([kind, , bytes]) => kind === "spi" && [2, 0xc0].includes((bytes as number[])[0]),
  );
  writes.forEach(([, , bytes], n) => {
    // A chip that was just powered is in this state already: no flags, and the second buffer takes by its filters.
    if (n === 0 || String(bytes) === "2,112,0") return;
    it("is found out when it leaves out " + String(bytes), () => {
      const rig = mcp2515Rig(16),
        port = (globalThis as unknown as { SPI2: Rig["model"]["spi"] }).SPI2,
        { send } = port;
      port.send = (data, cs) =>
        typeof data !== "number" && Array.from(data).join() === String(bytes)
          ? new Uint8Array(data.length)
          : send(data, cs);
      let works = rig.start();
      for (const id of [0x305, 0x306, 0x307]) rig.bus.inject({ id, data: [1] });
      rig.pass(10000);
      const { ids } = turn(rig);
      rig.tend();
      works = works && ids.join() === "773,775" && rig.port.tx === 1 && rig.complaints().length === 0;
      assert.equal(works, false);
    });
  });
});

describe("MCP2515 driver: a chip that does not answer", () => {
  for (const level of [0, 0xff]) {
    it("not there at boot, the data line reads " + level + ": looked for again, and used when it is there", () => {
      const rig = mcp2515Rig(16);
      rig.model.unplug(level);
      assert.equal(rig.start(), false);
      for (let i = 0; i < 100; i++) assert.equal(turn(rig, 0x351, 100000).isSent, false);
      assert.deepEqual([rig.port.tx, rig.port.rx, rig.port.ackAt], [0, 0, 0]);
      rig.model.unplug(null);
      rig.model.brownOut();
      assert.ok(turnsToSend(rig, 400) < 250, "within 10 s");
      assert.deepEqual(rig.complaints(), []);
    });

    it("unplugged later, the data line reads " + level + ": nothing counts as sent or heard, and it comes back", () => {
      const rig = started();
      turn(rig);
      rig.tend();
      assert.equal(rig.port.tx, 1);
      rig.model.unplug(level);
      for (let i = 0; i < 100; i++) turn(rig, 0x351, 50000);
      assert.deepEqual([rig.port.tx, rig.port.rx], [1, 0]);
      assert.ok(rig.port.errors > 0);
      rig.model.unplug(null);
      rig.model.brownOut();
      assert.ok(turnsToSend(rig, 400) < 250);
      assert.equal(rig.selfTest(), true);
      rig.model.unplug(level);
      assert.equal(rig.selfTest(), false);
    });
  }

  it("a chip that lost its supply for a moment is set up anew", () => {
    const rig = started(8);
    turn(rig);
    rig.model.brownOut();
    const errors = rig.port.errors;
    assert.ok(turnsToSend(rig, 60) < 40);
    assert.deepEqual([rig.port.errors > errors, rig.port.busOff], [true, 0]);
    rig.bus.inject({ id: 0x307, data: [1] });
    rig.pass(10000);
    assert.deepEqual([turn(rig).ids, rig.complaints()], [[0x307], []]);
  });

  it("bus-off is seen while the chip is in it too", () => {
    const rig = started();
    rig.bus.partner = "noEcho";
    for (let i = 0; i < 31; i++) turn(rig);
    rig.tend();
    rig.send(0x351, [1]);
    rig.pass(100);
    rig.tend();
    assert.deepEqual([rig.port.busOff, rig.health().state], [1, "bus_off"]);
  });

  it("two frames between two looks are both heard: the second buffer takes over", () => {
    const rig = started();
    for (const data of [[1], [2]]) rig.bus.inject({ id: 0x305, data });
    rig.pass(10000);
    assert.deepEqual([turn(rig).ids, rig.port.errors], [[0x305, 0x305], 0]);
  });
});
