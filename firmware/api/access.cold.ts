// Who may ask for what. Foreign pages first: a browser sends for them what it sends for ours, and passwords that it
// knows by heart too; but it says which page asks (Origin, which no page can leave out or change) and which name it was
// given (Host). Then logins: the owner's password (setting http.pass), or until there is one what the console shows,
// the device's own password and the set-up token.

import type { Needs } from "./needs";
import { trimmed } from "../config/forms.cold";
import { fitsPass, isSame, ownPass } from "../config/pass.cold";
import { decoded } from "../kernel/base64.cold";
import { settingsOf, type Values } from "../config/settings.cold";
import { bodyText, errorText, headerOf, tokenOf } from "../http/server.cold";

/** Lines for the head of the answer. */
export interface Access {
  headers: string;
}

/** Ends of names that stand in no public name server: no foreign page can be made to have one. */
const LOCAL = ["local", "lan", "home", "internal", "localdomain", "home.arpa", "fritz.box"];

/** Origins whose pages may use the API (setting http.cors), as browsers say them. */
function listedOrigins(http: Values): string[] {
  return (http["cors"] as string).toLowerCase().split(",").map(trimmed);
}

/** Name and port of an origin. */
function placeOf(origin: string): string {
  return origin.substr(origin.indexOf("://") + 3);
}

/** A Host that is an address, one label, or a name of local networks. */
function isLocal(host: string): boolean {
  const name = host.split(":")[0];
  if (name.indexOf(".") < 0 || host[0] === "[" || !/[^0-9.]/.test(name)) return true;
  return LOCAL.some(function (end) {
    return name.endsWith("." + end);
  });
}

/**
 * "" when this page may ask, by this name, else the answer that refuses. Only what says something unusual has the
 * settings read.
 */
export function refuseForeign(needs: Needs, header: string, isChange: boolean, access: Access): string {
  const host = headerOf(header, "host").toLowerCase(),
    origin = headerOf(header, "origin").toLowerCase(),
    site = headerOf(header, "sec-fetch-site"),
    isOwn = !origin || (origin.indexOf("://") > 0 && placeOf(origin) === host),
    isOtherSite = isChange && (site === "cross-site" || site === "same-site");
  if (isOwn && isLocal(host) && !isOtherSite) return "";
  const listed = listedOrigins(settingsOf(needs, "http")),
    isListed = origin !== "" && listed.indexOf(origin) >= 0;
  if (isListed && !isOwn) access.headers = "Access-Control-Allow-Origin: " + origin + "\r\nVary: Origin\r\n";
  if (isListed) return "";
  if (!isOwn) return errorText(403, "Forbidden", "Origin", "this page's origin is not in http.cors");
  if (isOtherSite) return errorText(403, "Forbidden", "Sec-Fetch-Site", "a page of another site asks");
  return listed.map(placeOf).indexOf(host) < 0
    ? errorText(421, "Forbidden", "Host", "use the address, or name this host in http.cors")
    : "";
}

/** The answer to a browser that asks before a page of a listed origin may (Fetch Standard, CORS-preflight). */
export function preflightText(): string {
  return bodyText(200, "").replace(
    "\r\n",
    "\r\nAccess-Control-Allow-Methods: GET, PUT, POST\r\nAccess-Control-Allow-Headers: " +
      "Authorization, Content-Type, X-Requested-With, X-Setup-Token\r\nAccess-Control-Max-Age: 600\r\n",
  );
}

/** In read-only mode the only change. */
const WRITABLE = '{"http":{"read_only":false}}';

/** "" when who sent this header may make that request, else the answer that refuses. */
export function refuseAccess(
  needs: Needs,
  header: string,
  isChange: boolean,
  route: string,
  body: string,
  access: Access,
): string {
  if (!isChange && !needs.commands.readAuth) return "";
  const isPage = headerOf(header, "origin") || headerOf(header, "sec-fetch-site");
  if (isChange && isPage && !headerOf(header, "x-requested-with") && !tokenOf(header))
    return errorText(403, "Forbidden", "X-Requested-With", "a page must send it: no other site's page can");
  const http = settingsOf(needs, "http"),
    refused = refuseLogin(needs, header, http);
  if (refused) return refused;
  if (isChange && http["read_only"] && !(route === "PUT /api/config" && trimmed(body) === WRITABLE))
    return errorText(403, "ReadOnly", "http.read_only", "PUT " + WRITABLE + " to /api/config ends it");
  if (!isKnown(needs, header) && headerOf(header, "authorization"))
    access.headers += "Set-Cookie: " + markOf(needs) + "; Path=/; HttpOnly; SameSite=Strict\r\n";
  return "";
}

// Logins (RFC 7617).

/** What a refusal asks for (RFC 9110, 11.6.1); the name of the scheme counts in any case (11.1). */
const CHALLENGE = 'WWW-Authenticate: Basic realm="tinybms-gateway"\r\n',
  SCHEME = "basic ";
/** What it asks a page of ours for, which has a form: a browser that knows no such scheme shows none of its own. */
const PAGE_CHALLENGE = 'WWW-Authenticate: Login realm="tinybms-gateway"\r\n';

/** After so many wrong passwords one is looked at in so long (ms); all is forgotten after so long without any. */
const MOST_WRONG = 5,
  APART_MS = 5000,
  FORGET_MS = 600000;

/**
 * The cookie of a browser that has been logged in since the start. The interpreter does not tell from which address a
 * request comes, so all who guess wait together; who has it does not wait with them, and gets in by nothing else.
 */
export function markOf(needs: Needs): string {
  return "gateway=" + needs.mark;
}

/** Whether a browser was logged in. */
export function isKnown(needs: Needs, header: string): boolean {
  return ("; " + headerOf(header, "cookie") + ";").indexOf(" " + markOf(needs) + ";") >= 0;
}

/** Whether a password has to wait: somebody guesses, and who sends this one was never logged in. */
function mustWait(needs: Needs, header: string, now: number): boolean {
  const server = needs.server;
  if (now - server.wrongAt > FORGET_MS) server.wrong = 0;
  return server.wrong >= MOST_WRONG && now - server.wrongAt < APART_MS && !isKnown(needs, header);
}

/** Whether a text of Basic, `user:password` in base 64, is that login. */
function fitsLogin(needs: Needs, given: string, user: string, kept: string): boolean {
  const text = decoded(given),
    colon = text.indexOf(":");
  return colon >= 0 && fitsPass(needs.natives, text.substr(colon + 1), kept) && text.substr(0, colon) === user;
}

/** "" for the owner's password, or until there is one the device's own or the token; else the answer that refuses. */
export function refuseLogin(needs: Needs, header: string, http: Values): string {
  const given = headerOf(header, "authorization"),
    pass = http["pass"] as string,
    now = needs.natives.now(),
    challenge = headerOf(header, "x-requested-with") ? PAGE_CHALLENGE : CHALLENGE;
  if (!pass && needs.token && isSame(tokenOf(header), needs.token)) return "";
  if (given) {
    // what the device makes is too long to be guessed
    if (pass && mustWait(needs, header, now))
      return errorText(429, "Busy", "Authorization", "too many wrong passwords, try again in a few seconds");
    const kept = pass || ownPass(needs.store, needs.natives.crc32),
      isBasic = given.substr(0, SCHEME.length).toLowerCase() === SCHEME;
    if (kept && isBasic && fitsLogin(needs, given.substr(SCHEME.length), http["user"] as string, kept)) return "";
    if (pass) needs.server.wrong++;
    needs.server.wrongAt = now;
    return errorText(401, "BadCredentials", "Authorization", "wrong user or password", "", challenge);
  }
  return errorText(
    401,
    "NotAuthorized",
    pass ? "Authorization" : "X-Setup-Token",
    pass ? "log in: http.user and http.pass" : "must be the set-up token that the console shows at boot, or log in",
    "",
    challenge,
  );
}
