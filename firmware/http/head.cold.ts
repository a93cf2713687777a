// Heads of requests and answers (RFC 9112).

/** Value of a header, "" when it is missing; names in any case. */
function valueOf(header: string, name: string): string {
  const at = header.toLowerCase().indexOf("\r\n" + name + ":");
  if (at < 0) return "";
  const from = at + name.length + 3, end = header.indexOf("\r\n", from);
  return header.substring(from, end < 0 ? header.length : end).trim();
}

const texts: Record<number, string> = { 200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
  409: "Conflict", 413: "Content Too Large", 431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
  507: "Insufficient Storage" };

/** Status line and headers; the end of the connection ends the body. All bodies are JSON. */
function statusLine(status: number): string {
  return "HTTP/1.1 " + status + " " + texts[status] + "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
}

/** An error as JSON: a code, the field or part of the request it is about, and the reason. */
export function errorText(status: number, code: string, where: string, reason: string): string {
  const error = { "code": code, "where": where, "reason": reason, "retryable": status >= 500 || code === "Busy" };
  return statusLine(status) + JSON.stringify({ "ok": false, "err": error }) + "\r\n";
}

/** Status line and headers of an answer. */
export function headText(status: number): string {
  return statusLine(status);
}

/** The set-up token that a request carries. */
export function tokenOf(header: string): string {
  return valueOf(header, "x-setup-token");
}

/** A header that a request carries, "" when it does not; names in any case. */
export function headerOf(header: string, name: string): string {
  return valueOf(header, name);
}
