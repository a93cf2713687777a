// The MCP2515 model against the data sheet's rules: what is right is silent and works, each slip is told.
import assert from "node:assert/strict";
import fc from "fast-check";
import { createMcp2515, type Mcp2515 } from "../../tools/can/mcp2515-model";
import type { Partner } from "../../tools/can/wire";

const CS = 5,
  SETUP = { sck: 18, miso: 19, mosi: 23, baud: 4000000, mode: 0 };
const FILTER = [0x60, 0xa0, 0, 0],
  MASK = [0xff, 0xe0, 0, 0];
const KEEPALIVE = { id: 0x305, data: [1, 2, 3, 4, 5, 6, 7, 8] };

const send = (m: Mcp2515, ...bytes: number[]): number[] => Array.from(m.spi.send(bytes, CS) as Uint8Array);
const read = (m: Mcp2515, addr: number): number => send(m, 3, addr, 0)[2];
const complaints = (m: Mcp2515): string[] => [...m.violations, ...m.warnings].map(({ note }) => note);

/** The set-up as named steps, so that a test can leave one out. */
const steps: [string, (m: Mcp2515) => void][] = [
  ["port", (m) => m.spi.setup(SETUP)],
  ["reset", (m) => send(m, 0xc0)],
  ["timing", (m) => send(m, 2, 0x28, 3, 0xac, 0x40)],
  ["first filters", (m) => send(m, 2, 0, ...FILTER, ...FILTER, ...FILTER)],
  ["second filters", (m) => send(m, 2, 0x10, ...FILTER, ...FILTER, ...FILTER)],
  ["masks", (m) => send(m, 2, 0x20, ...MASK, ...MASK)],
  ["first buffer", (m) => send(m, 2, 0x60, 4)],
  ["normal", (m) => send(m, 2, 0x0f, 0)],
];

function init(without: string[] = [], options = {}): Mcp2515 {
  const model = createMcp2515(options);
  steps.filter(([name]) => !without.includes(name)).forEach(([, run]) => run(model));
  model.advance(1000);
  return model;
}

function transmit(m: Mcp2515, id: number, data: number[]): void {
  send(m, 0x40, id >> 3, (id & 7) << 5, 0, 0, data.length, ...data);
  send(m, 0x81);
}

describe("MCP2515 model: what is right", () => {
  it("wakes up in configuration mode with CANCTRL 0x87", () => {
    const model = createMcp2515();
    model.spi.setup(SETUP);
    assert.deepEqual(send(model, 3, 0x0e, 0, 0).slice(2), [0x80, 0x87]);
    assert.deepEqual(complaints(model), []);
  });

  it("sends, flags it, and hears what the filters take", () => {
    const model = init();
    transmit(model, 0x351, [1, 2, 3]);
    assert.equal(send(model, 0xa0, 0)[1], 4, "waiting");
    model.advance(1000);
    assert.equal(send(model, 0xa0, 0)[1], 8, "sent");
    assert.deepEqual(
      model.sent.map(({ frame }) => [frame.id, frame.data]),
      [[0x351, [1, 2, 3]]],
    );
    [0x304, 0x305, 0x307].forEach((id) => model.bus.inject({ id, data: [id & 255] }));
    model.advance(2000);
    assert.equal(send(model, 0xb0, 0)[1], 0x40, "first buffer, standard data frame, filter 0");
    const frame = send(model, 0x90, 0, 0, 0, 0, 0, 0);
    assert.deepEqual([frame[1], frame[2] & 0xe8, frame[5] & 15, frame[6]], [0x60, 0xa0, 1, 5]);
    assert.equal(send(model, 0xa0, 0)[1] & 3, 0, "reading has cleared the flag");
    assert.deepEqual(complaints(model), []);
  });

  it("every bit rate is the rate it says", () => {
    for (const [crystal, rate, ...cnf] of [
      [16, 500, 3, 0xac, 0],
      [16, 250, 3, 0xac, 0x41],
      [16, 125, 3, 0xac, 0x43],
      [16, 1000, 1, 0x91, 0],
      [8, 500, 1, 0x91, 0],
      [8, 250, 3, 0xac, 0x40],
      [8, 125, 3, 0xac, 0x41],
    ]) {
      const model = init(["timing", "normal"], { crystal, bitrate: rate * 1000 });
      send(model, 2, 0x28, ...cnf);
      send(model, 2, 0x0f, 0);
      model.advance(1000);
      transmit(model, 0x351, [1]);
      model.advance(2000);
      assert.deepEqual([model.sent.length, complaints(model)], [1, []], crystal + " MHz, " + rate + " kbit/s");
    }
  });

  it("extended and remote frames keep their identifiers and bytes", () => {
    const model = init(["first buffer", "normal"]);
    send(model, 2, 0x60, 0x64);
    send(model, 2, 0x0f, 0x40);
    send(model, 0x40, 0x12, 0x6a, 0x34, 0x56, 2, 7, 8);
    send(model, 0x81);
    model.advance(1000);
    const frame = send(model, 0x90, ...Array<number>(7).fill(0));
    assert.deepEqual(
      [frame[1], frame[2] & 0xeb, frame[3], frame[4], frame[5] & 0x4f, frame[6], frame[7]],
      [0x12, 0x6a, 0x34, 0x56, 2, 7, 8],
    );
    send(model, 0x40, 0x60, 0xa0, 0, 0, 0x43);
    send(model, 0x81);
    model.advance(1000);
    assert.equal(send(model, 0xb0, 0)[1] & 0x18, 8, "a remote frame");
    assert.equal(send(model, 0x90, 0, 0)[2] & 0x18, 0x10);
    assert.deepEqual(complaints(model), []);
  });

  it("two full buffers overflow, the roll-over fills the second", () => {
    for (const rollsOver of [true, false]) {
      const model = init(["first buffer", "normal"]);
      send(model, 2, 0x60, rollsOver ? 4 : 0);
      send(model, 2, 0x0f, 0);
      for (let i = 0; i < 3; i++) model.bus.inject(KEEPALIVE);
      model.advance(2000);
      assert.deepEqual([read(model, 0x2c) & 3, read(model, 0x2d)], rollsOver ? [3, 0x80] : [1, 0x40]);
      send(model, 5, 0x2d, 0xc0, 0);
      assert.equal(read(model, 0x2d), 0);
      assert.deepEqual(complaints(model), []);
    }
  });

  it("one-shot: an attempt without acknowledgement, and one that lost the bus, are over", () => {
    const model = init();
    send(model, 2, 0x0f, 8);
    model.bus.partner = "none";
    transmit(model, 0x351, [1]);
    model.advance(5000);
    assert.deepEqual([read(model, 0x30), read(model, 0x1c)], [0x10, 8]);
    model.bus.partner = "ack";
    model.fault.arbitrationLoss(3, KEEPALIVE);
    transmit(model, 0x351, [1]);
    model.advance(5000);
    assert.deepEqual([read(model, 0x30), model.sent.length, read(model, 0x2c) & 1], [0x20, 0, 1]);
  });

  it("without one-shot it repeats: 128 and no further without acknowledgement, sent when somebody is there", () => {
    const model = init();
    model.bus.partner = "none";
    transmit(model, 0x351, [1]);
    model.advance(100000);
    assert.deepEqual([read(model, 0x1c), read(model, 0x2d) & 0x3f, model.sent.length], [128, 0x15, 0]);
    model.bus.partner = "ack";
    model.advance(1000);
    assert.equal(model.sent.length, 1);
  });

  it("bus-off after 32 bit errors, and back by itself after 128 x 11 recessive bits", () => {
    const model = init();
    model.bus.partner = "noEcho";
    transmit(model, 0x351, [1]);
    for (let i = 0; i < 100 && !model.state.busOff; i++) model.advance(50);
    assert.equal(read(model, 0x2d) & 0x20, 0x20);
    model.bus.partner = "ack";
    model.advance(1408 * 2 + 500);
    assert.deepEqual([read(model, 0x2d) & 0x3f, read(model, 0x1c), read(model, 0x1d)], [0, 0, 0]);
  });

  it("an abort drops a frame that waits, and says so", () => {
    const model = init();
    model.bus.partner = "stuckDominant";
    model.advance(100);
    transmit(model, 0x351, [1]);
    model.advance(1000);
    send(model, 5, 0x30, 8, 0);
    assert.equal(read(model, 0x30), 0x40);
    model.bus.partner = "ack";
    model.advance(10000);
    assert.deepEqual([model.sent.length, complaints(model)], [0, []]);
  });

  it("the mode changes only when no frame waits any more", () => {
    const model = init();
    model.bus.partner = "none";
    transmit(model, 0x351, [1]);
    send(model, 5, 0x0f, 0xe0, 0x80);
    assert.equal(read(model, 0x0e) & 0xe0, 0);
    model.bus.partner = "ack";
    model.advance(1000);
    assert.equal(read(model, 0x0e) & 0xe0, 0x80);
  });

  it("the chip select may be driven by hand", () => {
    const model = init();
    model.digitalWrite(CS, 0);
    model.spi.send([3, 0x2c]);
    assert.deepEqual(Array.from(model.spi.send([0, 0]) as Uint8Array), [0, 0]);
    model.digitalWrite(CS, 1);
    assert.deepEqual(complaints(model), []);
  });
});

describe("MCP2515 model: a step left out", () => {
  for (const name of ["port", "timing", "first filters", "second filters", "masks", "normal"])
    it("complains without: " + name, () => {
      const model = init([name]);
      transmit(model, 0x351, [1]);
      assert.notDeepEqual(complaints(model), []);
    });
});

describe("MCP2515 model: what the chip would not forgive", () => {
  const cases: [string, (m: Mcp2515) => void, RegExp][] = [
    ["timing outside configuration mode", (m) => send(m, 2, 0x2a, 1), /0x2A written outside configuration/],
    ["a filter outside configuration mode", (m) => send(m, 2, 0x08, 1), /0x08 written outside configuration/],
    ["a mask outside configuration mode", (m) => send(m, 2, 0x24, 1), /0x24 written outside configuration/],
    ["a filter read outside configuration mode", (m) => read(m, 0), /read outside configuration/],
    ["no chip select", (m) => m.spi.send([3, 0x0e, 0]), /no chip select/],
    ["another chip select", (m) => m.spi.send([3, 0x0e, 0], 4), /chip select on pin 4/],
    ["unknown instruction", (m) => send(m, 0x07, 0), /unknown instruction/],
    ["a request for no buffer", (m) => send(m, 0x80), /unknown instruction/],
    ["a read without its data", (m) => send(m, 3, 0x0e), /of 2 bytes/],
    ["a write without its data", (m) => send(m, 2, 0x2b), /of 2 bytes/],
    ["half a bit modify", (m) => send(m, 5, 0x2c, 1), /of 3 bytes/],
    ["a reset with something behind it", (m) => send(m, 0xc0, 0), /of 2 bytes/],
    ["bit modify of a register that does not know it", (m) => send(m, 5, 0x31, 1, 1), /bit modify/],
    ["CANSTAT written", (m) => send(m, 2, 0x0e, 0), /read-only/],
    ["error counter written", (m) => send(m, 2, 0x1c, 0), /read-only/],
    ["receive buffer written", (m) => send(m, 2, 0x61, 0), /receive buffer 0x61 written/],
    ["reserved receive mode", (m) => send(m, 2, 0x60, 0x20), /reserved/],
    ["mode that does not exist", (m) => send(m, 2, 0x0f, 0xa0), /does not exist/],
    [
      "transmit buffer written while it waits",
      (m) => {
        m.bus.partner = "none";
        transmit(m, 1, []);
        send(m, 2, 0x36, 1);
      },
      /written while it waits/,
    ],
    [
      "transmit buffer loaded while it waits",
      (m) => {
        m.bus.partner = "none";
        transmit(m, 1, []);
        send(m, 0x41, 1);
      },
      /written while it waits/,
    ],
    [
      "requested twice",
      (m) => {
        m.bus.partner = "none";
        transmit(m, 1, []);
        send(m, 0x81);
      },
      /waiting already/,
    ],
    ["loaded beyond its end", (m) => send(m, 0x41, ...Array<number>(9).fill(0)), /beyond its end/],
    ["requested by a register write", (m) => send(m, 2, 0x30, 8), /register write/],
    [
      "requested while it listens only",
      (m) => {
        send(m, 2, 0x0f, 0x60);
        m.advance(100);
        send(m, 0x81);
      },
      /sends nothing/,
    ],
    ["an empty receive buffer read", (m) => send(m, 0x90, 0, 0), /holds no frame/],
    [
      "a frame cut by a reset",
      (m) => {
        transmit(m, 1, [1]);
        m.advance(20);
        send(m, 0xc0);
      },
      /cut/,
    ],
    [
      "SPI mode 1",
      (m) => {
        m.state.spi!.mode = 1;
        read(m, 0x0e);
      },
      /mode 1/,
    ],
    [
      "too fast",
      (m) => {
        m.state.spi!.baud = 12e6;
        read(m, 0x0e);
      },
      /10 MHz/,
    ],
    [
      "on other pins",
      (m) => {
        m.state.spi!.miso = 12;
        read(m, 0x0e);
      },
      /pins/,
    ],
  ];
  for (const [name, act, message] of cases) {
    it(name, () => {
      const model = init();
      act(model);
      assert.equal(complaints(model).length, 1, complaints(model).join("; "));
      assert.match(complaints(model)[0], message);
    });
  }

  it("what is refused changes nothing", () => {
    const model = init();
    send(model, 2, 0x2a, 7);
    send(model, 2, 0x08, 7);
    send(model, 2, 0x61, 7);
    assert.deepEqual([read(model, 0x2a), model.state.regs[8], model.state.regs[0x61]], [0x40, 0x60, 0x55]);
  });

  it("selected within 128 clocks after a reset", () => {
    const model = init([], { overheadUs: 0, crystal: 8 });
    model.state.spi!.baud = 10e6;
    send(model, 0xc0);
    read(model, 0x0e);
    assert.match(complaints(model)[0], /128 clocks/);
  });

  for (const [why, cnf] of [
    ["PS2 of one quantum", [0, 0xac, 0]],
    ["PS2 not above SJW", [3, 0xac, 0xc0]],
    ["PS2 above PROP + PS1", [7, 0x80, 0]],
    ["26 quanta and more cannot be written, 4 and fewer can", [0, 0x80, 0]],
  ] as [string, number[]][]) {
    it("bit timing: " + why, () => {
      const model = init(["timing", "normal"]);
      send(model, 2, 0x28, ...cnf);
      send(model, 2, 0x0f, 0);
      assert.match(complaints(model).join(), /bit timing|quanta/);
    });
  }

  it("survives whatever a driver does", () => {
    const act = fc.tuple(
      fc.nat(4),
      fc.uint8Array({ maxLength: 16 }),
      fc.nat(255),
      fc.constantFrom("ack", "none", "stuckDominant", "noEcho"),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
        const model = init();
        for (const [kind, bytes, value, partner] of acts) {
          if (kind === 0) model.bus.partner = partner as Partner;
          else if (kind === 1) model.advance(value * 20);
          else if (kind === 2) model.bus.inject({ id: 0x300 | (value & 7), data: bytes.slice(0, 8) });
          else if (kind === 3)
            model.spi.send([[0xc0, 3, 2, 5, 0xa0, 0xb0, 0x90, 0x94, 0x40, 0x81, 0x87][value % 11], ...bytes], CS);
          else model.spi.send(bytes, CS);
          const { tec, rec } = model.state;
          assert.ok(tec >= 0 && tec <= 263 && rec >= 0 && rec <= 255);
        }
      }),
    );
  });
});
