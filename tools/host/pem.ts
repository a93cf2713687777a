// Certificates and keys for the device's flash: PEM files (RFC 7468) as the DER that PUT /api/tls makes of them.
import { readFileSync } from "node:fs";

/** Files of the flash that TLS reads, by what they are. */
export type TlsFiles = Partial<Record<"ca" | "cert" | "key", string>>;

const BLOCK = /-----BEGIN ([A-Z ]+)-----([^-]*)-----END \1-----/g;

/** The DER bytes of a file with one block whose label ends with `label`. Throws an Error with the reason. */
export function derOf(path: string, label: "CERTIFICATE" | "PRIVATE KEY"): string {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    throw new Error(`names a file that cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  const blocks = [...text.matchAll(BLOCK)];
  if (blocks.length !== 1 || !blocks[0]![1]!.endsWith(label) || blocks[0]![1]!.startsWith("ENCRYPTED"))
    throw new Error(`must name a PEM file with one block ${label}`);
  return Buffer.from(blocks[0]![2]!, "base64").toString("latin1");
}
