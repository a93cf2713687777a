// Answers to commands and settings (settings/README.md).
import { publish } from "../mqtt/publish";
import type { Needs } from "./needs";
import { DEBUG } from "../log/log";
import { writeLog } from "../log/log.cold";
import { quote } from "../kernel/json.cold";
import { BY_HTTP, MOST_MESSAGE } from "./state";

/** Codes that may be gone at the next try. */
const RETRYABLE = ["NotReady", "IoError", "UartTimeout", "CrcError", "ConnRefused", "ConnTimeout", "DnsFailed", "Busy"];

/** Publish, or keep it for later. */
export function send(needs: Needs, suffix: string, text: string, flags: number): void {
  const own = needs.commands,
    now = needs.natives.now();
  if (own.out.length === 0 && publish(needs.mqtt.session, suffix, text, flags, now)) return;
  own.out.push(suffix, text, flags);
  if (own.at > now) own.at = now;
}

/** Reasons of codes that always mean the same. */
const REASONS: Record<string, string> = {
  "ArgsTooLarge": "must be at most " + MOST_MESSAGE + " bytes",
  "PayloadTooLarge": "must be at most " + MOST_MESSAGE + " bytes",
  "Stale": "the broker had kept it while the gateway was away: send it again",
  "Disabled": "mqtt.commands is off",
  "MissingCmd": "there is no cmd",
  "UnknownCmd": "is no command",
  "MissingValue": "is missing",
  "UartTimeout": "the BMS does not answer",
  "CrcError": "the answer of the BMS was damaged",
  "IoError": "cannot write",
};

/**
 * The answer of a command, by MQTT or to who waits at HTTP: `result` is JSON of the reply, or an error as `errorText`
 * takes it.
 */
export function acknowledge(needs: Needs, tail: string, flags: number, result: string): void {
  writeLog(needs, DEBUG, "command" + tail.substr(0, 80) + " " + result.substr(0, 80));
  if (flags === BY_HTTP) {
    const told = needs.commands.told;
    needs.commands.told = null;
    if (told) told.tell(tail, result);
    return;
  }
  send(
    needs,
    "ack",
    '{"ok":' + (result[0] === "{") + tail + "," + (result[0] === "{" ? '"reply":' + result : errorText(result)) + "}",
    flags,
  );
}

/** An error as JSON (`"err":{...}`) from "Code where, reason"; or from "Code where", when the code says the reason. */
export function errorText(text: string): string {
  const code = text.split(" ")[0],
    comma = text.indexOf(", "),
    end = comma < 0 ? text.length : comma;
  return (
    '"err":{"code":"' +
    code +
    '","where":' +
    quote(text.substring(code.length + 1, end).substr(0, 64)) +
    ',"retryable":' +
    (RETRYABLE.indexOf(code) >= 0) +
    ',"reason":' +
    quote(comma < 0 ? REASONS[code] || code : text.substr(comma + 2)) +
    "}"
  );
}
