// The identity block (registers 500..509): hardware version and serial number (Enepaq "TinyBMS Communication Protocols" Rev D, 3.5).
import { hardwareVersion } from "../battery/registers.baked";
import type { Snapshot } from "../battery/snapshot";

/** Place of the serial number in the block, and its words. */
const SERIAL = 4, SERIAL_END = 10;

/** Take the identity; four hex digits each word of the serial number. */
export function acceptIdentity(snapshot: Snapshot, words: Uint16Array): void {
  let serial = "";
  for (const word of words.subarray(SERIAL, SERIAL_END)) serial += (65536 + word).toString(16).substr(1);
  snapshot.values[hardwareVersion] = words[0];
  snapshot.serial = serial.toUpperCase();
}
