// The routes of the HTTP API: a table, what stands in it is found and answered, and the handlers.

import type { Needs } from "./needs";
import { moduleText } from "../config/document.cold";
import { modules } from "../config/fields.baked";
import { derOf } from "../config/pem.cold";
import { settingsOf } from "../config/settings.cold";
import { newestSlot } from "../config/slots.cold";
import type { Pieces } from "../http/server";
import { bodyText, clientEvent, errorText, headText, headerOf, queryFlags, tokenOf } from "../http/server.cold";
import type { MqttTest } from "../command/state";
import { beginTest } from "../command/test.cold";
import type { Asked, Put } from "../settings/change";
import { beginChange } from "../settings/put.cold";
import { cellsPart, eventsPart, limitsPart } from "./battery.cold";
import { canPart } from "./can.cold";
import { logPart } from "./log.cold";
import { metricsPart } from "./metrics.cold";
import { statusPart } from "./status.cold";

/** A part of an answer without a head: its pieces from 0 on, "" behind the last. */
export type Part = (needs: Needs, piece: number) => string;

/** A route: a row of the table. */
export interface Route {
  method: "GET" | "PUT" | "POST";
  path: string;
  /** What may stand behind the path. */
  below?: string[];
  /** Only for who knows the set-up token or the password. */
  isOwners?: true;
  /** Flags that the query may have; that of GET is ignored: dashboards add to it. */
  flags?: string[];
  /** What is read, a part that is the whole answer, of that type (JSON unless said); or
   * answer a request that may be, `name` is one of `below`. */
  part?: Part;
  type?: string;
  run?(needs: Needs, body: string, flags: string[], name: string): Pieces;
}

/**
 * The table. A handler calls: the bare name of a cold function would make it from flash with the table. It is returned
 * as it is, because a variable here would be held by the handlers that it holds.
 */
export function routes(): Route[] {
  return [
    { method: "GET", path: "/api/status", part: (needs, piece) => statusPart(needs, piece) },
    { method: "GET", path: "/api/cells", part: (needs, piece) => cellsPart(needs, piece) },
    { method: "GET", path: "/api/limits", part: (needs, piece) => limitsPart(needs, piece) },
    { method: "GET", path: "/api/events", part: (needs, piece) => eventsPart(needs, piece) },
    { method: "GET", path: "/api/can", part: (needs, piece) => canPart(needs, piece) },
    { method: "GET", path: "/api/log", part: (needs, piece) => logPart(needs, piece) },
    {
      method: "GET",
      path: "/metrics",
      type: "text/plain; version=0.0.4",
      part: (needs, piece) => metricsPart(needs, piece),
    },
    { method: "GET", path: "/api/config", part: (needs, piece) => configPart(needs, piece) },
    {
      method: "PUT",
      path: "/api/config",
      isOwners: true,
      flags: ["dry", "confirm"],
      run: (needs, body, flags) => change(needs, body, "", flags),
    },
    { method: "GET", path: "/api/mqtt", run: (needs) => onePiece(moduleAnswer(needs, "mqtt")) },
    {
      method: "PUT",
      path: "/api/mqtt",
      isOwners: true,
      flags: ["dry", "confirm"],
      run: (needs, body, flags) => change(needs, body, "mqtt", flags),
    },
    { method: "POST", path: "/api/mqtt/test", isOwners: true, run: (needs, body) => testWith(needs, body) },
    {
      method: "PUT",
      path: "/api/tls/",
      below: ["ca", "cert", "key"],
      isOwners: true,
      run: (needs, body, flags, name) => onePiece(putTls(needs, name, body)),
    },
  ];
}

/** "a, b and c". */
function listed(names: string[]): string {
  return names.slice(0, -1).join(", ") + " and " + names[names.length - 1];
}

/** Whether it is a path of that row. */
function fits(row: Route, path: string): boolean {
  return row.below ? path.startsWith(row.path) : path === row.path;
}

/** The answer to a request that no row takes; `methods` are those of its path. */
function noRoute(rows: Route[], method: string, path: string, methods: string[]): string {
  if (methods.length) {
    const use = "use " + methods.join(" or "),
      allow = methods.indexOf("GET") < 0 ? methods : ["HEAD"].concat(methods); // the server makes HEAD of GET
    return errorText(405, "MethodNotAllowed", method, use, "", "Allow: " + allow.join(", ") + "\r\n");
  }
  const paths: string[] = [];
  for (const row of rows) {
    const text = row.path + (row.below ? row.below.join(", ") : "");
    if (paths.indexOf(text) < 0) paths.push(text);
  }
  return errorText(404, "NotFound", path, "there are " + listed(paths));
}

/** The answer to a query that cannot be; `reason` begins with the name. */
function badQuery(reason: string): string {
  const colon = reason.indexOf(": ");
  return errorText(400, "BadRequest", reason.substr(0, colon), reason.substr(colon + 2));
}

/** The answer to a request; `query` is what stands behind the question mark. */
export function answer(
  needs: Needs,
  method: string,
  path: string,
  header: string,
  body: string,
  query: string,
): Pieces {
  const rows = routes(),
    methods: string[] = [];
  let found: Route | null = null;
  for (const row of rows) {
    if (!fits(row, path)) continue;
    methods.push(row.method);
    if (row.method === method) found = row;
  }
  const flags = method === "GET" ? null : queryFlags(query, (found && found.flags) || []);
  if (flags && flags.reason) return onePiece(badQuery(flags.reason));
  if (!found) return onePiece(noRoute(rows, method, path, methods));
  const name = path.substr(found.path.length),
    below = found.below;
  if (below && below.indexOf(name) < 0)
    return onePiece(
      errorText(404, "NotFound", path, "there are " + listed([found.path + below[0]].concat(below.slice(1)))),
    );
  const refused = found.isOwners ? refuseChange(needs, header) : "";
  if (refused) return onePiece(refused);
  return found.run ? found.run(needs, body, flags ? flags.on : [], name) : inParts(needs, found.part!, found.type);
}

// What outlives the request: answers in pieces, which hold nothing of the table.

/** An answer that is there. */
export function onePiece(text: string): Pieces {
  return function (piece) {
    return piece ? "" : text;
  };
}

/** The answer that is one part. */
export function inParts(needs: Needs, part: Part, type?: string): Pieces {
  return function (piece) {
    const text = part(needs, piece);
    return piece || !text ? text : headText(200, type) + text;
  };
}

/** An answer that comes later, in `reply`. */
export function laterPiece(reply: Reply): Pieces {
  return function (piece) {
    if (piece) return "";
    const test = reply.test;
    return test ? (test.result ? bodyText(200, test.result) : null) : reply.text;
  };
}

// PUT /api/config, PUT /api/mqtt and POST /api/mqtt/test: what the body says, and the answer.

/** Status of a refused change. */
function statusOf(code: string): number {
  return code === "IoError" ? 507 : code === "InterlockBlocked" ? 409 : code === "Failed" ? 500 : 400;
}

/** An answer, null as long as it is not there; or a test that will tell it. */
export interface Reply {
  text: string | null;
  test: MqttTest | null;
}

/** The answer is there: who waits looks whether it is theirs. */
export function answerLater(needs: Needs, reply: Reply, text: string): void {
  reply.text = text;
  for (const client of needs.server.clients.slice()) if (client.pieces) clientEvent(needs.server, client, "drain");
}

/** What came of a change, as HTTP says it. */
export function changeText(put: Put, isDry: boolean): string {
  const warnings = ',"warnings":' + JSON.stringify(put.warnings);
  if (put.code) return errorText(statusOf(put.code), put.code, put.where, put.reason, warnings);
  const reply = JSON.stringify({ "ok": true, "changed": put.changed, "restart": put.restart });
  return bodyText(200, reply.slice(0, -1) + warnings + (isDry ? ',"dry":true' : "") + "}\r\n");
}

/** Why there is no change now. */
function busy(where: string, reason: string): Pieces {
  return onePiece(errorText(409, "Busy", where, reason));
}

/**
 * PUT: `module` "" takes a document of modules, else the settings of that one. With the flag dry it is only checked,
 * with confirm it may silence CAN or end a current.
 */
export function change(needs: Needs, body: string, module: string, flags: string[]): Pieces {
  const reply: Reply = { text: null, test: null },
    isDry = flags.indexOf("dry") >= 0;
  const asked: Asked = {
    text: body,
    module: module,
    remote: "h",
    dry: isDry,
    confirmed: flags.indexOf("confirm") >= 0,
    then: function (put) {
      answerLater(needs, reply, changeText(put, isDry));
    },
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

// GET /api/config and GET /api/mqtt: the settings, secrets masked.

/** The settings in force of a module, as a member of an object. */
function moduleMember(needs: Needs, name: string): string {
  return moduleText(newestSlot(needs.store, needs.natives.crc32).document, needs.presets, name);
}

/** All of them, a module a piece. */
export function configPart(needs: Needs, piece: number): string {
  const names = modules.split(" ");
  if (piece >= names.length) return piece === names.length ? "}\r\n" : "";
  return (piece ? "," : "{") + moduleMember(needs, names[piece]);
}

/** Those of one module alone. */
export function moduleAnswer(needs: Needs, name: string): string {
  const text = moduleMember(needs, name);
  return bodyText(200, text.substr(text.indexOf(":") + 1) + "\r\n");
}

// PUT /api/tls/ca, /cert and /key: a PEM file (RFC 7468) becomes DER in the flash, which is what the interpreter wants.

/** The answer. An empty body takes the file away. It counts from the next connection on. */
export function putTls(needs: Needs, name: string, body: string): string {
  const file = "tls." + name;
  const der = body ? derOf(name, body) : "";
  if (der[0] === "!") return errorText(400, "CfgApplyFailed", name, der.substr(1));
  try {
    if (der) needs.store.write(file, der);
    else needs.store.erase(file);
  } catch (error) {
    return errorText(507, "IoError", "flash", "cannot write");
  }
  if ((needs.store.read(file) || "") !== der) return errorText(507, "IoError", "flash", "read back something else");
  const reply: Record<string, unknown> = { "ok": true, "bytes": der.length };
  if (name === "ca" && der)
    reply["warning"] = "kept, but the interpreter checks no certificate: TLS encrypts, nobody is verified";
  return bodyText(200, JSON.stringify(reply) + "\r\n");
}

// Who may change things over HTTP: who sees the console (set-up token), or who knows the password (setting http.pass;
// RFC 7617).

/** What a refusal asks for (RFC 9110, 11.6.1); the name of the scheme counts in any case (11.1). */
const CHALLENGE = 'WWW-Authenticate: Basic realm="tinybms-gateway"\r\n',
  SCHEME = "basic ";

/** "" for a request that may change something, else the answer that refuses it. */
export function refuseChange(needs: Needs, header: string): string {
  if (tokenOf(header) === needs.token) return "";
  const given = headerOf(header, "authorization"),
    login = settingsOf(needs, "http"),
    pass = login["pass"] as string;
  const isBasic = given.substr(0, SCHEME.length).toLowerCase() === SCHEME;
  if (pass && isBasic && given.substr(SCHEME.length).trim() === btoa(login["user"] + ":" + pass)) return "";
  if (given)
    return errorText(
      401,
      "BadCredentials",
      "Authorization",
      pass ? "wrong user or password" : "no password is set: http.pass",
      "",
      CHALLENGE,
    );
  return errorText(
    401,
    "NotAuthorized",
    "X-Setup-Token",
    "must be the set-up token that the console shows at boot, or log in",
    "",
    CHALLENGE,
  );
}
