// POST /api/mqtt/test: a test with the stored settings of mqtt, or with those of the body on top, which are not kept.
import { readModule } from "../config/config.cold";
import { newestSlot } from "../config/slots.cold";
import { errorText, headText, tokenOf } from "../http/head.cold";
import type { App } from "./app";
import { parseObject, putConfig } from "./shared";

/** Begin: "" when the test runs, else the answer. */
function begin(app: App, header: string, body: string): string {
  const own = app.commands, now = app.natives.now();
  let document = newestSlot(app.store, app.natives.crc32).document;
  if (tokenOf(header) !== app.token) {
    return errorText(401, "NotAuthorized", "X-Setup-Token", "must be the set-up token that the console shows at boot");
  }
  if (own.test) return errorText(409, "Busy", "mqtt.test", "another test is under way");
  if (body) {
    const parsed = parseObject(body);
    if (!parsed.value) return errorText(400, "BadCfgJson", "body", parsed.reason);
    const done = putConfig(app, { "mqtt": parsed.value }, "h", true);
    if (done.code) return errorText(400, done.code, done.where, done.reason);
    document = done.document;
  }
  own.test = { stage: "", began: now, since: now, config: readModule(document, app.presets, "mqtt"), ip: "", socket: null, rx: "", result: "",
    tail: "", flags: 0 };
  own.at = 0;
  return "";
}

/** With the header of a request: the answer when no test can begin, "" when one runs. Later, with header "": what is told of it, null while it runs. */
export function testAnswer(app: App, header: string, body: string): string | null {
  const test = app.commands.test;
  if (header) return begin(app, header, body);
  return test && test.result ? headText(200) + test.result + "\r\n" : null;
}
