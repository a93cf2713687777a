// The routes of the HTTP API. Each answer is made by a rare part; what is here only tells them apart.
import { errorText, headText, tokenOf } from "../http/head.cold";
import type { Pieces } from "../http/server";
import { parseObject } from "../kernel/json.cold";
import type { App } from "./app";
import { configPiece } from "./config-get.cold";
import { putConfig } from "./config-put.cold";
import { configureBattery, configureMqtt } from "./configure.cold";
import { statusPiece } from "./status.cold";

function change(app: App, header: string, body: string): string {
  if (tokenOf(header) !== app.token) return errorText(401, "NotAuthorized", "X-Setup-Token", "must be the set-up token that the console shows at boot");
  const parsed = parseObject(body);
  if (!parsed.value) return errorText(400, "BadCfgJson", "body", parsed.reason);
  const put = putConfig(app, parsed.value);
  if (put.status !== 200) return errorText(put.status, put.code, put.where, put.reason);
  const touched = put.changed.join(" ");
  if (touched) configureBattery(app);
  if (touched.indexOf("mqtt.") >= 0 || touched.indexOf("retain.") >= 0) configureMqtt(app);
  return headText(200) + JSON.stringify({ "ok": true, "changed": put.changed, "restart": put.restart }) + "\r\n";
}

/** The answer to a request. */
export function answer(app: App, method: string, path: string, header: string, body: string): Pieces {
  if (path === "/api/status" && method === "GET") return function (piece) { return statusPiece(app, piece); };
  if (path === "/api/config" && method === "GET") return function (piece) { return configPiece(app, piece); };
  const text = path === "/api/config" && method === "PUT" ? change(app, header, body)
    : path === "/api/config" || path === "/api/status" ? errorText(405, "BadRequest", method, path === "/api/status" ? "use GET" : "use GET or PUT")
      : errorText(404, "NotFound", path, "there are /api/status and /api/config");
  return function (piece) { return piece ? "" : text; };
}
