// The bus side of the register model: errors, bus-off and recovery, arbitration, overruns, loopback
// (ESP32 Technical Reference Manual, TWAI; ISO 11898-1).
import assert from "node:assert/strict";
import { createTwai, FrameLike, Twai } from "../../tools/can/twai-model";
import { TwaiOptions } from "../../tools/can/twai-state";
import {
  ALC,
  BASE,
  CMD,
  complaints,
  ECC,
  IER,
  init,
  initSteps,
  IR,
  MODE,
  read,
  receiveAll,
  RMC,
  RXERR,
  send,
  started,
  STATUS,
  TX_PIN,
  TXERR,
  WINDOW,
  write,
} from "./reference";

const fresh = (options: TwaiOptions = {}): Twai => started(createTwai(options));
const KEEPALIVE: FrameLike = { id: 0x305, data: [1, 2, 3, 4, 5, 6, 7, 8] };
const isBusOff = (model: Twai): boolean => (read(model, STATUS) & 0x80) !== 0;

/** Recovery from bus-off up to the request (ESP32 TWAI, bus-off recovery). */
function startRecovery(model: Twai): void {
  write(model, MODE, 0x0b);
  write(model, TXERR, 0);
  write(model, TXERR, 255);
  read(model, IR);
  model.advance(1e6);
  write(model, MODE, 0x0a);
}

/** Recovery from bus-off: back to operation. */
function finishRecovery(model: Twai): void {
  write(model, MODE, 0x09);
  write(model, TXERR, 0);
  write(model, RXERR, 0);
  read(model, IR);
  read(model, ECC);
  write(model, MODE, 0x08);
  model.advance(100);
}

/** A controller in bus-off after sending into a bus that does not echo. */
function inBusOff(): Twai {
  const model = fresh();
  model.bus.partner = "noEcho";
  send(model, 0x351, [1]);
  model.advance(10000);
  return model;
}

describe("TWAI bus: nobody acknowledges", () => {
  it("TEC saturates at 128, the frame stays pending, and there is no bus-off", () => {
    const model = fresh();
    model.bus.partner = "none";
    send(model, 0x351, [1, 2]);
    const seen = new Set<number>();
    for (let i = 0; i < 2000; i++) {
      model.advance(50);
      seen.add(read(model, TXERR));
    }
    assert.deepEqual(
      [...seen],
      Array.from({ length: 17 }, (_, i) => 8 * i),
    );
    assert.equal(read(model, ECC), 0xd9);
    assert.equal(read(model, STATUS) & 0xc4, 0x40, "error warning, buffer taken, no bus-off");
    assert.deepEqual([model.sent.length, complaints(model).length], [0, 0]);
  });

  it("recovers by itself when a partner appears, and TEC decays", () => {
    const model = fresh();
    model.bus.partner = "none";
    send(model, 0x351, [1]);
    model.advance(20000);
    model.bus.partner = "ack";
    model.advance(1000);
    assert.deepEqual([model.sent.length, read(model, TXERR)], [1, 127]);
    for (let i = 0; i < 127; i++) {
      send(model, 0x351, [i]);
      model.advance(500);
    }
    assert.deepEqual([model.sent.length, read(model, TXERR), read(model, STATUS) & 0x40], [128, 0, 0]);
  });

  it("a single shot gives up once, and TCS says so", () => {
    const model = fresh();
    model.bus.partner = "none";
    send(model, 0x351, [1], 0x03);
    model.advance(5000);
    assert.equal(read(model, STATUS) & 0x0c, 0x04);
    assert.equal(read(model, TXERR), 8);
  });

  it("an abort sets TCS although the frame was not sent", () => {
    const model = fresh();
    model.bus.partner = "none";
    send(model, 0x351, [1]);
    model.advance(3000);
    write(model, CMD, 2);
    model.advance(500);
    assert.equal(read(model, STATUS) & 0x0c, 0x0c);
    assert.equal(model.sent.length, 0);
  });

  it("a bit rate that is off is like having no partner, and what comes in is an error", () => {
    const model = fresh({ bitrate: 250000 });
    send(model, 0x351, [1]);
    model.advance(50000);
    assert.deepEqual([model.sent.length, read(model, TXERR)], [0, 128]);
    write(model, CMD, 2);
    model.advance(1000);
    model.bus.inject(KEEPALIVE);
    model.advance(1000);
    assert.deepEqual([read(model, RMC), read(model, RXERR)], [0, 1]);
  });
});

describe("TWAI bus: bus-off", () => {
  it("comes after exactly 32 tries without echo", () => {
    const model = fresh();
    model.bus.partner = "noEcho";
    send(model, 0x351, [1]);
    const tries: number[] = [];
    for (let i = 0; i < 10000 && !isBusOff(model); i++) {
      const tec = read(model, TXERR);
      if (tec > 0 && tec !== tries[tries.length - 1]) tries.push(tec);
      model.advance(1);
    }
    assert.deepEqual(
      tries,
      Array.from({ length: 31 }, (_, i) => 8 * (i + 1)),
    );
    assert.deepEqual(
      [read(model, MODE), read(model, STATUS) & 0xc4, read(model, TXERR), read(model, RXERR)],
      [9, 0xc4, 127, 0],
    );
    assert.deepEqual(complaints(model), []);
  });

  it("a bit error in a frame counts the same", () => {
    const model = fresh();
    model.fault.txError({ seg: 10, type: 0 });
    send(model, 0x351, [1]);
    model.advance(1000);
    assert.deepEqual([read(model, ECC), read(model, TXERR), model.sent.length], [0x0a, 7, 1]);
  });

  it("recovers by the sequence of the manual after 128 x 11 bits, without complaint", () => {
    const model = inBusOff();
    model.bus.partner = "ack";
    startRecovery(model);
    model.advance(1408 * 2 - 2);
    assert.deepEqual([isBusOff(model), read(model, TXERR)], [true, 0]);
    model.advance(4);
    assert.equal(isBusOff(model), false);
    finishRecovery(model);
    assert.ok(send(model, 0x351, [7]));
    model.advance(500);
    assert.deepEqual([model.sent.length, read(model, TXERR), read(model, RXERR)], [1, 0, 0]);
    assert.deepEqual(complaints(model), []);
  });

  it("counts down in TXERR, and ES falls before BS (erratum 3.13.2)", () => {
    const model = inBusOff();
    model.bus.partner = "ack";
    write(model, IER, 0x04);
    startRecovery(model);
    read(model, IR);
    model.advance(22 * 60);
    assert.equal(read(model, TXERR), 67);
    assert.equal(read(model, STATUS) & 0xc0, 0x80);
    assert.equal(read(model, IR), 0x04);
  });

  it("traffic holds up a group of 11 bits, not the whole count", () => {
    const model = inBusOff();
    model.bus.partner = "ack";
    startRecovery(model);
    model.advance(22 * 100);
    for (let i = 0; i < 5; i++) model.bus.inject(KEEPALIVE);
    model.advance(22 * 28 + 5 * 216);
    assert.equal(isBusOff(model), false);
  });

  it("traffic while parked without LOM blocks the recovery for ever (erratum 3.13.1), the parent part recovers", () => {
    for (const profile of ["esp32", "sja1000"] as const) {
      const model = fresh({ profile });
      model.bus.partner = "noEcho";
      send(model, 0x351, [1]);
      model.advance(10000);
      model.bus.partner = "ack";
      model.bus.inject(KEEPALIVE);
      model.advance(1000);
      write(model, MODE, 0x08);
      model.advance(60e6);
      assert.equal(isBusOff(model), profile === "esp32");
    }
  });

  it("sending after recovery without a turn through reset mode is a violation (erratum 3.13.3)", () => {
    const model = inBusOff();
    model.bus.partner = "ack";
    write(model, MODE, 0x08);
    model.advance(5000);
    assert.equal(isBusOff(model), false);
    send(model, 0x351, [1]);
    model.advance(1000);
    assert.match(complaints(model)[0], /3\.13\.3/);
  });

  it("nothing can be sent in bus-off", () => {
    const model = inBusOff();
    startRecovery(model);
    write(model, CMD, 1);
    assert.match(complaints(model)[0], /listen-only|bus-off/);
  });

  it("writing TXERR 0..254 ends it at once, then one idle of 11 bits is enough", () => {
    const model = inBusOff();
    model.bus.partner = "ack";
    write(model, TXERR, 20);
    assert.equal(isBusOff(model), false);
    write(model, MODE, 0x08);
    model.advance(22);
    assert.deepEqual([read(model, STATUS), read(model, TXERR)], [0x04, 20]);
  });

  it("a bus that stays dominant never recovers, and never hangs the model", () => {
    const model = inBusOff();
    model.bus.partner = "stuckDominant";
    startRecovery(model);
    model.advance(1e9);
    assert.equal(isBusOff(model), true);
    model.bus.partner = "ack";
    model.advance(3000);
    assert.equal(isBusOff(model), false);
  });

  it("a hardware reset and a new init leave bus-off after 11 bits", () => {
    const model = inBusOff();
    model.bus.partner = "ack";
    init(model);
    model.advance(22);
    assert.equal(read(model, STATUS), 0x0c);
    assert.deepEqual(complaints(model), []);
  });
});

describe("TWAI bus: stuck and unrouted lines", () => {
  it("a dominant bus lets nothing start, and sending goes on when it is free again", () => {
    const model = fresh();
    model.bus.partner = "stuckDominant";
    model.advance(1000);
    send(model, 0x351, [1]);
    model.advance(1e6);
    assert.deepEqual([read(model, STATUS) & 0x94, read(model, RXERR), model.sent.length], [0x10, 128, 0]);
    model.bus.partner = "ack";
    model.advance(1000);
    assert.equal(model.sent.length, 1);
  });

  it("without the receive route the controller never sees the bus idle", () => {
    const model = createTwai();
    init(model, ["RX routing"]);
    send(model, 0x351, [1]);
    model.advance(1e6);
    assert.deepEqual([read(model, STATUS) & 0xb4, model.sent.length], [0x30, 0]);
    assert.match(complaints(model)[0], /receive signal/);
  });
});

describe("TWAI bus: arbitration", () => {
  it("the lower identifier goes first when both wait for the wire", () => {
    const model = fresh();
    model.bus.inject({ id: 0x100 });
    model.advance(10);
    send(model, 0x351, [1]);
    model.bus.inject(KEEPALIVE);
    model.advance(2000);
    assert.equal(read(model, ALC), 4, "0x351 and 0x305 differ first in identifier bit 6");
    const own = model.sent[0].t;
    assert.deepEqual(
      receiveAll(model).frames.map((frame) => frame.id),
      [0x305],
    );
    assert.ok(own > 2 * 111 * 2, "0x351 went last");
  });

  it("our lower identifier wins, and the other frame follows", () => {
    const model = fresh();
    model.bus.inject({ id: 0x100 });
    model.advance(10);
    send(model, 0x101, [1]);
    model.bus.inject(KEEPALIVE);
    model.advance(2000);
    assert.deepEqual([model.sent.length, read(model, RMC), read(model, ALC)], [1, 1, 0]);
  });

  it("a forced loss delivers the winner, then the frame is sent; a single shot gives up", () => {
    for (const [command, sent] of [
      [0x01, 1],
      [0x03, 0],
    ]) {
      const model = fresh();
      model.fault.arbitrationLoss(3, KEEPALIVE);
      send(model, 0x351, [1], command);
      model.advance(2000);
      assert.deepEqual([read(model, ALC), read(model, RMC), model.sent.length], [3, 1, sent]);
      assert.equal(read(model, STATUS) & 0x0c, sent ? 0x0c : 0x04);
    }
  });
});

/** Fill the FIFO with `count` keepalives of 8 bytes. */
function flood(model: Twai, count: number): void {
  for (let i = 0; i < count; i++) model.bus.inject(KEEPALIVE);
  model.advance(count * 300);
}

describe("TWAI bus: receive FIFO", () => {
  it("holds five frames of 8 bytes; the sixth overruns and shows when it reaches the window", () => {
    const model = fresh();
    flood(model, 6);
    assert.deepEqual([read(model, RMC), read(model, STATUS) & 3], [6, 1]);
    for (let i = 0; i < 5; i++) write(model, CMD, 4);
    assert.deepEqual([read(model, RMC), read(model, STATUS) & 3], [1, 3]);
  });

  it("is full to the last byte without overrun", () => {
    const model = fresh();
    flood(model, 5);
    model.bus.inject({ id: 0x305, data: [1, 2, 3, 4, 5, 6] });
    model.advance(300);
    const { frames, overruns } = receiveAll(model);
    assert.deepEqual([frames.length, overruns], [6, 0]);
  });

  it("shows the undefined bits of a received frame as ones, so that a driver has to mask them", () => {
    const model = fresh();
    flood(model, 1);
    assert.deepEqual(Array.from(model.peek32(BASE + WINDOW, 4) as Uint32Array), [0x38, 0x60, 0xbf, 1]);
  });

  it("the reference loop clears an overrun and goes on", () => {
    const model = fresh();
    flood(model, 9);
    const { frames, overruns } = receiveAll(model);
    // The second turn is DOS with an empty FIFO: each of the four released messages had set it again.
    assert.deepEqual([frames.length, overruns, read(model, RMC)], [5, 2, 0]);
    flood(model, 1);
    assert.equal(receiveAll(model).frames.length, 1);
    assert.deepEqual(complaints(model), []);
  });

  it("is dead at 64 messages until reset mode or a hardware reset (erratum 3.13.11)", () => {
    for (const fifoRevives of [true, false]) {
      const model = fresh({ fifoRevives });
      flood(model, 63);
      assert.equal(read(model, RMC), 63);
      flood(model, 1);
      for (let i = 0; i < 64; i++) write(model, CMD, 4);
      assert.equal(read(model, RMC), 64);
      write(model, MODE, 0x09);
      write(model, MODE, 0x08);
      model.advance(100);
      assert.equal(read(model, RMC), fifoRevives ? 0 : 64);
      init(model);
      model.advance(100);
      flood(model, 1);
      assert.equal(receiveAll(model).frames.length, 1);
    }
  });

  it("the parent part drops the frame that does not fit, and says so at once", () => {
    const model = fresh({ profile: "sja1000" });
    flood(model, 6);
    assert.deepEqual([read(model, RMC), read(model, STATUS) & 3], [5, 3]);
  });

  it("nothing is stored in reset mode, and entering it empties the FIFO", () => {
    const model = fresh();
    flood(model, 2);
    write(model, MODE, 0x09);
    assert.deepEqual([read(model, RMC), read(model, STATUS) & 0x35], [0, 0x34]);
    flood(model, 2);
    assert.equal(read(model, RMC), 0);
  });

  it("an error in the data field spoils the next frame only (erratum 3.13.5)", () => {
    const model = fresh();
    model.fault.rxError({ seg: 10, type: 2 });
    model.advance(500);
    assert.deepEqual([read(model, ECC), read(model, RXERR)], [0xaa, 1]);
    flood(model, 2);
    const data = receiveAll(model).frames.map((frame) => frame.data);
    assert.deepEqual(data, [
      [2, 3, 4, 5, 6, 7, 8, 1],
      [1, 2, 3, 4, 5, 6, 7, 8],
    ]);
    assert.equal(read(model, RXERR), 0);
  });

  it("entering reset mode during a frame spoils the next one; a hardware reset does not", () => {
    for (const isReset of [false, true]) {
      const model = fresh();
      model.bus.inject(KEEPALIVE);
      model.advance(50);
      if (isReset) init(model);
      else {
        write(model, MODE, 0x09);
        write(model, MODE, 0x08);
      }
      model.advance(1000);
      flood(model, 1);
      const { frames } = receiveAll(model);
      assert.deepEqual(
        frames.map((frame) => frame.data[0]),
        [isReset ? 1 : 2],
      );
    }
  });

  it("a receive counter above 127 falls to 127 with the next good frame", () => {
    const model = fresh();
    for (let i = 0; i < 17; i++) model.fault.rxError({ seg: 2, type: 2, dominant: true });
    model.advance(17 * 300);
    assert.equal(read(model, RXERR), 136);
    flood(model, 1);
    assert.equal(read(model, RXERR), 127);
  });
});

/** Init up to leaving reset mode, which is done with `mode`. */
function startIn(model: Twai, mode: number, before: (model: Twai) => void = () => undefined): Twai {
  initSteps.forEach((step) => {
    if (step.name !== "leave reset mode") return step.run(model);
    before(model);
    write(model, MODE, mode);
  });
  model.advance(100);
  return model;
}

describe("TWAI bus: listen-only and self-test", () => {
  it("listen-only stores frames, freezes the counters and refuses to send", () => {
    const model = startIn(createTwai(), 0x0a, (m) => write(m, RXERR, 128));
    flood(model, 1);
    model.fault.rxError({ seg: 2, type: 2 });
    model.advance(500);
    assert.deepEqual([read(model, RMC), read(model, RXERR)], [1, 128]);
    assert.deepEqual(complaints(model), []);
    write(model, CMD, 1);
    assert.match(complaints(model)[0], /listen-only/);
  });

  it("listen-only with a low receive counter still sends dominant error flags (erratum)", () => {
    const model = startIn(createTwai(), 0x0a);
    model.fault.rxError({ seg: 2, type: 2 });
    model.advance(500);
    assert.match(complaints(model)[0], /dominant error flag/);
  });

  it("self-test needs no partner and receives its own frame, also with both signals on one pin", () => {
    for (const isSamePin of [false, true]) {
      const model = createTwai();
      model.bus.partner = "none";
      startIn(model, 0x0c, (m) => {
        if (isSamePin) m.poke32(0x3ff442a8, 0x80 | TX_PIN);
      });
      send(model, 0x305, [5], 0x12);
      model.advance(1000);
      assert.deepEqual([model.sent.length, model.sent[0].selfRx], [1, true]);
      assert.deepEqual(receiveAll(model).frames, [{ id: 0x305, data: [5] }]);
      assert.deepEqual(complaints(model), []);
    }
  });

  it("on one pin the rest of the bus is out of reach", () => {
    const model = startIn(createTwai(), 0x0c, (m) => m.poke32(0x3ff442a8, 0x80 | TX_PIN));
    const heard: number[] = [];
    model.bus.listeners.push((event) => heard.push(event.frame.id));
    model.bus.inject(KEEPALIVE);
    send(model, 0x351, [1]);
    model.advance(2000);
    assert.deepEqual([read(model, RMC), heard], [0, [0x305]]);
  });

  it("filter bytes are read back in reset mode only", () => {
    const model = fresh();
    write(model, MODE, 0x09);
    assert.deepEqual(
      Array.from(model.peek32(BASE + WINDOW, 8) as Uint32Array),
      [0x60, 0xa0, 0, 0, 0, 0x5f, 0xff, 0xff],
    );
  });
});
