// The routes of the HTTP API. Each answer is made by a rare part; what is here only tells them apart.
import type { Pieces } from "../http/server";
import type { App } from "./app";
import { change, configPiece, limitsPiece, linesPiece, livePiece, machinePiece, networkPiece, noRoute, putTls } from "./routes-parts";

/** The answer to a request; `query` is what stands behind the question mark. */
export function answer(app: App, method: string, path: string, header: string, body: string, query: string): Pieces {
  const route = method + " " + path, module = path === "/api/mqtt" ? "mqtt" : "", isTest = route === "POST /api/mqtt/test";
  let text = "";
  if (route === "PUT /api/config" || route === "PUT /api/mqtt") text = change(app, header, body, module, query);
  else if (method === "PUT" && path.startsWith("/api/tls/")) text = putTls(app, path, header, body);
  else if (isTest) text = change(app, header, body, "mqtt", "test");
  else if (route !== "GET /api/status" && route !== "GET /api/config" && route !== "GET /api/mqtt") text = noRoute(method, path);
  return function (piece) {
    if (text) return piece ? "" : text;
    if (isTest) {
      const test = app.commands.test;
      return piece ? "" : test && test.result ? test.result : null;
    }
    if (path !== "/api/status") return configPiece(app, piece, module);
    return piece === 0 ? livePiece(app) : piece === 1 ? limitsPiece(app) : piece === 2 ? networkPiece(app) : piece === 3 ? linesPiece(app)
      : piece === 4 ? machinePiece(app) : "";
  };
}
