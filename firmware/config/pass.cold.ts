// Passwords of the login. The owner's (setting http.pass) is kept as a salted hash (PBKDF1, RFC 8018). Until there is
// one the device has its own, kept as it is: the console shows it at each start.

import type { Natives, StorePort } from "../kernel/ports";
import { ownText, writeOwn } from "./slots.cold";

/** Turns of the hash of a new password: about 30 ms of a chip. */
const ROUNDS = 500;
/** `$rounds$salt$hash`: the parts of a hash as it is kept, and how long the last one is. */
const ROUNDS_AT = 1,
  SALT_AT = 2,
  HASH_AT = 3,
  HASH_SIZE = 24;

/** Digits of the device's own password, without those that are mistaken for others (Crockford's base 32). */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz",
  GROUP = 4,
  FROM_A_WORD = 6;

/** Whether two texts are the same; the time that it takes does not tell where they differ. */
export function isSame(one: string, other: string): boolean {
  let differs = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) differs |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return differs === 0;
}

/** Random hex digits, eight a word; "" while the radio is off, when there is no chance to be had. */
export function randomText(natives: Natives, words: number): string {
  let text = "";
  while (words-- > 0) {
    const word = natives.random();
    if (word !== word) return "";
    text += (0x100000000 + word).toString(16).substr(1);
  }
  return text;
}

/** The parts of a password that is kept as a hash, [] of any other. */
function partsOf(kept: string): string[] {
  const parts = kept.split("$");
  return parts.length === 4 && !parts[0] && +parts[ROUNDS_AT] > 0 && parts[HASH_AT].length === HASH_SIZE ? parts : [];
}

/** Whether a password is kept as a hash. (One of a board's presets, or from the console, may be as it is.) */
export function isSealed(kept: string): boolean {
  return partsOf(kept).length > 0;
}

/** A password as it is kept. */
export function sealed(natives: Natives, pass: string): string {
  const salt = randomText(natives, 2);
  if (!salt) throw new Error("no random numbers yet");
  return "$" + ROUNDS + "$" + salt + "$" + btoa(natives.derive(pass, salt, ROUNDS));
}

/** Whether this is the password that is kept. */
export function fitsPass(natives: Natives, pass: string, kept: string): boolean {
  const parts = partsOf(kept);
  if (!parts.length) return isSame(pass, kept);
  return isSame(btoa(natives.derive(pass, parts[SALT_AT], +parts[ROUNDS_AT])), parts[HASH_AT]);
}

/** The device's own password, "" while there is none. */
export function ownPass(files: StorePort, crc32: Natives["crc32"]): string {
  return ownText(files, crc32);
}

/** A new one (60 bits), kept when it can be read back; "" when it cannot, or while there is no chance to be had. */
export function makeOwnPass(natives: Natives, files: StorePort): string {
  let text = "";
  for (let i = 0; i < 2; i++) {
    const word = natives.random();
    if (word !== word) return "";
    for (let place = 0; place < FROM_A_WORD; place++) {
      if (text.length % (GROUP + 1) === GROUP) text += "-";
      text += DIGITS[(word >>> (5 * place)) & 31];
    }
  }
  writeOwn(files, natives.crc32, text);
  return ownText(files, natives.crc32) === text ? text : "";
}
