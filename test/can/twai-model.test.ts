// The register model against the sequences of a driver: right order is silent and works, each slip is told.
import assert from "node:assert/strict";
import fc from "fast-check";
import { createTwai, Twai } from "../../tools/can/twai-model";
import { Partner } from "../../tools/can/wire";
import {
  BASE,
  BTR0,
  CDR,
  CLK,
  CMD,
  complaints,
  GATE,
  IER,
  init,
  initSteps,
  IR,
  MODE,
  read,
  receiveAll,
  RMC,
  RST,
  RX_PIN,
  RXERR,
  send,
  started,
  STATUS,
  TX_PIN,
  TXERR,
  WINDOW,
  write,
} from "./reference";

const fresh = (): Twai => started(createTwai());
const LIMITS = [0x28, 0x02, 0x46, 0x05, 0x08, 0x07, 0xd0, 0x01];

describe("TWAI model: reference sequences", () => {
  it("init, send and receive in the right order leave no complaint", () => {
    const model = fresh();
    assert.ok(send(model, 0x351, LIMITS));
    assert.equal(read(model, STATUS) & 0x0c, 0, "TBS and TCS fall with the request");
    assert.equal(send(model, 0x355, LIMITS), false, "busy");
    model.advance(300);
    assert.equal(read(model, STATUS) & 0xfc, 0x0c);
    assert.deepEqual(
      model.sent.map((event) => [event.frame.id, event.frame.data]),
      [[0x351, LIMITS]],
    );
    model.bus.inject({ id: 0x305, data: [0, 0, 0, 0, 0, 0, 0, 0] });
    model.bus.inject({ id: 0x306, data: [1] });
    model.bus.inject({ id: 0x307, data: [0x12, 0x34, 0x56, 0x78, 0x56, 0x49, 0x43, 0] });
    model.advance(1000);
    assert.equal(read(model, RMC), 2);
    const { frames } = receiveAll(model);
    assert.deepEqual(
      frames.map((frame) => frame.id),
      [0x305, 0x307],
    );
    assert.deepEqual(frames[1].data, [0x12, 0x34, 0x56, 0x78, 0x56, 0x49, 0x43, 0]);
    assert.deepEqual(complaints(model), []);
  });

  it("a frame takes 108 bits and the next one starts 3 bits later", () => {
    const model = fresh();
    const start = model.state.now;
    send(model, 0x351, LIMITS);
    model.advance(215);
    assert.equal(model.sent.length, 0);
    model.advance(1);
    assert.equal(model.sent[0].t - start, 216);
    send(model, 0x351, LIMITS);
    model.advance(221);
    assert.equal(model.sent.length, 1);
    model.advance(1);
    assert.equal(model.sent.length, 2);
  });

  it("stopping in the right order leaves no complaint, and the pin recessive", () => {
    const model = fresh();
    model.bus.partner = "none";
    send(model, 0x351, LIMITS);
    model.advance(100);
    write(model, CMD, 2);
    model.advance(2000);
    assert.equal(read(model, STATUS) & 4, 4);
    write(model, MODE, 0x0b);
    model.poke32(0x3ff44530 + 4 * TX_PIN, 0x100);
    model.poke32(0x3ff442a8, 0xb8);
    model.poke32(CLK, model.peek32(CLK) & ~GATE);
    assert.equal(model.peek32(0x3ff44010) & 1, 1);
    assert.deepEqual(complaints(model), []);
  });

  it("extended and remote frames and all lengths keep their bytes", () => {
    const model = createTwai();
    init(model, ["acceptance mask", "leave reset mode", "clear FIFO"]);
    write(model, WINDOW + 16, [0xff, 0xff, 0xff, 0xff]);
    write(model, MODE, 0x08);
    model.advance(100);
    const images = [
      [0x88, 0x12, 0x34, 0x56, 0x78, 1, 2, 3, 4, 5, 6, 7, 8],
      [0x45, 0x6a, 0x20],
      [0x00, 0x6a, 0x20],
    ];
    const wanted = [
      { id: 0x02468acf, ext: true, rtr: false, dlc: 8, data: [1, 2, 3, 4, 5, 6, 7, 8] },
      { id: 0x351, ext: false, rtr: true, dlc: 5, data: [] },
      { id: 0x351, ext: false, rtr: false, dlc: 0, data: [] },
    ];
    for (const image of images) {
      write(model, WINDOW, image);
      write(model, CMD, 0x10);
      model.advance(500);
    }
    assert.deepEqual(
      model.sent.map((event) => event.frame),
      wanted,
    );
    for (const image of images) {
      const window = Array.from(model.peek32(BASE + WINDOW, image.length) as Uint32Array);
      window[0] &= 0xcf;
      window[image[0] & 0x80 ? 4 : 2] &= image[0] & 0x80 ? 0xf8 : 0xe0;
      assert.deepEqual(window, image);
      write(model, CMD, 4);
    }
    assert.deepEqual(complaints(model), []);
  });
});

/** Init done: let it join the bus and send one frame. */
function useOnce(model: Twai): Twai {
  model.advance(100);
  send(model, 0x351, LIMITS);
  model.advance(1000);
  return model;
}

describe("TWAI model: a step dropped", () => {
  // A hardware reset has just set these: leaving them out cannot be told from doing them.
  const SET_BY_RESET = [
    "enter reset mode",
    "freeze REC",
    "interrupts off",
    "warning limit",
    "TEC",
    "REC",
    "clear latches",
    "clear FIFO",
  ];
  const TOLD_BY_PADS = ["TX pad"]; // digitalWrite has made the pin an output already
  const silent = [...SET_BY_RESET, ...TOLD_BY_PADS];
  for (const { name } of initSteps.filter((step) => !silent.includes(step.name))) {
    it("complains without: " + name, () => {
      const model = createTwai();
      try {
        init(model, [name]);
      } catch {
        /* the reference driver itself has noticed */
      }
      assert.notDeepEqual(complaints(useOnce(model)), []);
    });
  }

  for (const name of silent) {
    it("works without: " + name + ", and the log shows what is missing", () => {
      const whole = createTwai(),
        model = createTwai();
      init(whole);
      init(model, [name]);
      assert.deepEqual(complaints(useOnce(model)), []);
      assert.equal(model.sent.length, 1);
      assert.ok(model.log.length < useOnce(whole).log.length);
    });
  }

  it("without the reset pulse on a controller that runs, the set-up before reset mode is refused", () => {
    const model = fresh();
    write(model, BTR0, 0x87);
    assert.match(complaints(model)[0], /register 6 written outside reset mode/);
    assert.equal(read(model, BTR0), 0x83);
  });
});

describe("TWAI model: wrong order", () => {
  const order = (...names: string[]): string[] => {
    const model = createTwai();
    names.forEach((name) => initSteps.find((step) => step.name === name)?.run(model));
    return complaints(model);
  };

  it("registers before the clock", () => assert.match(order("BTR0", "clock on")[0], /without clock/));
  it("timing before PeliCAN", () =>
    assert.match(order("clock on", "reset pulse", "BTR0", "PeliCAN")[0], /basic layout/));
  it("pin mode after routing takes the pin away", () => {
    const model = fresh();
    model.pinMode(TX_PIN, "output");
    send(model, 0x351, LIMITS);
    model.advance(50000);
    assert.equal(model.sent.length, 0);
    assert.equal(read(model, STATUS) & 0x80, 0x80);
  });
  it("digitalWrite after routing takes the pin away", () => {
    const model = fresh();
    model.digitalWrite(TX_PIN, 1);
    assert.equal(model.peek32(0x3ff44530 + 4 * TX_PIN), 0x100);
  });
  it("routing a pin that was low", () => {
    assert.match(order("TX pad", "TX routing")[0], /not driven high/);
  });
  it("reset pulse after the set-up throws it away", () => {
    const names = initSteps.map((step) => step.name).filter((name) => name !== "reset pulse");
    names.splice(names.indexOf("leave reset mode"), 0, "reset pulse");
    assert.match(order(...names)[0], /basic layout/);
  });
  it("the filter after leaving reset mode", () => {
    const names = initSteps.map((step) => step.name).filter((name) => name !== "acceptance code");
    const told = order(...names, "acceptance code", "enter reset mode", "leave reset mode");
    assert.equal(told.length, 2, "what was written outside reset mode does not count");
    told.forEach((note) => assert.match(note, /never written: ACR0 ACR1 ACR2 ACR3/));
  });
});

describe("TWAI model: accesses that hardware would not forgive", () => {
  const cases: [string, (model: Twai) => void, RegExp][] = [
    ["CMD read", (m) => read(m, CMD), /CMD read/],
    ["reserved register", (m) => read(m, 0x14), /reserved/],
    ["status written", (m) => write(m, STATUS, 0), /read-only/],
    ["value too wide", (m) => write(m, IER, 0x100), /wider than 8 bits/],
    ["mode bits while operating", (m) => write(m, MODE, 0x0c), /outside reset mode/],
    [
      "transmit twice",
      (m) => {
        send(m, 1, []);
        write(m, CMD, 1);
      },
      /while a frame is pending/,
    ],
    [
      "buffer written while pending",
      (m) => {
        send(m, 1, []);
        write(m, WINDOW, 0);
      },
      /while a frame is pending/,
    ],
    [
      "transmit in reset mode",
      (m) => {
        write(m, MODE, 9);
        write(m, CMD, 1);
      },
      /in reset mode/,
    ],
    ["foreign clock bit", (m) => m.poke32(CLK, GATE), /clobbered/],
    [
      "whole reset register",
      (m) => {
        m.poke32(RST, 0xffffffff);
      },
      /clobbered/,
    ],
    [
      "held in reset",
      (m) => {
        m.poke32(RST, GATE);
        read(m, MODE);
      },
      /held in reset/,
    ],
    [
      "clock off",
      (m) => {
        m.poke32(CLK, m.peek32(CLK) & ~GATE);
        read(m, MODE);
      },
      /without clock/,
    ],
    ["string", (m) => m.poke32(BASE + MODE, "\b"), /string/],
    ["undefined", (m) => m.poke32(BASE + MODE, undefined), /undefined/],
    ["unaligned", (m) => m.peek32(BASE + 2), /unaligned/],
    ["flash", (m) => m.peek32(0x1000), /below/],
    ["8-bit read", (m) => m.peek8(BASE + STATUS), /8-bit access/],
    ["16-bit read", (m) => m.peek16(BASE + STATUS), /16-bit access/],
    ["8-bit write", (m) => m.poke8(BASE + CMD, 1), /8-bit access/],
    ["16-bit write", (m) => m.poke16(BASE + CMD, 1), /16-bit access/],
    ["transmit and self-reception at once", (m) => write(m, CMD, 0x11), /TR and SRR/],
    ["filter bits that are no mode bits", (m) => write(m, MODE, 0x18), /do not exist/],
    ["null", (m) => m.poke32(BASE + MODE, null), /null/],
    ["timing while operating", (m) => write(m, BTR0, 0x87), /outside reset mode/],
    ["error counter while operating", (m) => write(m, TXERR, 0), /outside reset mode/],
    ["reserved register written", (m) => write(m, 0x20, 0), /reserved/],
    ["receive counter of messages written", (m) => write(m, RMC, 0), /read-only/],
    ["no such pin", (m) => m.pinMode(24, "output"), /no such pin/],
    ["other peripheral", (m) => m.peek32(0x3ff40000), /not modelled/],
    ["input-only pin", (m) => m.pinMode(34, "output"), /input only/],
    [
      "frame cut",
      (m) => {
        send(m, 1, [1]);
        m.advance(20);
        write(m, MODE, 9);
      },
      /cut/,
    ],
  ];
  for (const [name, act, message] of cases) {
    it(name, () => {
      const model = fresh();
      act(model);
      assert.equal(model.violations.length, 1, complaints(model).join("; "));
      assert.match(model.violations[0].note, message);
    });
  }

  it("IER bit 4 is refused on old silicon only", () => {
    for (const rev of [1, 3]) {
      const model = started(createTwai({ rev }));
      write(model, IER, 0x10);
      assert.equal(model.violations.length, rev < 2 ? 1 : 0);
    }
  });
});

describe("TWAI model: values and addresses", () => {
  it("values become 32-bit words as in Espruino", () => {
    const model = createTwai();
    const outSel = 0x3ff44530;
    const words: [unknown, number][] = [
      [-2, 0xfffffffe],
      [2 ** 32 + 7, 7],
      [1.9, 1],
      [true, 1],
      [0x80000001, 0x80000001],
    ];
    for (const [given, word] of words) {
      model.poke32(outSel, given);
      assert.equal(model.log[model.log.length - 1].value, word);
      assert.equal(model.peek32(outSel), word);
    }
    model.poke32(outSel, new Uint8Array([1, 2, 3]));
    assert.deepEqual(model.peek32(outSel, 3), Uint32Array.of(1, 2, 3));
    assert.deepEqual(model.violations, []);
  });

  it("the AHB alias and signed addresses reach the same registers", () => {
    const model = fresh();
    assert.equal(model.peek32(0x6002b000 + BTR0), 0x83);
    write(model, IER, 0x04);
    assert.equal(model.peek32(0x6002b000 + IER), 0x04);
    assert.equal(model.peek32((0x6002b000 | 0) + IER), 0x04);
    assert.deepEqual(complaints(model), []);
  });

  it("wakes up as the hardware does", () => {
    const model = createTwai();
    assert.equal(model.peek32(CLK), 0xf9c1e06f);
    initSteps.slice(0, 2).forEach((step) => step.run(model));
    assert.equal(read(model, MODE), 1);
    assert.equal(read(model, STATUS), 0x3c);
    write(model, CDR, 0x88);
    assert.deepEqual(Array.from(model.peek32(BASE + WINDOW, 8) as Uint32Array), Array(8).fill(0x55));
    assert.deepEqual([read(model, 0x34), read(model, RXERR), read(model, TXERR), read(model, RMC)], [96, 0, 0, 0]);
  });

  it("set and clear registers of both GPIO banks act on their bits", () => {
    const model = createTwai();
    for (const [set, clear, plain] of [
      [0x08, 0x0c, 0x04],
      [0x14, 0x18, 0x10],
      [0x24, 0x28, 0x20],
      [0x30, 0x34, 0x2c],
    ]) {
      const gpio = 0x3ff44000;
      model.poke32(gpio + set, 0x81);
      model.poke32(gpio + clear, 0x01);
      assert.deepEqual(
        [set, clear, plain].map((offset) => model.peek32(gpio + offset)),
        [0, 0, 0x80],
      );
    }
  });

  it("pins get the values that Espruino gives them", () => {
    const model = createTwai();
    model.digitalWrite(TX_PIN, 1);
    model.pinMode(TX_PIN, "output");
    assert.equal(model.peek32(0x3ff49000 + 0x1c), 0x2a00);
    assert.equal(model.peek32(0x3ff44530 + 4 * TX_PIN), 0x100);
    assert.equal(model.peek32(0x3ff4402c), 1);
    assert.equal(model.peek32(0x3ff44010), 1);
    model.pinMode(RX_PIN, "input_pullup");
    assert.equal(model.peek32(0x3ff49000 + 0x20) & 0x7200, 0x2200);
  });

  it("interrupt flags exist while enabled, and reading clears all but RI", () => {
    const model = fresh();
    write(model, IER, 0x03);
    send(model, 0x351, []);
    model.bus.inject({ id: 0x305, data: [] });
    model.advance(1000);
    assert.equal(read(model, IR), 0x03);
    assert.equal(read(model, IR), 0x01);
    write(model, CMD, 4);
    assert.equal(read(model, IR), 0x00);
  });

  it("survives whatever a driver does", () => {
    const act = fc.tuple(fc.nat(4), fc.nat(31), fc.nat(255), fc.constantFrom("ack", "none", "stuckDominant", "noEcho"));
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), fc.boolean(), (acts, isParent) => {
        const model = started(createTwai({ profile: isParent ? "sja1000" : "esp32" }));
        for (const [kind, index, value, partner] of acts) {
          if (kind === 0) model.bus.partner = partner as Partner;
          else if (kind === 1) model.advance(value * 20);
          else if (kind === 2) model.bus.inject({ id: 0x300 | (index & 7), data: [value] });
          else if (kind === 3) read(model, 4 * index);
          else write(model, 4 * index, value);
          assert.ok(model.state.tec <= 255 && model.state.tec >= 0 && model.state.rec <= 255 && model.state.rec >= 0);
          assert.ok(model.state.fifo.messages.length <= 64);
        }
      }),
    );
  });

  it("the log stays bounded and the accesses are counted", () => {
    const model = started(createTwai({ keep: 50 }));
    const before = model.count.peeks;
    for (let i = 0; i < 1000; i++) read(model, STATUS);
    assert.equal(model.count.peeks - before, 1000);
    assert.ok(model.log.length < 100);
  });
});
