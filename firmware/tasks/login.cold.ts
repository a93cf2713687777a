// Who may change things over HTTP: who sees the console (set-up token), or who knows the password (setting http.pass; RFC 7617).
import { errorText, headerOf, tokenOf } from "../http/head.cold";
import type { App } from "./app";
import { settingsOf } from "./settings.cold";

/** "" for a request that may change something, else the answer that refuses it. */
export function refuseChange(app: App, header: string): string {
  if (tokenOf(header) === app.token) return "";
  const given = headerOf(header, "authorization"), login = settingsOf(app, "http"), pass = login["pass"] as string;
  if (pass && given === "Basic " + btoa(login["user"] + ":" + pass)) return "";
  if (given) return errorText(401, "BadCredentials", "Authorization", pass ? "wrong user or password" : "no password is set: http.pass");
  return errorText(401, "NotAuthorized", "X-Setup-Token", "must be the set-up token that the console shows at boot, or log in");
}
