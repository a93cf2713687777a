// The routes of the HTTP API. Each answer is made by a rare part; what is here only tells them apart.
import type { Pieces } from "../http/server";
import type { App } from "./app";
import { change, noRoute } from "./change.cold";
import { configPiece } from "./config-get.cold";
import { putConfig } from "./config-put.cold";
import { applyChanges } from "./configure.cold";
import { networkPiece } from "./status-network.cold";
import { statusPiece } from "./status.cold";

/** The answer to a request. */
export function answer(app: App, method: string, path: string, header: string, body: string): Pieces {
  const route = method + " " + path;
  let text = "";
  if (route === "PUT /api/config") text = change(app, header, body, putConfig, applyChanges);
  else if (route !== "GET /api/status" && route !== "GET /api/config") text = noRoute(method, path);
  return function (piece) {
    if (text) return piece ? "" : text;
    if (path !== "/api/status") return configPiece(app, piece);
    return piece === 1 ? networkPiece(app) : statusPiece(app, piece);
  };
}
