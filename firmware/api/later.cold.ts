// Answers that come later.

import type { Needs } from "./needs";
import type { MqttTest } from "../command/state";
import type { Pieces } from "../http/server";
import { bodyText, clientEvent } from "../http/server.cold";

/** An answer, null as long as it is not there; or a test that will tell it. */
export interface Reply {
  text: string | null;
  test: MqttTest | null;
}

/** The answer in `reply`. */
export function laterPiece(reply: Reply): Pieces {
  return function (piece) {
    if (piece) return "";
    const test = reply.test;
    return test ? (test.result ? bodyText(200, test.result) : null) : reply.text;
  };
}

/** The answer is there: who waits looks whether it is theirs. */
export function answerLater(needs: Needs, reply: Reply, text: string): void {
  reply.text = text;
  for (const client of needs.server.clients.slice()) if (client.pieces) clientEvent(needs.server, client, "drain");
}

/** The TinyBMS or a broker did not answer. */
const GATEWAY = ["UartTimeout", "CrcError", "NotReady", "ConnRefused", "ConnTimeout", "DnsFailed"];

/** Status of what was refused or failed. */
export function statusOf(code: string): number {
  if (code === "IoError") return 507;
  if (code === "InterlockBlocked" || code === "Busy") return 409;
  if (code === "Failed") return 500;
  if (code === "ArgsTooLarge") return 413;
  return GATEWAY.indexOf(code) < 0 ? 400 : 504;
}
