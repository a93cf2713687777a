// What the device can know: the replies that reached it, found in the bytes on its UART by the rules of README 1
// alone.
import { crc16 } from "../../tools/simulator/codec";
import type { VirtualRig } from "../system/virtual";

/** A reply that answers what was asked. `isSure`: nothing else was on the line, and the device still waited for it. */
export interface Reply {
  at: number;
  command: number;
  /** First register and the words of a block read; the payload of any other command. */
  first: number;
  words: number[];
  bytes: number[];
  isSure: boolean;
}

interface Exchange {
  at: number;
  command: number;
  first: number;
  count: number;
  rx: number[];
  isOver: boolean;
}

export interface Line {
  onReply: ((reply: Reply) => void)[];
  /** Since when every exchange was answered by a clean reply, and when the device asked last. */
  cleanSince: number;
  askedAt: number;
  /** When a reply was damaged or refused last. */
  damagedAt: number;
  /** Times at which a block that begins at this register was asked for. */
  asked: Record<number, number>;
  /** The device starts anew: what was asked is forgotten. */
  forget(): void;
}

/** So soon that the device still waits for the reply, ms; and so long that it has given up for sure. */
const SURE_MS = 140,
  GIVEN_UP_MS = 360;
const WITH_LENGTH = [0x03, 0x07, 0x09, 0x11, 0x12, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f],
  START = 0xaa;

/** Length of a frame that begins at `at`; 0 when it is none that answers `command`. */
function lengthAt(rx: number[], at: number, command: number): number {
  const second = rx[at + 1];
  if (second === 0x00) return 6;
  if (second === 0x01) return 5;
  if (second !== command || !WITH_LENGTH.includes(command)) return 0;
  return rx[at + 2] === undefined ? Infinity : rx[at + 2] + 5;
}

/** The first whole frame with a right CRC. */
function frameIn(rx: number[], command: number): { at: number; frame: number[] } | null {
  for (let at = rx.indexOf(START); at >= 0; at = rx.indexOf(START, at + 1)) {
    const length = lengthAt(rx, at, command);
    if (length === 0 || at + length > rx.length) continue;
    const frame = rx.slice(at, at + length);
    if (crc16(frame, 0, length - 2) === (frame[length - 2] | (frame[length - 1] << 8))) return { at, frame };
  }
  return null;
}

function wordsOf(frame: number[], command: number): number[] {
  const payload = frame.slice(3, -2),
    words = [];
  for (let i = 0; i + 1 < payload.length; i += 2)
    words.push(command === 0x03 ? (payload[i] << 8) | payload[i + 1] : payload[i] | (payload[i + 1] << 8));
  return words;
}

function requestOf(bytes: Uint8Array, at: number): Exchange {
  const command = bytes[1],
    isModbus = command === 0x03,
    isBlock = isModbus || command === 0x07;
  return {
    at,
    command,
    first: !isBlock ? -1 : isModbus ? (bytes[2] << 8) | bytes[3] : bytes[3] | (bytes[4] << 8),
    count: !isBlock ? 0 : isModbus ? bytes[5] : bytes[2],
    rx: [],
    isOver: false,
  };
}

/** Listen on both directions of the device's UART. */
export function listen(rig: VirtualRig): Line {
  let exchange: Exchange | null = null;
  const now = (): number => rig.clock.now();
  const line: Line = {
    onReply: [],
    cleanSince: now(),
    askedAt: now(),
    damagedAt: -Infinity,
    asked: {},
    forget: () => {
      exchange = null;
      line.cleanSince = line.askedAt = now();
    },
  };
  const spoiled = (): void => {
    line.cleanSince = now();
  };
  rig.asked.push((bytes) => {
    if (exchange && !exchange.isOver) {
      spoiled();
      if (exchange.rx.length > 0) line.damagedAt = now();
    }
    exchange = requestOf(bytes, now());
    line.askedAt = now();
    if (exchange.first >= 0) line.asked[exchange.first] = now();
  });
  rig.answered.push((bytes) => {
    if (!exchange || exchange.isOver) {
      spoiled();
      line.damagedAt = now();
      return;
    }
    exchange.rx.push(...bytes);
    const found = frameIn(exchange.rx, exchange.command);
    if (!found) return;
    const { at, frame } = found,
      { command, first, count } = exchange;
    const isAnswer = frame[1] === command && (first < 0 || frame[2] === 2 * count),
      waited = now() - exchange.at;
    const isSure = isAnswer && at === 0 && exchange.rx.length === frame.length && waited < SURE_MS;
    if (!isSure) {
      spoiled();
      line.damagedAt = now();
    }
    if (frame[1] === 0x01) return; // an acknowledge of something else is skipped
    exchange.isOver = true;
    if (!isAnswer || waited > GIVEN_UP_MS) return;
    const reply: Reply = { at: now(), command, first, words: wordsOf(frame, command), bytes: frame, isSure };
    line.onReply.forEach((tell) => tell(reply));
  });
  return line;
}
