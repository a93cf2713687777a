// A self-signed certificate for tests, made by openssl.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findExecutable, temporaryDirectory } from "./interpreter";

/** PEM texts. */
export interface Certificate {
  cert: string;
  key: string;
}

/** Null where openssl is not installed. `kind` is the key's: an RSA key of 2048 bits, or one on the curve P-256. */
export function makeCertificate(kind: "rsa" | "ec" = "rsa"): Certificate | null {
  if (!findExecutable("openssl")) return null;
  const directory = temporaryDirectory(),
    cert = join(directory.path, "cert.pem"),
    key = join(directory.path, "key.pem");
  try {
    const words =
      kind === "rsa" ? ["-newkey", "rsa:2048"] : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const files = ["-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", "-nodes", ...words, ...files, "-days", "2", "-subj", "/CN=localhost"], {
      stdio: "ignore",
    });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    directory.remove();
  }
}
