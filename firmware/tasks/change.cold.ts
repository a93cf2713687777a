// PUT /api/config: who may, what the body says, and the answer.
import { errorText, headText, tokenOf } from "../http/head.cold";
import { writeSlot } from "../config/slots.cold";
import { parseObject } from "../kernel/json.cold";
import type { App } from "./app";
import type { Put } from "./config-put.cold";

type Patch = Record<string, unknown>;

/**
 * The answer; `takeUri` takes the broker's URL apart, `put` makes the new document if all of the patch is right, and `apply` lets it
 * count once it is written.
 */
export function change(app: App, header: string, body: string, takeUri: (patch: Patch) => string, put: (app: App, patch: Patch) => Put,
  apply: (app: App, changed: string) => void): string {
  if (tokenOf(header) !== app.token) {
    return errorText(401, "NotAuthorized", "X-Setup-Token", "must be the set-up token that the console shows at boot");
  }
  const parsed = parseObject(body);
  if (!parsed.value) return errorText(400, "BadCfgJson", "body", parsed.reason);
  const badUri = takeUri(parsed.value);
  if (badUri) return errorText(400, "CfgApplyFailed", "mqtt.uri", badUri);
  const done = put(app, parsed.value);
  if (!done.document) return errorText(400, "CfgApplyFailed", done.where, done.reason);
  const failed = done.changed.length ? writeSlot(app.store, app.natives.crc32, done.document) : "";
  if (failed) return errorText(507, "IoError", "flash", failed);
  apply(app, done.changed.join(" "));
  return headText(200) + JSON.stringify({ "ok": true, "changed": done.changed, "restart": done.restart }) + "\r\n";
}

/** The answer to a request that no route takes. */
export function noRoute(method: string, path: string): string {
  if (path === "/api/status") return errorText(405, "BadRequest", method, "use GET");
  if (path === "/api/config") return errorText(405, "BadRequest", method, "use GET or PUT");
  if (path.startsWith("/api/tls/")) return errorText(405, "BadRequest", method, "use PUT");
  return errorText(404, "NotFound", path, "there are /api/status, /api/config and /api/tls/ca, cert, key");
}
