// An MCP2515 CAN controller over SPI: sending, receiving and a look at its state, which is polled. One look reads the
// flags, the modes and the transmit buffer at once (they are neighbours). Registers: Microchip DS20001801, section 11;
// instructions: 12.
import { canCs } from "board";
import { NEVER } from "../kernel/time";
import type { CanPort } from "../kernel/ports";
import { LIMITS_ID, RETRY_MS, STUCK_MS } from "./can";
import { mcp2515Health, recoverMcp2515 } from "./can-mcp2515.cold";

/** Read from 0x2C on; in the answer: CANINTF, EFLG, CANSTAT, CANCTRL, TXB0CTRL from index 2 on. */
const LOOK = [3, 0x2c, 0, 0, 0, 0, 0],
  FLAGS = 2,
  ERRORS = 3,
  CONTROL = 5,
  TRANSMIT = 6;
/**
 * EFLG: bus-off, error-passive by sending, bus-off and overflows. TXB0CTRL: still waiting, lost arbitration, any
 * failure.
 */
const BUS_OFF = 0x20,
  PASSIVE = 0x10,
  TROUBLE = 0xe0,
  WAITING = 8,
  LOST = 0x20,
  FAILED = 0x70;
/** Instructions: request to send buffer 0, read receive buffer 0 or 1, which clears its flag. */
const SEND = 0x81,
  READ_FIRST = [0x90, 0, 0],
  READ_SECOND = [0x94, 0, 0],
  ABORT = [5, 0x30, WAITING, 0];

export interface Mcp2515 extends CanPort {
  spi: SpiPort;
  /** Answer to the last look, and bytes of the next LOAD TX BUFFER. */
  look: Uint8Array;
  load: Uint8Array;
  /** CANCTRL as it was set: a chip that lost its supply says something else. */
  control: number;
  listenOnly: boolean;
  rate: number;
  crystal: number;
  /** Id of the frame in flight (0: none), when it was started (earlier when it was tried again). */
  flying: number;
  flyingSince: number;
  /**
   * Bus-off, or no answer: tries so far without a frame sent, `tx` at the last one, and when the next is due (ms, 0: on
   * the bus).
   */
  recoveries: number;
  sentBefore: number;
  recoverAt: number;
}

/** What became of a frame that was not plainly sent. `before` are the error flags of the look before. */
function judge(now: number, state: number, before: number): void {
  const mcp = mcp2515,
    errors = mcp.look[ERRORS];
  if (state & WAITING) {
    if (now - mcp.flyingSince < STUCK_MS) return;
    mcp.spi.send(ABORT, canCs);
  } else if (state & LOST && mcp.flying === LIMITS_ID && now - mcp.flyingSince <= RETRY_MS) {
    mcp.flyingSince -= 2 * RETRY_MS; // not again
    mcp.spi.send(SEND, canCs);
    return;
  }
  if (state & LOST && !(state & WAITING)) mcp.lost = mcp.flying;
  else mcp.errors++; // who gives way to another frame has met no error
  mcp.flying = 0;
  if (before & PASSIVE && !(errors & PASSIVE)) {
    // a failure cannot lower the counter: the chip was off the bus, and is back by itself
    mcp.look[ERRORS] = BUS_OFF;
    recoverMcp2515(mcp, now);
  }
}

/** The controller. Before `startMcp2515` it is off the bus for good. */
export const mcp2515 = {
  tend: function (now) {
    const mcp = mcp2515;
    if (mcp.recoverAt) {
      if (now >= mcp.recoverAt) recoverMcp2515(mcp, now);
      return 0;
    }
    const before = mcp.look[ERRORS],
      look = (mcp.look = mcp.spi.send(LOOK, canCs));
    if (look[CONTROL] !== mcp.control || look[ERRORS] & TROUBLE) recoverMcp2515(mcp, now);
    if (mcp.flying) {
      if (look[TRANSMIT] & (WAITING | FAILED)) {
        judge(now, look[TRANSMIT], before);
      } else {
        mcp.tx++;
        mcp.ackAt = now;
        mcp.flying = 0;
      }
    }
    return mcp.look[FLAGS] & 3 || mcp.lost;
  },
  recoverAt: NEVER,
  flying: 0,
  send: function (id, bytes, now) {
    const mcp = mcp2515,
      load = mcp.load;
    if (mcp.flying || mcp.recoverAt || mcp.listenOnly || mcp.look[TRANSMIT] & WAITING) return false;
    load[1] = id >> 3;
    load[2] = (id & 7) << 5;
    load[5] = bytes.length;
    load.set(bytes, 6);
    mcp.spi.send(load, canCs);
    mcp.spi.send(SEND, canCs);
    mcp.flying = id;
    mcp.flyingSince = now;
    return true;
  },
  tx: 0,
  ackAt: 0,
  receive: function () {
    const mcp = mcp2515,
      flags = mcp.recoverAt ? 0 : mcp.look[FLAGS] & 3;
    if (!flags) return 0;
    const frame = mcp.spi.send(flags & 1 ? READ_FIRST : READ_SECOND, canCs);
    mcp.look[FLAGS] = flags === 3 ? 2 : 0;
    if (frame[2] & 0x18) return 0; // extended or remote
    mcp.rx++;
    return (frame[1] << 3) | (frame[2] >> 5);
  },
  rx: 0,
  lost: 0,
  errors: 0,
  busOff: 0,
  listenOnly: false,
  flyingSince: 0,
  recoveries: 0,
  sentBefore: 0,
  health: function () {
    return mcp2515Health(mcp2515);
  },
} as Mcp2515;
