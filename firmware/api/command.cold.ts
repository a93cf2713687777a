// POST /api/command, POST /api/restart and what else is done by a command: one at a time, answered when it is over.

import type { Needs } from "./needs";
import { errorText as whyText } from "../command/answer.cold";
import { bmsWrite } from "../command/bms.cold";
import { httpCommand, restartSoon } from "../command/command.cold";
import { BY_HTTP } from "../command/state";
import type { Pieces } from "../http/server";
import { bodyText, errorText } from "../http/server.cold";
import { answerLater, laterPiece, type Reply, statusOf } from "./later.cold";

/** One that is this old died on its way, for want of memory, ms. All settings of the TinyBMS take 100 s at most. */
const DEAD_MS = 120000;

/** An error as "Code where, reason", as HTTP says it. */
function refusalText(result: string, tail: string): string {
  return bodyText(statusOf(result.split(" ")[0]), '{"ok":false,' + whyText(result) + tail + "}\r\n");
}

/** Begin something that says what came of it to `needs.commands.told`: "" when it goes on, else what came of it. */
function begin(needs: Needs, work: () => string): Pieces {
  const reply: Reply = { text: null, test: null },
    now = needs.natives.now(),
    other = needs.commands.told,
    tell = function (tail: string, result: string): void {
      const told = tail ? ',"reply":' + result + "}" : "," + result.substr(1);
      answerLater(
        needs,
        reply,
        result[0] === "{" ? bodyText(200, '{"ok":true' + tail + told + "\r\n") : refusalText(result, tail),
      );
    };
  if (other && now - other.at < DEAD_MS) {
    reply.text = errorText(409, "Busy", "command", "another one is under way");
  } else {
    needs.commands.told = { at: now, tell: tell };
    let result = "";
    try {
      result = work();
    } catch (error) {
      result = "Failed command, " + error;
    }
    if (result) needs.commands.told = null;
    if (result) tell("", result);
  }
  return laterPiece(reply);
}

/** The commands of MQTT; who may change things may do all of them. */
export function commandPieces(needs: Needs, body: string): Pieces {
  return begin(needs, function () {
    httpCommand(needs, body);
    return "";
  });
}

/** A change of the TinyBMS's settings: range, order, read-back and undo as for the command bms.write. */
export function writePieces(needs: Needs, settings: Record<string, unknown>, flags: string[]): Pieces {
  const args = { "settings": settings, "dry": flags.indexOf("dry") >= 0, "confirm": flags.indexOf("confirm") >= 0 };
  return begin(needs, function () {
    return bmsWrite(needs, args, "", BY_HTTP);
  });
}

/** The device restarts when the answer has left. */
export function restartText(needs: Needs): string {
  return bodyText(200, '{"ok":true,' + restartSoon(needs).substr(1) + "\r\n");
}
