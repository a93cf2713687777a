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
import { limitsPiece, linesPiece, livePiece, machinePiece, networkPiece } from "./status.cold";

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
  /** Answer a request that may be; `name` is one of `below`. */
  run(needs: Needs, body: string, flags: string[], name: string): Pieces;
}

/**
 * The table. A handler calls: the bare name of a cold function would make it from flash with the table. It is returned
 * as it is, because a variable here would be held by the handlers that it holds.
 */
export function routes(): Route[] {
  return [
    { method: "GET", path: "/api/status", run: (needs) => statusPieces(needs) },
    { method: "GET", path: "/api/config", run: (needs) => configPieces(needs, "") },
    {
      method: "PUT",
      path: "/api/config",
      isOwners: true,
      flags: ["dry", "confirm"],
      run: (needs, body, flags) => change(needs, body, "", flags),
    },
    { method: "GET", path: "/api/mqtt", run: (needs) => configPieces(needs, "mqtt") },
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
  return refused ? onePiece(refused) : found.run(needs, body, flags ? flags.on : [], name);
}

// What outlives the request: answers in pieces, which hold nothing of the table.

/** An answer that is there. */
export function onePiece(text: string): Pieces {
  return function (piece) {
    return piece ? "" : text;
  };
}

/** GET /api/status. */
export function statusPieces(needs: Needs): Pieces {
  return function (piece) {
    return piece === 0
      ? livePiece(needs)
      : piece === 1
        ? limitsPiece(needs)
        : piece === 2
          ? networkPiece(needs)
          : piece === 3
            ? linesPiece(needs)
            : piece === 4
              ? machinePiece(needs)
              : "";
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

// GET /api/config and GET /api/mqtt: the settings, one piece a module, secrets masked.

/** The answer; `module` "" is the whole document, else that one alone. */
export function configPieces(needs: Needs, module: string): Pieces {
  return function (piece) {
    return configPiece(needs, piece, module);
  };
}

/** A piece of it, "" after the last. */
export function configPiece(needs: Needs, piece: number, module: string): string {
  const names = modules.split(" "),
    name = module || names[piece],
    document = newestSlot(needs.store, needs.natives.crc32).document;
  if ((module && piece) || !name) return !module && piece === names.length ? "}\r\n" : "";
  const text = moduleText(document, needs.presets, name);
  if (module) return bodyText(200, text.substr(text.indexOf(":") + 1) + "\r\n");
  return (piece ? "," : headText(200) + "{") + text;
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
