// Who may log in: the owner by http.pass, until there is one who reads the console: by the device's own password, or by
// the set-up token, which is another one at each start. None of them is ever in an answer, a topic or the log.

import { makeOwnPass, ownPass, randomText } from "../config/pass.cold";
import { settingsOf } from "../config/settings.cold";
import { writeOwn } from "../config/slots.cold";
import type { Needs } from "./needs";

/**
 * Once there is an address, and after each change of http.pass: token and own password are made and shown, or the own
 * one is forgotten.
 */
export function settleLogin(needs: Needs): void {
  const natives = needs.natives,
    http = settingsOf(needs, "http");
  if (!needs.token) {
    needs.mark = randomText(natives, 1);
    needs.token = needs.mark && randomText(natives, 2);
  }
  if (!needs.token) return;
  if (http["pass"]) {
    writeOwn(needs.store, natives.crc32, "");
    return natives.print("login: " + http["user"] + ", password: the one that was set");
  }
  const own = ownPass(needs.store, natives.crc32) || makeOwnPass(natives, needs.store);
  natives.print("setup token: " + needs.token);
  natives.print(own ? "login: " + http["user"] + ", password: " + own : "login: the flash keeps no password");
}
