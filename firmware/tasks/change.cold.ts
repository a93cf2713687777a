// PUT /api/config, PUT /api/mqtt and POST /api/mqtt/test: who may, what the body says, and the answer.
import { readModule } from "../config/config.cold";
import { takeUri } from "../config/uri";
import { errorText, headText } from "../http/head.cold";
import type { App } from "./app";
import { applyChanges, parseObject, putConfig, refuseChange } from "./shared";

/** Begin a test of the connection with the settings of mqtt in `document`. */
function beginTest(app: App, document: string): void {
  const now = app.natives.now();
  app.commands.test = { stage: "", began: now, since: now, config: readModule(document, app.presets, "mqtt"), ip: "", socket: null, rx: "",
    result: "", head: headText(200), tail: "", flags: 0 };
  app.commands.at = 0;
}

/**
 * The answer. `module` "" takes a document of modules, else the settings of that one. With the query dry=1 it is only checked; with
 * test, MQTT is tried with them, nothing is kept, and "" says that the answer comes later.
 */
export function change(app: App, header: string, body: string, module: string, query: string): string {
  const refused = refuseChange(app, header);
  if (refused) return refused;
  const isTest = query === "test", isDry = isTest || query.split("&").indexOf("dry=1") >= 0, parsed = parseObject(body || (isTest ? "{}" : ""));
  let patch = parsed.value;
  if (isTest && app.commands.test) return errorText(409, "Busy", "mqtt.test", "another test is under way");
  if (!patch) return errorText(400, "BadCfgJson", "body", parsed.reason);
  if (module) {
    const document: Record<string, unknown> = {};
    document[module] = patch;
    patch = document;
  }
  const badUri = takeUri(patch);
  if (badUri) return errorText(400, "CfgApplyFailed", "mqtt.uri", badUri);
  const done = putConfig(app, patch, "h", isDry);
  if (done.code) return errorText(done.code === "IoError" ? 507 : 400, done.code, done.where, done.reason);
  if (isTest) {
    beginTest(app, done.document);
    return "";
  }
  if (!isDry) applyChanges(app, done.changed.join(" "));
  const answer: Record<string, unknown> = { "ok": true, "changed": done.changed, "restart": done.restart };
  if (isDry) answer["dry"] = true;
  return headText(200) + JSON.stringify(answer) + "\r\n";
}

/** The answer to a request that no route takes. */
export function noRoute(method: string, path: string): string {
  if (path === "/api/status") return errorText(405, "BadRequest", method, "use GET");
  if (path === "/api/config" || path === "/api/mqtt") return errorText(405, "BadRequest", method, "use GET or PUT");
  if (path.startsWith("/api/tls/")) return errorText(405, "BadRequest", method, "use PUT");
  if (path === "/api/mqtt/test") return errorText(405, "BadRequest", method, "use POST");
  return errorText(404, "NotFound", path, "there are /api/status, /api/config, /api/mqtt, /api/mqtt/test and /api/tls/ca, cert, key");
}
