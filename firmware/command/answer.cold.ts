// Answers to commands and settings (settings/README.md).
import { publish } from "../mqtt/publish";
import type { Needs } from "./needs";
import { DEBUG } from "../log/log";
import { writeLog } from "../log/log.cold";
import { quote } from "../kernel/json.cold";

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

/** An error as JSON from "Code where", or "Code where, reason" when somebody else gave the reason. */
function errorOf(text: string): string {
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
    (comma < 0 ? "" : ',"reason":' + quote(text.substr(comma + 2))) +
    "}"
  );
}

/** The answer of a command: `result` is JSON of the reply, or an error as `errorOf` takes it. */
export function acknowledge(needs: Needs, tail: string, flags: number, result: string): void {
  writeLog(needs, DEBUG, "command" + tail.substr(0, 80) + " " + result.substr(0, 80));
  send(
    needs,
    "ack",
    '{"ok":' + (result[0] === "{") + tail + "," + (result[0] === "{" ? '"reply":' + result : errorOf(result)) + "}",
    flags,
  );
}

/** An error as JSON (`"err":{...}`) from "Code where", or "Code where, reason". */
export function errorText(text: string): string {
  return errorOf(text);
}
