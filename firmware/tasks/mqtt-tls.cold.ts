// What an encrypted connection needs, and what a connection that throws means: for the connection in use and for its test.
import type { App } from "./app";

/** CA, certificate and key as the flash has them. */
export function tlsFiles(app: App): string[] {
  return ["tls.ca", "tls.cert", "tls.key"].map(function (name) { return app.store.read(name) || ""; });
}

/** Code and text of what `connect` or `connectTls` threw. */
export function connectFault(error: unknown, isTls: boolean, broker: string): string[] {
  const why = "" + error, missing = why.indexOf("TLS needs");
  if (missing >= 0) return ["TlsUnavailable", why.substr(missing)];
  if (isTls && why.indexOf("create socket") < 0) return ["TlsFailed", "certificate or key: " + why];
  return ["ConnRefused", "cannot connect to " + broker];
}
