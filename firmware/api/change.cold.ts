// What came of a change of the settings, for who waits at HTTP.

import type { Needs } from "./needs";
import { bodyText, errorText } from "../http/server.cold";
import type { Asked, Put } from "../settings/change";
import { answerLater, type Reply, statusOf } from "./later.cold";

/** What came of a change, as HTTP says it. */
export function changeText(put: Put, isDry: boolean): string {
  const warnings = ',"warnings":' + JSON.stringify(put.warnings);
  if (put.code) return errorText(statusOf(put.code), put.code, put.where, put.reason, warnings);
  const reply = JSON.stringify({ "ok": true, "changed": put.changed, "restart": put.restart });
  return bodyText(200, reply.slice(0, -1) + warnings + (isDry ? ',"dry":true' : "") + "}\r\n");
}

/** Who waits is told; here, where it holds nothing of the request. */
export function tellChange(needs: Needs, reply: Reply, isDry: boolean): Asked["then"] {
  return function (put) {
    answerLater(needs, reply, changeText(put, isDry));
  };
}
