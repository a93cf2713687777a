// PUT /api/tls/ca, /cert and /key: a PEM file (RFC 7468) becomes DER in the flash, which is what the interpreter wants.
import { errorText, headText } from "../http/head.cold";
import type { App } from "./app";
import { refuseChange } from "./shared";

const BEGIN = "-----BEGIN ", END = "-----END ", DASHES = "-----";

/** What a PEM block of that file may be called. */
function labelFits(name: string, label: string): boolean {
  return name === "key" ? label === "PRIVATE KEY" || label === "RSA PRIVATE KEY" || label === "EC PRIVATE KEY" : label === "CERTIFICATE";
}

/** DER of the one PEM block in `text`; or the reason, beginning with "!". */
function derOf(name: string, text: string): string {
  const begin = text.indexOf(BEGIN), head = text.indexOf(DASHES, begin + BEGIN.length), end = text.indexOf(END, begin);
  const label = text.substring(begin + BEGIN.length, head);
  if (begin < 0 || head < 0 || end < 0) return "!must be a PEM file";
  if (label === "ENCRYPTED PRIVATE KEY" || text.indexOf("ENCRYPTED", head) >= 0) return "!must not be encrypted";
  if (!labelFits(name, label)) return name === "key" ? "!must be a private key" : "!must be a certificate";
  if (text.indexOf(BEGIN, end) >= 0) return "!must hold one block only";
  const lines = text.substring(head + DASHES.length, end).split("\n").map(function (line) { return line.trim(); });
  const der = atob(lines.join("")), long = der.charCodeAt(1) - 0x80;
  let size = 0;
  for (let i = 0; i < long; i++) size = size * 256 + der.charCodeAt(2 + i);
  return der.charCodeAt(0) === 0x30 && long > 0 && long < 4 && der.length === 2 + long + size ? der : "!is damaged";
}

/** The answer. An empty body takes the file away. It counts from the next connection on. */
export function putTls(app: App, path: string, header: string, body: string): string {
  const name = path.substr(9), file = "tls." + name, refused = refuseChange(app, header);
  if (name !== "ca" && name !== "cert" && name !== "key") return errorText(404, "NotFound", path, "there are /api/tls/ca, cert and key");
  if (refused) return refused;
  const der = body ? derOf(name, body) : "";
  if (der[0] === "!") return errorText(400, "CfgApplyFailed", name, der.substr(1));
  try {
    if (der) app.store.write(file, der);
    else app.store.erase(file);
  } catch (error) {
    return errorText(507, "IoError", "flash", "cannot write");
  }
  if ((app.store.read(file) || "") !== der) return errorText(507, "IoError", "flash", "read back something else");
  return headText(200) + JSON.stringify({ "ok": true, "bytes": der.length }) + "\r\n";
}
