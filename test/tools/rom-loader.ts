// A model of an ESP32's boot loader, as far as a flasher uses it: from the public description of the serial protocol
// (Espressif, esptool documentation, "Serial Protocol"). The stub that a flasher loads is taken as started: its
// commands are those of the boot loader, with two bytes of status in place of four and a sum of 16 bytes.
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";

export interface RomLoader {
  /** Bytes from the PC. */
  receive(bytes: Uint8Array): void;
  flash: Buffer;
  /** Blocks that were written. */
  blocks: number;
}

export interface RomOptions {
  /** What the register that tells chips apart holds; an ESP32's when not said. */
  magic?: number;
  flash?: Buffer;
  /** Told before a block is taken; false: it is lost, with all that follows. */
  onBlock?(blocks: number): boolean;
}

export const ESP32 = 0x00f01d83,
  ESP32_S3 = 0x09;
const FLASH_BYTES = 4 << 20;
const END = 0xc0,
  ESCAPE = 0xdb,
  ESCAPED_END = 0xdc,
  ESCAPED_ESCAPE = 0xdd;
const SYNC = 0x08,
  READ_REG = 0x0a,
  MEM_END = 0x06,
  DEFL_BEGIN = 0x10,
  DEFL_DATA = 0x11,
  DEFL_END = 0x12,
  MD5 = 0x13,
  SECURITY = 0x14;
const MAGIC_REGISTER = 0x40001000,
  HEAD = 8,
  BLOCK_HEAD = 16,
  SYNC_ANSWERS = 8,
  INVALID = 0x05,
  CHECKSUM = 0xef;

function slip(packet: Uint8Array): Buffer {
  const out = [END];
  for (const byte of packet) {
    if (byte === END) out.push(ESCAPE, ESCAPED_END);
    else if (byte === ESCAPE) out.push(ESCAPE, ESCAPED_ESCAPE);
    else out.push(byte);
  }
  return Buffer.from([...out, END]);
}

/** Gives `take` every packet in a stream of bytes. */
function unslip(take: (packet: Buffer) => void): (bytes: Uint8Array) => void {
  let packet: number[] = [],
    isEscaped = false;
  return (bytes) => {
    for (const byte of bytes) {
      if (byte === END) {
        if (packet.length) take(Buffer.from(packet));
        packet = [];
      } else if (byte === ESCAPE) isEscaped = true;
      else {
        packet.push(isEscaped ? (byte === ESCAPED_END ? END : ESCAPE) : byte);
        isEscaped = false;
      }
    }
  };
}

/** A boot loader that sends its answers to `send`. */
export function romLoader(send: (bytes: Buffer) => void, options: RomOptions = {}): RomLoader {
  const flash = options.flash ?? Buffer.alloc(FLASH_BYTES, 0xff);
  let isStub = false,
    address = 0,
    packed: Buffer[] = [];
  const reply = (command: number, value: number, data: Uint8Array = Buffer.alloc(0), status = [0, 0]): void => {
    const tail = Buffer.from(isStub ? status : [...status, 0, 0]),
      head = Buffer.alloc(HEAD);
    head[0] = 1;
    head[1] = command;
    head.writeUInt16LE(data.length + tail.length, 2);
    head.writeUInt32LE(value >>> 0, 4);
    send(slip(Buffer.concat([head, data, tail])));
  };
  const store = (): void => {
    if (packed.length) inflateSync(Buffer.concat(packed)).copy(flash, address);
    packed = [];
  };
  const block = (body: Buffer, sum: number): void => {
    const data = body.subarray(BLOCK_HEAD, BLOCK_HEAD + body.readUInt32LE(0));
    if (data.reduce((xor, byte) => xor ^ byte, CHECKSUM) !== sum) return reply(DEFL_DATA, 0, undefined, [1, 7]);
    rom.blocks++;
    if (options.onBlock && !options.onBlock(rom.blocks)) return;
    packed.push(Buffer.from(data));
    reply(DEFL_DATA, 0);
  };
  const sumOf = (from: number, size: number): Buffer => {
    store();
    const digest = createHash("md5").update(flash.subarray(from, from + size));
    return isStub ? digest.digest() : Buffer.from(digest.digest("hex"));
  };
  const take = (packet: Buffer): void => {
    if (packet[0] !== 0 || packet.length < HEAD) return;
    const command = packet[1]!,
      body = packet.subarray(HEAD);
    if (command === SYNC) for (let i = 0; i < SYNC_ANSWERS; i++) reply(SYNC, 0x20120707);
    else if (command === READ_REG)
      reply(READ_REG, body.readUInt32LE(0) === MAGIC_REGISTER ? (options.magic ?? ESP32) : 0);
    else if (command === SECURITY) for (let i = 0; i < SYNC_ANSWERS; i++) reply(0, 0, undefined, [1, INVALID]);
    else if (command === MEM_END) {
      reply(MEM_END, 0);
      isStub = true;
      send(slip(Buffer.from("OHAI")));
    } else if (command === DEFL_BEGIN) {
      store();
      address = body.readUInt32LE(12);
      reply(DEFL_BEGIN, 0);
    } else if (command === DEFL_DATA) block(body, packet.readUInt32LE(4));
    else if (command === MD5) reply(MD5, 0, sumOf(body.readUInt32LE(0), body.readUInt32LE(4)));
    else {
      if (command === DEFL_END) store();
      reply(command, 0);
    }
  };
  const rom: RomLoader = { receive: unslip(take), flash, blocks: 0 };
  return rom;
}
