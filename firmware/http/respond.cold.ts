// One request taken apart and answered (RFC 9112): request line, the headers that matter, body by Content-Length.
import { errorText, headerOf } from "./head.cold";
import type { Client, Server } from "./server";

function whole(text: string): (piece: number) => string {
  return function (piece) { return piece === 0 ? text : ""; };
}

/** Set the client's answer if its request is complete or wrong, else the length at which it will be. */
export function respond(server: Server, client: Client, mostHeader: number, mostBody: number): void {
  const rx = client.rx, end = rx.indexOf("\r\n\r\n"), header = rx.substr(0, end < 0 ? 0 : end), line = header.split("\r\n")[0].split(" ");
  const length = headerOf(header, "content-length"), size = length ? +length : 0;
  if (end < 0 || end > mostHeader) {
    client.pieces = whole(errorText(431, "PayloadTooLarge", "header", "must be at most " + mostHeader + " bytes"));
  } else if (line.length !== 3 || line[2].substr(0, 7) !== "HTTP/1." || line[1][0] !== "/") {
    client.pieces = whole(errorText(400, "BadRequest", "request line", "must be METHOD /path HTTP/1.1"));
  } else if (headerOf(header, "transfer-encoding")) {
    client.pieces = whole(errorText(501, "BadRequest", "transfer-encoding", "send a Content-Length instead"));
  } else if (!(size >= 0) || size !== (size | 0)) {
    client.pieces = whole(errorText(400, "BadRequest", "content-length", "must be a whole number"));
  } else if (size > mostBody) {
    client.pieces = whole(errorText(413, "PayloadTooLarge", "body", "must be at most " + mostBody + " bytes"));
  } else if (rx.length < end + 4 + size) {
    client.want = end + 4 + size;
  } else {
    try {
      client.pieces = server.answer(line[0], line[1].split("?")[0], header, rx.substr(end + 4, size), line[1].split("?")[1] || "");
    } catch (error) {
      client.pieces = whole(errorText(500, "Failed", line[1], "" + error));
    }
  }
}
