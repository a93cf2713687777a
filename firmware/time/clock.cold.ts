// The time of day from a time server (setting time.server, a name or address, with :port when it is not 123): asked at
// boot when the network is up, then each time.sync_hours; after a failure again, ever more rarely. Everything works
// without it.
import type { Natives } from "../kernel/ports";
import { isSntpReply, sntpRequest, sntpTime } from "./sntp.cold";
import { RELEASED } from "../kernel/version";
import type { Needs } from "./needs";
import type { Clock, TimeRequest } from "./clock";
import { settingsOf } from "../config/settings.cold";
import type { Needs as SettingsNeeds } from "../config/needs";
import { offsetAt, readZone } from "../kernel/zone.cold";

/**
 * Wait for the network, for a name, for an answer; first and longest wait after a failure; look at a setting that is
 * empty; ms.
 */
const NETWORK_MS = 10000,
  NAME_MS = 10000,
  ANSWER_MS = 5000,
  FIRST_MS = 15000,
  MOST_MS = 3600000,
  OFF_MS = 60000;
const PORT = 123;
/** 2038: from then on the seconds of the interpreter's clock do not fit its 32 bits, so it stays in 1970. */
const CLOCK_END = 2145916800;

/** The time of day is not known yet, and asked for soon. */
export function clockOf(): Clock {
  return {
    at: 0,
    epoch: 0,
    east: 0,
    eastUntil: 0,
    syncs: 0,
    syncedAt: 0,
    failures: 0,
    failed: 0,
    error: "",
    request: null,
  };
}

/** s since 1970, with a fraction; 0 while the time of day is not known. */
export function wallSeconds(needs: { clock: Clock; natives: Natives }): number {
  return needs.clock.epoch ? needs.clock.epoch + needs.natives.now() / 1000 : 0;
}

/** Zones change at whole quarters of an hour. */
const QUARTER_S = 900;

/** s since 1970 as a clock on the wall shows them (setting time.zone); 0 while the time of day is not known. */
export function localSeconds(needs: SettingsNeeds & { clock: Clock }): number {
  const clock = needs.clock,
    now = needs.natives.now(),
    wall = wallSeconds(needs);
  if (!wall) return 0;
  if (now >= clock.eastUntil) {
    const zone = readZone(settingsOf(needs, "time")["zone"] as string);
    clock.east = zone ? offsetAt(zone, wall) : 0;
    clock.eastUntil = now + (QUARTER_S - (wall % QUARTER_S)) * 1000;
  }
  return wall + clock.east;
}

/** A period with 10 % of jitter, so that devices do not ask together. */
function jittered(period: number): number {
  return period * (0.95 + 0.1 * Math.random());
}

/** The request is over. */
function settle(clock: Clock, next: number): void {
  const request = clock.request;
  if (request && request.question) request.question.close();
  clock.request = null;
  clock.at = next;
}

/** The wait doubles with each failure. */
function fail(clock: Clock, reason: string, now: number): void {
  clock.error = reason;
  clock.failures++;
  settle(clock, now + jittered(clock.failed > 7 ? MOST_MS : FIRST_MS << clock.failed));
  clock.failed++;
}

/** The answer to the request under way. A kiss of death is obeyed: nothing is asked for a whole period. */
function answered(needs: Needs, packet: string, request: TimeRequest, period: number): void {
  const clock = needs.clock,
    now = needs.natives.now(),
    told = sntpTime(packet, (now - request.askedAt) / 1000, RELEASED);
  if (told.reason) {
    fail(clock, told.reason, now);
    if (told.kiss) clock.at = now + jittered(period);
    return;
  }
  clock.epoch = told.time - now / 1000;
  clock.eastUntil = 0;
  clock.syncs++;
  clock.syncedAt = now;
  clock.error = "";
  clock.failed = 0;
  settle(clock, now + jittered(period));
  needs.setClock(told.time < CLOCK_END ? told.time : now / 1000);
}

function ask(needs: Needs, ip: string, port: number, request: TimeRequest, period: number): void {
  const clock = needs.clock,
    token = request.token,
    now = needs.natives.now();
  clock.at = now + ANSWER_MS;
  request.askedAt = now;
  try {
    request.question = needs.network.ask(ip, port, sntpRequest(token), function (packet) {
      if (clock.request === request && isSntpReply(packet, token)) answered(needs, packet, request, period);
    });
  } catch (error) {
    fail(clock, "cannot send", now);
  }
}

function begin(needs: Needs, now: number): void {
  const clock = needs.clock,
    config = settingsOf(needs, "time"),
    server = (config["server"] as string).split(":");
  const period = (config["sync_hours"] as number) * 3600000;
  let token = "";
  clock.at = now + OFF_MS;
  if (!server[0]) return;
  clock.at = now + NETWORK_MS;
  if (!needs.network.address()) return;
  while (token.length < 8) token += String.fromCharCode(Math.random() * 256);
  const request: TimeRequest = { token: token, askedAt: 0, question: null };
  clock.request = request;
  clock.at = now + NAME_MS;
  needs.network.lookUp(server[0], function (ip) {
    if (clock.request !== request) return;
    if (ip) ask(needs, ip, +server[1] || PORT, request, period);
    else fail(clock, "no address for " + server[0], needs.natives.now());
  });
}

/** What is due at `clock.at`: a request, or the end of one that nobody answered. */
export function clockStep(needs: Needs, now: number): void {
  const request = needs.clock.request;
  if (request) fail(needs.clock, request.question ? "no answer" : "no answer for the server's name", now);
  else begin(needs, now);
}
