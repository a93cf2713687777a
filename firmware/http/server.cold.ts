// The begin of the HTTP server and of a client.

import { quote } from "../kernel/json.cold";
import type { Socket } from "../kernel/ports";
import { type Client, ENDED, type Pieces, type Server } from "./server";

export function serverOf(now: () => number, soon: Server["soon"], answer: Server["answer"]): Server {
  return { clients: [], port: 0, now: now, soon: soon, answer: answer, requests: 0, wrong: 0, wrongAt: 0 };
}

/** Characters of a client that wait to be looked at: more than any request that is answered has. */
const MOST_WAITING = 6000;

/** A new client. What it does is looked at by the rare part; only the ears stay. */
export function accept(server: Server, socket: Socket): void {
  const client: Client = {
    socket: socket,
    rx: "",
    want: 0,
    body: "",
    chunks: 0,
    isPlanned: false,
    at: server.now(),
    pieces: null,
    piece: 0,
  };
  clientEvent(server, client, "came");
  socket.on("data", function (bytes) {
    const isOut = server.clients.indexOf(client) < 0;
    if (isOut || client.pieces || client.rx.length + bytes.length > MOST_WAITING) return;
    client.rx += bytes;
    bytes = ""; // what waits for its turn below would hold it
    client.at = server.now();
    if (client.isPlanned || client.rx.length < client.want) return;
    client.isPlanned = true;
    server.soon(function () {
      client.isPlanned = false;
      if (!client.pieces) clientEvent(server, client, "bytes");
    });
  });
  socket.on("drain", function () {
    server.soon(function () {
      if (client.pieces) clientEvent(server, client, "drain");
    });
  });
  socket.on("close", function () {
    clientEvent(server, client, "gone");
  });
}

// What happens to a client: it is admitted, its request answered in pieces, and it leaves (by itself, or because it is
// silent).

/**
 * Clients at a time, bytes of a header and of a body, the longest silence of a client, and the longest wait for an
 * answer, ms.
 */
const CLIENTS = 4,
  MOST_HEADER = 1024,
  MOST_BODY = 4096,
  IDLE_MS = 10000,
  ANSWER_MS = 120000;
/** An answer of which nothing was taken for so long may be torn for a new client, ms. */
const STALLED_MS = 3000;

function remove(server: Server, client: Client): void {
  const at = server.clients.indexOf(client);
  if (at >= 0) server.clients.splice(at, 1);
}

function sendNext(server: Server, client: Client): void {
  let text: string | null = "";
  try {
    text = client.pieces ? client.pieces(client.piece) : "";
  } catch (error) {
    // what was begun ends here
    if (!client.piece) text = errorText(500, "Failed", "answer", "" + error);
    client.pieces = function () {
      return "";
    };
  }
  client.at = server.now();
  if (text === null) return;
  client.piece++;
  if (text) {
    client.socket.write(text);
  } else {
    remove(server, client);
    client.socket.end();
  }
}

/** Its answer is still made. */
function waits(client: Client): boolean {
  return client.pieces !== null && !client.piece;
}

/** There is no room for it: it is told so, but for one whose answer has begun. */
function turnAway(client: Client): void {
  try {
    if (!client.piece) client.socket.write(errorText(503, "Busy", "clients", "there are " + CLIENTS + " already"));
    client.socket.end();
  } catch (_error) {
    // it has gone, and that is told next
  }
}

/** Whether it makes room for a new one: it has asked nothing yet, or does not take its answer. */
function canGo(client: Client, now: number): boolean {
  return (!client.pieces && !client.isPlanned) || (client.piece > 0 && now - client.at > STALLED_MS);
}

/** A new client gets a place, or is turned away: who waits for an answer is not torn from it. */
function admit(server: Server, client: Client): void {
  const clients = server.clients,
    now = server.now();
  let oldest: Client | null = null;
  if (clients.length >= CLIENTS) {
    for (const other of clients) {
      const isSame = oldest && !other.pieces === !oldest.pieces;
      if (canGo(other, now) && (!oldest || (isSame ? other.at < oldest.at : !other.pieces))) oldest = other;
    }
    if (!oldest) return turnAway(client);
    remove(server, oldest);
    turnAway(oldest);
  }
  clients.push(client);
}

/** Its head is there, or too long. What came is held by nobody but the client, for it is long. */
function hasHead(client: Client): boolean {
  const rx = client.rx,
    end = rx.indexOf("\r\n\r\n"); // the interpreter also finds the begin of it at the end of what came
  return (end >= 0 && end + 4 <= rx.length) || rx.length > MOST_HEADER;
}

function received(server: Server, client: Client): void {
  // an empty line before a request is what some clients send behind their last one (RFC 9112, 2.2)
  while (client.want === 0 && client.rx.substr(0, 2) === "\r\n") client.rx = client.rx.substr(2);
  if (client.want === 0 && !hasHead(client)) return;
  respond(server, client, MOST_HEADER, MOST_BODY);
  if (client.pieces) {
    client.rx = "";
    server.requests++;
    sendNext(server, client);
  }
}

/**
 * What happened to a client: it came (when all places are taken the one that has been silent longest makes room), more
 * of its request came, its output left, it went. One whose place was taken may still be heard, and is not answered.
 */
export function clientEvent(server: Server, client: Client, event: "came" | "bytes" | "drain" | "gone"): void {
  if (event === "came") admit(server, client);
  else if (server.clients.indexOf(client) < 0) return;
  else if (event === "bytes") received(server, client);
  else if (event === "drain") sendNext(server, client);
  else remove(server, client);
}

/** Close clients that have been silent too long; one whose answer is still made is not silent, but for so long. */
export function sweep(server: Server, now: number): void {
  for (const client of server.clients.slice()) {
    if (now - client.at > (waits(client) ? ANSWER_MS : IDLE_MS)) {
      remove(server, client);
      client.socket.end();
    }
  }
}

// A body in chunks (RFC 9112, 7.1): each is taken out of what came as soon as it is whole.

/** More of them are no body of 4 kB that somebody sends in earnest. */
const MOST_CHUNKS = 200,
  MOST_SIZE_LINE = 64,
  MOST_TRAILER = 256;
const HEX = "0123456789abcdef";

/** The number in the line before a chunk; NaN when there is none. What stands behind a semicolon counts nothing. */
function chunkSize(line: string): number {
  const digits = line.split(";")[0].trim().toLowerCase();
  let size = 0;
  if (!digits || digits.length > 8) return NaN;
  for (let i = 0; i < digits.length; i++) {
    const place = HEX.indexOf(digits[i]);
    size = place < 0 ? NaN : size * 16 + place;
  }
  return size;
}

/**
 * Take the chunks that are whole from `from` on. "" when all is well: they are all there (`client.chunks` is ENDED), or
 * `client.want` says when to look again; else the answer that refuses.
 */
export function takeChunks(client: Client, from: number, mostBody: number): string {
  const rx = client.rx,
    bad = "must be a hexadecimal size, a line end, so many bytes, a line end";
  let at = from;
  while (client.chunks !== ENDED) {
    const line = rx.indexOf("\r\n", at); // the interpreter also finds its first half at the end of what came
    client.want = rx.length + 1;
    if (line < 0 || line + 2 > rx.length) {
      if (rx.length - at > MOST_SIZE_LINE) return errorText(400, "BadRequest", "chunk", bad);
      break;
    }
    const size = chunkSize(rx.substring(at, line)),
      end = size ? line + 2 + size : rx.indexOf("\r\n\r\n", line) + 2;
    if (!(size >= 0) || client.chunks >= MOST_CHUNKS) return errorText(400, "BadRequest", "chunk", bad);
    if (client.body.length + size > mostBody)
      return errorText(413, "PayloadTooLarge", "body", "must be at most " + mostBody + " bytes");
    if (!size && (end < 2 || end + 2 > rx.length)) {
      if (rx.length - line > MOST_TRAILER) return errorText(400, "BadRequest", "trailer", "must be short, or none");
      break;
    }
    if (end + 2 > rx.length) {
      client.want = end + 2;
      break;
    }
    if (rx.substr(end, 2) !== "\r\n") return errorText(400, "BadRequest", "chunk", bad);
    client.body += rx.substr(line + 2, size);
    client.chunks = size ? client.chunks + 1 : ENDED;
    at = end + 2;
  }
  client.rx = rx.substr(0, from) + rx.substr(at);
  client.want -= at - from;
  return "";
}

// One request taken apart and answered (RFC 9112): request line, the headers that matter, body by Content-Length or in
// chunks.

/** The path that a target asks for: of its absolute form (3.2.2) what stands behind the server's name. */
function pathOf(target: string): string {
  if (target.substr(0, 7).toLowerCase() !== "http://") return target;
  const slash = target.indexOf("/", 7);
  return slash < 0 ? "/" : target.substr(slash);
}

/** Of an answer the head alone, which is in its first piece. */
function bodiless(pieces: Pieces): Pieces {
  return function (piece) {
    const text = piece ? "" : pieces(0);
    return text && text.substr(0, text.indexOf("\r\n\r\n") + 4);
  };
}

function whole(text: string): (piece: number) => string {
  return function (piece) {
    return piece === 0 ? text : "";
  };
}

/** Whether the answer cannot be asked for yet: chunks are missing, or what came is refused. */
function wantsChunks(client: Client, from: number, mostBody: number): boolean {
  const refused = takeChunks(client, from, mostBody);
  if (refused) client.pieces = whole(refused);
  return refused !== "" || client.chunks !== ENDED;
}

/** Set the client's answer if its request is complete or wrong, else the length at which it will be. */
export function respond(server: Server, client: Client, mostHeader: number, mostBody: number): void {
  let rx = client.rx;
  const end = rx.indexOf("\r\n\r\n"),
    header = rx.substr(0, end < 0 ? 0 : end),
    line = end < 0 ? [] : header.split("\r\n")[0].split(" "); // of "" the interpreter's split has no part
  const refused = end < 0 ? "" : refuseHead(header, line[2] === "HTTP/1.1"),
    size = +headerOf(header, "content-length"),
    coding = headerOf(header, "transfer-encoding").toLowerCase(),
    isFirst = client.want === 0,
    expected = headerOf(header, "expect").toLowerCase(),
    target = pathOf(line[1] || ""),
    isHead = line[0] === "HEAD";
  if (end < 0 || end > mostHeader) {
    client.pieces = whole(errorText(431, "PayloadTooLarge", "header", "must be at most " + mostHeader + " bytes"));
  } else if (line.length !== 3 || (line[2] !== "HTTP/1.1" && line[2] !== "HTTP/1.0") || target[0] !== "/") {
    client.pieces = whole(errorText(400, "BadRequest", "request line", "must be METHOD /path HTTP/1.1"));
  } else if (refused) {
    const colon = refused.indexOf(": ");
    client.pieces = whole(errorText(400, "BadRequest", refused.substr(0, colon), refused.substr(colon + 2)));
  } else if (coding && (coding !== "chunked" || line[2] === "HTTP/1.0")) {
    client.pieces = whole(errorText(501, "BadRequest", "transfer-encoding", "must be chunked, of HTTP/1.1, or none"));
  } else if (size > mostBody) {
    client.pieces = whole(errorText(413, "PayloadTooLarge", "body", "must be at most " + mostBody + " bytes"));
  } else if (expected && expected !== "100-continue") {
    client.pieces = whole(errorText(417, "BadRequest", "expect", "must be 100-continue"));
  } else if (coding ? wantsChunks(client, end + 4, mostBody) : rx.length < end + 4 + size) {
    if (!coding) client.want = end + 4 + size;
    if (isFirst && expected && line[2] !== "HTTP/1.0" && !client.pieces)
      client.socket.write("HTTP/1.1 100 Continue\r\n\r\n"); // RFC 9110, 10.1.1
  } else {
    try {
      const mark = target.indexOf("?"),
        body = coding ? client.body : rx.substr(end + 4, size);
      client.rx = client.body = rx = ""; // the body is the longest text there is, and stands once while it is answered
      client.pieces = server.answer(
        isHead ? "GET" : line[0],
        mark < 0 ? target : target.substr(0, mark),
        header,
        body,
        mark < 0 ? "" : target.substr(mark + 1),
      );
    } catch (error) {
      client.pieces = whole(errorText(500, "Failed", line[1], "" + error));
    }
  }
  if (isHead && client.pieces) client.pieces = bodiless(client.pieces);
}

// Heads of requests and answers (RFC 9112).

/** Value of a header, "" when it is missing; names in any case. */
function valueOf(header: string, name: string): string {
  const at = header.toLowerCase().indexOf("\r\n" + name + ":");
  if (at < 0) return "";
  const from = at + name.length + 3,
    end = header.indexOf("\r\n", from);
  return header.substring(from, end < 0 ? header.length : end).trim();
}

/** Digits alone: `+` also takes 0x10, 1e3 and +5 for numbers. */
function isNumber(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text[i] < "0" || text[i] > "9") return false;
  return text !== "";
}

/** Headers that stand at most once: two readers may each take another one of two. */
const ONCE = ["host", "content-length", "transfer-encoding"],
  HOST = 0,
  LENGTH = 1,
  ENCODING = 2;

/**
 * Why a head cannot be taken, beginning with the header, "" when it can. Where a proxy may read it otherwise than this
 * server it is refused (RFC 9112: 3.2 Host, 5.1 and 5.2 lines, 6.3 length).
 */
function refuseHead(header: string, needsHost: boolean): string {
  const counts = [0, 0, 0];
  for (const line of header.split("\r\n").slice(1)) {
    const colon = line.indexOf(":"),
      name = line.substr(0, colon < 0 ? 0 : colon).toLowerCase(),
      at = ONCE.indexOf(name);
    if (
      !name ||
      name.indexOf(" ") >= 0 ||
      name.indexOf("\t") >= 0 ||
      line.indexOf("\r") >= 0 ||
      line.indexOf("\n") >= 0
    )
      return "header: must be lines of a name, a colon and a value";
    if (at >= 0) counts[at]++;
  }
  for (const count of counts) if (count > 1) return ONCE[counts.indexOf(count)] + ": must stand there once";
  if (needsHost && !counts[HOST]) return "host: must be there";
  if (counts[LENGTH] && counts[ENCODING]) return "content-length: must not stand beside transfer-encoding";
  return counts[LENGTH] && !isNumber(valueOf(header, "content-length")) ? "content-length: must be a whole number" : "";
}

const texts: Record<number, string> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  507: "Insufficient Storage",
};

/** The type of nearly all bodies. */
const JSON_TYPE = "application/json";

/** Status line and headers, with `more` of them, each with its line end. */
function statusLine(status: number, type: string, more: string): string {
  return (
    "HTTP/1.1 " +
    status +
    " " +
    texts[status] +
    "\r\nContent-Type: " +
    type +
    "\r\nCache-Control: no-store\r\nConnection: close\r\n" +
    more +
    "\r\n"
  );
}

function wholeText(status: number, body: string, more: string): string {
  return statusLine(status, JSON_TYPE, more + "Content-Length: " + body.length + "\r\n") + body;
}

/**
 * An error as JSON: a code, the field or part of the request it is about, and the reason; `more` are members behind it
 * (`,"a":1`), `headers` lines of the head.
 */
export function errorText(
  status: number,
  code: string,
  where: string,
  reason: string,
  more?: string,
  headers?: string,
): string {
  const head = (code === "Busy" ? "Retry-After: 1\r\n" : "") + (headers || ""),
    mayAgain = status >= 500 || code === "Busy";
  return wholeText(
    status,
    `{"ok":false,"err":{"code":"${code}","where":${quote(where)},"reason":${quote(reason)},"retryable":${mayAgain}}` +
      `${more || ""}}\r\n`,
    head,
  );
}

/**
 * Status line and headers of an answer in pieces, JSON unless `type` says otherwise; the end of the connection ends it.
 */
export function headText(status: number, type?: string): string {
  return statusLine(status, type || JSON_TYPE, "");
}

/** An answer that is there as a whole. */
export function bodyText(status: number, body: string): string {
  return wholeText(status, body, "");
}

/** The set-up token that a request carries. */
export function tokenOf(header: string): string {
  return valueOf(header, "x-setup-token");
}

/** A header that a request carries, "" when it does not; names in any case. */
export function headerOf(header: string, name: string): string {
  return valueOf(header, name);
}

// What stands behind the question mark of a request that changes something.

/** Values that a flag may have. */
const ON = ["true", "1", "yes"],
  OFF = ["false", "0", "no"];

/**
 * Flags of a query as `name=value&...`: those that are on. Names are of `known`, each at most once; anything else, or a
 * value that is neither yes nor no, gives a reason, beginning with the name: a `dry` that is misread would be done for
 * real.
 */
export function queryFlags(query: string, known: string[]): { on: string[]; reason: string } {
  const on: string[] = [],
    seen: string[] = [];
  for (const part of query ? query.split("&") : []) {
    const at = part.indexOf("="),
      name = at < 0 ? part : part.substr(0, at),
      value = at < 0 ? "" : part.substr(at + 1),
      about = (name || "query").substr(0, 32);
    if (known.indexOf(name) < 0)
      return {
        on: [],
        reason: about + (known.length ? ": there are " + known.join(", ") + " here" : ": there is none here"),
      };
    if (seen.indexOf(name) >= 0) return { on: [], reason: about + ": stands twice" };
    if (ON.indexOf(value) < 0 && OFF.indexOf(value) < 0)
      return { on: [], reason: about + ": must be true, 1, yes, false, 0 or no" };
    seen.push(name);
    if (ON.indexOf(value) >= 0) on.push(name);
  }
  return { on: on, reason: "" };
}
