// Certificates and keys come as PEM (RFC 7468) and are kept as DER, which is what the interpreter wants.

import { decoded } from "../kernel/base64.cold";

const BEGIN = "-----BEGIN ",
  END = "-----END ",
  DASHES = "-----";

/** What a PEM block of that file may be called. */
function labelFits(name: string, label: string): boolean {
  return name === "key"
    ? label === "PRIVATE KEY" || label === "RSA PRIVATE KEY" || label === "EC PRIVATE KEY"
    : label === "CERTIFICATE";
}

/**
 * DER of the one PEM block in `text`, for the TLS file of that name (ca, cert, key); or the reason, beginning with "!".
 */
export function derOf(name: string, text: string): string {
  const begin = text.indexOf(BEGIN),
    head = text.indexOf(DASHES, begin + BEGIN.length),
    end = text.indexOf(END, begin);
  const label = text.substring(begin + BEGIN.length, head);
  if (begin < 0 || head < 0 || end < 0) return "!must be a PEM file";
  if (label === "ENCRYPTED PRIVATE KEY" || text.indexOf("ENCRYPTED", head) >= 0) return "!must not be encrypted";
  if (!labelFits(name, label)) return name === "key" ? "!must be a private key" : "!must be a certificate";
  // the interpreter also finds the begin of it at the end of the text
  if ((text + "\n").indexOf(BEGIN, end) >= 0) return "!must hold one block only";
  const lines = text
    .substring(head + DASHES.length, end)
    .split("\n")
    .map(function (line) {
      return line.trim();
    });
  const der = decoded(lines.join("")),
    long = der.charCodeAt(1) - 0x80;
  let size = 0;
  for (let i = 0; i < long; i++) size = size * 256 + der.charCodeAt(2 + i);
  return der.charCodeAt(0) === 0x30 && long > 0 && long < 4 && der.length === 2 + long + size ? der : "!is damaged";
}
