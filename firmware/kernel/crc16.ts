// CRC-16/MODBUS (reflected polynomial 0xA001, start 0xFFFF), as TinyBMS Rev D appends it, low byte first.

/** The CRC of each byte, and of each byte with a zero byte behind it: with both a step takes two bytes. */
export const crc16Table = new Uint16Array(256),
  crc16Pairs = new Uint16Array(256);
// The CRC is linear: eight entries by shifting, the others by adding (XOR) two that are there.
for (let bit = 128, value = 0xa001; bit > 0; bit >>= 1) {
  crc16Table[bit] = value;
  value = (value >> 1) ^ (value & 1 ? 0xa001 : 0);
}
for (let size = 2; size < 256; size *= 2) {
  for (let i = 1; i < size; i++) crc16Table[size + i] = crc16Table[size] ^ crc16Table[i];
}
for (let i = 0; i < 256; i++) crc16Pairs[i] = crc16Table[crc16Table[i] & 255] ^ (crc16Table[i] >> 8);
