// The routes of the HTTP API: a table, what stands in it is found and answered, and the handlers.

import type { Needs } from "./needs";
import { derOf } from "../config/pem.cold";
import { caOf, newestSlot, writeSlot } from "../config/slots.cold";
import type { Pieces } from "../http/server";
import { bodyText, errorText, queryFlags } from "../http/server.cold";
import { textSlice } from "../kernel/text";
import { beginTest } from "../command/test.cold";
import type { Asked } from "../settings/change";
import { beginChange } from "../settings/put.cold";
import { type Access, preflightText, refuseAccess, refuseForeign } from "./access.cold";
import { cellsPart, eventsOf, limitsPart } from "./battery.cold";
import { canPart } from "./can.cold";
import { changeText, tellChange } from "./change.cold";
import { commandPieces, restartText } from "./command.cold";
import { configPart, exportPart, mqttPart } from "./config.cold";
import { answerLater, laterPiece, type Reply } from "./later.cold";
import { logOf } from "./log.cold";
import { metricsPart } from "./metrics.cold";
import { openApiPart } from "./openapi.cold";
import { inParts, onePiece, type Part, withHeaders } from "./pieces.cold";
import { backupPart, putRegisters, registersPart, restorePieces } from "./registers.cold";
import { reportPieces } from "./report.cold";
import { statusOf } from "./status.cold";
import { type RouteName, ROUTES_AT, ROUTES_END } from "./text.baked";

/** What is read, a part that is the whole answer; or answer a request that may be, `name` is one of `below`. */
interface Handler {
  part?: Part;
  run?(needs: Needs, body: string, flags: string[], name: string): Pieces;
}

/**
 * A row of tables/routes.ts each; only the one that is asked for is made. A handler calls: the bare name of a cold
 * function would make it from flash.
 */
export function handlerOf(route: RouteName): Handler {
  switch (route) {
    case "GET /api/status":
      return { run: (needs) => inParts(needs, statusOf(needs)) };
    case "GET /api/cells":
      return { part: (needs, piece) => cellsPart(needs, piece) };
    case "GET /api/limits":
      return { part: (needs, piece) => limitsPart(needs, piece) };
    case "GET /api/events":
      return { run: (needs) => inParts(needs, eventsOf(needs)) };
    case "GET /api/can":
      return { part: (needs, piece) => canPart(needs, piece) };
    case "GET /api/log":
      return { run: (needs) => inParts(needs, logOf(needs)) };
    case "GET /api/report":
      return { run: (needs) => reportPieces(needs) };
    case "GET /metrics":
      return { part: (needs, piece) => metricsPart(needs, piece) };
    case "GET /api/openapi.json":
      return { part: (_, piece) => openApiPart(piece) };
    case "GET /api/registers":
      return { part: (needs, piece) => registersPart(needs, piece) };
    case "PUT /api/registers":
      return { run: (needs, body, flags) => putRegisters(needs, body, flags) };
    case "GET /api/backup":
      return { part: (needs, piece) => backupPart(needs, piece) };
    case "PUT /api/backup":
      return { run: (needs, body, flags) => restorePieces(needs, body, flags) };
    case "GET /api/config":
      return { part: (needs, piece) => configPart(needs, piece) };
    case "PUT /api/config":
      return { run: (needs, body, flags) => change(needs, body, "", flags, false) };
    case "GET /api/config/export":
      return { part: (needs, piece) => exportPart(needs, piece) };
    case "PUT /api/config/import":
      return { run: (needs, body, flags) => change(needs, body, "", flags, true) };
    case "GET /api/mqtt":
      return { part: (needs, piece) => mqttPart(needs, piece) };
    case "PUT /api/mqtt":
      return { run: (needs, body, flags) => change(needs, body, "mqtt", flags, false) };
    case "POST /api/mqtt/test":
      return { run: (needs, body) => testWith(needs, body) };
    case "POST /api/command":
      return { run: (needs, body) => commandPieces(needs, body) };
    case "POST /api/restart":
      return { run: (needs) => onePiece(restartText(needs)) };
    case "PUT /api/tls/":
      return { run: (needs, body, flags, name) => onePiece(putTls(needs, name, body)) };
    default:
      return route satisfies never;
  }
}

/** Every method that a route may have. */
const METHODS = ["GET", "PUT", "POST"];
/**
 * Columns of a line of the table: method and path, "1" for owners, flags and what is below with commas, media type.
 */
const OWNERS = 1,
  FLAGS = 2,
  BELOW = 3,
  TYPE = 4;

/**
 * The cells of a row, [] when there is none. (At the end of a text the interpreter also finds what only begins there.)
 */
function rowOf(route: string): string[] {
  const text = textSlice(ROUTES_AT, ROUTES_END),
    at = text.indexOf("\n" + route + "\t") + 1;
  return at && at + route.length < text.length && route.indexOf("\n") < 0 && route.indexOf("\t") < 0
    ? text.substring(at, text.indexOf("\n", at)).split("\t")
    : [];
}

/** The path as the table has it: of one that has something below it, up to that. */
function pathOf(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  for (const method of METHODS) if (rowOf(method + " " + path.substr(0, slash)).length) return path.substr(0, slash);
  return path;
}

/** "a, b and c". */
function listed(names: string[]): string {
  return names.slice(0, -1).join(", ") + " and " + names[names.length - 1];
}

/** The answer to a request that no row takes. */
function noRoute(method: string, asked: string, path: string): string {
  const methods = METHODS.filter(function (one) {
    return rowOf(one + " " + path).length > 0;
  });
  if (!methods.length) return errorText(404, "NotFound", asked, "GET /api/openapi.json tells what there is");
  const use = "use " + methods.join(" or "),
    allow = methods.indexOf("GET") < 0 ? methods : ["HEAD"].concat(methods); // the server makes HEAD of GET
  return errorText(405, "MethodNotAllowed", method, use, "", "Allow: " + allow.join(", ") + "\r\n");
}

/** The answer to a path below which only these names stand. */
function noneBelow(asked: string, path: string, below: string[]): string {
  return errorText(404, "NotFound", asked, "there are " + listed([path + below[0]].concat(below.slice(1))));
}

/** The answer to a query that cannot be; `reason` begins with the name. */
function badQuery(reason: string): string {
  const colon = reason.indexOf(": ");
  return errorText(400, "BadRequest", reason.substr(0, colon), reason.substr(colon + 2));
}

/** The answer to a request that may come from the page that it comes from. */
function answerPage(
  needs: Needs,
  method: string,
  asked: string,
  header: string,
  body: string,
  query: string,
  access: Access,
): Pieces {
  const path = pathOf(asked),
    name = asked.substr(path.length),
    row = rowOf(method + " " + path),
    flags = method === "GET" ? null : queryFlags(query, row[FLAGS] ? row[FLAGS].split(",") : []);
  if (flags && flags.reason) return onePiece(badQuery(flags.reason));
  if (!row.length) return onePiece(noRoute(method, asked, path));
  const below = row[BELOW] ? row[BELOW].split(",") : [];
  if (below.length && below.indexOf(name) < 0) return onePiece(noneBelow(asked, path, below));
  const refused = refuseAccess(needs, header, row[OWNERS] === "1", row[0], body, access);
  if (refused) return onePiece(refused);
  const handler = handlerOf(row[0] as RouteName);
  return handler.run ? handler.run(needs, body, flags ? flags.on : [], name) : inParts(needs, handler.part!, row[TYPE]);
}

/** The answer to a request; `query` is what stands behind the question mark. */
export function answer(
  needs: Needs,
  method: string,
  asked: string,
  header: string,
  body: string,
  query: string,
): Pieces {
  const access: Access = { headers: "" },
    refused = refuseForeign(needs, header, method !== "GET", access);
  if (refused) return onePiece(refused);
  const pieces =
    method === "OPTIONS" && access.headers
      ? onePiece(preflightText())
      : answerPage(needs, method, asked, header, body, query, access);
  return withHeaders(pieces, access.headers);
}

// PUT /api/config, PUT /api/mqtt and POST /api/mqtt/test: what the body says, and the answer.

/** Why there is no change now. */
function busy(where: string, reason: string): Pieces {
  return onePiece(errorText(409, "Busy", where, reason));
}

/**
 * PUT: `module` "" takes a document of modules (or a file of them), else the settings of that one. With the flag dry it
 * is only checked, with confirm it may silence CAN or end a current.
 */
export function change(needs: Needs, body: string, module: string, flags: string[], isFile: boolean): Pieces {
  const reply: Reply = { text: null, test: null },
    isDry = flags.indexOf("dry") >= 0;
  const asked: Asked = {
    text: body,
    module: module,
    isFile: isFile,
    remote: "h",
    dry: isDry,
    confirmed: flags.indexOf("confirm") >= 0,
    then: tellChange(needs, reply, isDry),
  };
  return beginChange(needs, asked) ? laterPiece(reply) : busy("settings", "another change is under way");
}

/** POST /api/mqtt/test: MQTT is tried with these settings, nothing is kept. */
export function testWith(needs: Needs, body: string): Pieces {
  const reply: Reply = { text: null, test: null };
  const asked: Asked = {
    text: body || "{}",
    module: "mqtt",
    remote: "h",
    dry: true,
    confirmed: false,
    then: function (put, values) {
      if (put.code) answerLater(needs, reply, changeText(put, true));
      else if (needs.commands.test)
        answerLater(needs, reply, errorText(409, "Busy", "mqtt.test", "another test is under way"));
      else reply.test = beginTest(needs, values["mqtt"], "", 0);
    },
  };
  if (needs.commands.test) return busy("mqtt.test", "another test is under way");
  return beginChange(needs, asked) ? laterPiece(reply) : busy("settings", "another change is under way");
}

// PUT /api/tls/ca, /cert and /key: a PEM file (RFC 7468) becomes DER in the flash, which is what the interpreter wants.

/** The answer. An empty body takes the file away. It counts from the next connection on. */
export function putTls(needs: Needs, name: string, body: string): string {
  const file = "tls." + name;
  const der = body ? derOf(name, body) : "";
  if (der[0] === "!") return errorText(400, "CfgApplyFailed", name, der.substr(1));
  try {
    const files = needs.store,
      crc32 = needs.natives.crc32;
    if (name === "ca") writeSlot(files, crc32, newestSlot(files, crc32).document, der);
    else if (der) files.write(file, der);
    else files.erase(file);
    if ((name === "ca" ? caOf(files, crc32) : files.read(file) || "") !== der)
      return errorText(507, "IoError", "flash", "read back something else");
  } catch (error) {
    return errorText(507, "IoError", "flash", "cannot write");
  }
  const reply: Record<string, unknown> = { "ok": true, "bytes": der.length };
  if (name === "ca" && der)
    reply["warning"] = "kept, but the interpreter checks no certificate: TLS encrypts, nobody is verified";
  return bodyText(200, JSON.stringify(reply) + "\r\n");
}
