// The routes of the HTTP API. Each answer is made by a rare part; what is here only tells them apart.
import { takeUri } from "../config/uri";
import type { Pieces } from "../http/server";
import type { App } from "./app";
import { change, noRoute } from "./change.cold";
import { configPiece } from "./config-get.cold";
import { putConfig } from "./config-put.cold";
import { applyChanges } from "./configure.cold";
import { statusPiece } from "./status.cold";
import { putTls } from "./tls-put.cold";

/** The answer to a request. */
export function answer(app: App, method: string, path: string, header: string, body: string): Pieces {
  const route = method + " " + path;
  let text = "";
  if (route === "PUT /api/config") text = change(app, header, body, takeUri, putConfig, applyChanges);
  else if (method === "PUT" && path.startsWith("/api/tls/")) text = putTls(app, path, header, body);
  else if (route !== "GET /api/status" && route !== "GET /api/config") text = noRoute(method, path);
  return function (piece) {
    if (text) return piece ? "" : text;
    return path === "/api/status" ? statusPiece(app, piece) : configPiece(app, piece);
  };
}
