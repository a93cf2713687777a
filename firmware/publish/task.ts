// Publishes: takes the samples of the UART, sends what is due, one kind of message a step, so that a step is short.
// Connecting is prepared without blocking (name, echo) and done right after a periodic 0x351, because it may block
// everything for a while.
import * as slot from "../battery/registers.baked";
import { EXTRA, FAST } from "../bms/places";
import { samplePlace, SAMPLE_WORDS, samplesDrain } from "../kernel/samples";
import { hurryTask } from "../kernel/tasks";
import { taskOf } from "../kernel/tasks.cold";
import { NEVER } from "../kernel/time";
import { discoveryOf, publishDiscovery } from "./discovery.cold";
import { liveDue, nextDue, passBegins } from "./due";
import { publishLive, publishOldest } from "./live.cold";
import { stateMessage } from "./messages";
import { messageTail, publishLimits, stateNames, timeMember } from "./messages.cold";
import { sendRow } from "./register";
import { ROWS } from "./rows.baked";
import type { Socket } from "../kernel/ports";
import { outboxDrain } from "../mqtt/outbox.cold";
import { keepAlive, sessionFeed } from "../mqtt/session.cold";
import { CONNECTED, OFF } from "../mqtt/session";
import { publish } from "../mqtt/publish";
import { advance, brokerSaid, introduce } from "./connect.cold";
import { takeMessage } from "./receive.cold";
import { publishRare } from "./rare.cold";
import { rareOf } from "./again.cold";
import { FEW_IN_FLIGHT, LEFT, REFRESH_MS, type MqttTask } from "./state";

/**
 * Period of a step while something is under way, while samples wait, else, ms; a new sample, a message and what
 * becomes of the connection wake it before. With MQTT off there is none: settings and commands wake it.
 */
const PERIOD_MS = 200,
  WAITING_MS = 100,
  QUIET_MS = 300;
/** Period while there is more to do, ms. */
const MORE_MS = 20;
/** Most register messages of a step, rows that are looked at, and from a step with some to the next, ms. */
const MESSAGES = 2,
  LOOK = 8,
  AGAIN_MS = 2 * MORE_MS;
/** Bytes that may wait in the socket when a round of messages begins. */
const PENDING = 1024;

/** Register messages; rows that find no room stay due. Whether there were some. */
function publishRegisters(mqtt: MqttTask, now: number): boolean {
  const due = mqtt.due,
    values = mqtt.snapshot.values,
    end = due.row + LOOK < ROWS ? due.row + LOOK : ROWS;
  let row = nextDue(due, values, end),
    left = MESSAGES,
    tail = "";
  while (row >= 0) {
    tail = tail || messageTail(mqtt.snapshot.seq, now, mqtt.needs.clock.epoch, mqtt.rare);
    if (!sendRow(mqtt, row, values[row], tail, now)) {
      due.low[row] = Infinity;
      return false;
    }
    left--;
    row = left > 0 && due.row ? nextDue(due, values, end) : -1;
  }
  return left < MESSAGES;
}

/** Names in the compact state: looked up again when one of them changes. */
function namesOf(mqtt: MqttTask): string[] {
  const s = mqtt.snapshot,
    sum = s.values[slot.onlineStatus] * 65536 + mqtt.limits.reason * 256 + s.phase;
  if (sum !== mqtt.namesSum) {
    mqtt.namesSum = sum;
    mqtt.names = stateNames(s, mqtt.limits, mqtt.raw[EXTRA]);
  }
  return mqtt.names;
}

/**
 * What follows the poll: the newest sample; with no shortest period each one, the oldest first and one a step, because
 * the socket has room for no more. Whether there was something to say.
 */
function publishSamples(mqtt: MqttTask, now: number): boolean {
  const samples = mqtt.samples,
    newest = mqtt.raw[FAST];
  if (now < mqtt.due.liveAt[0]) return false; // a connection has just begun
  if (samples.count > 1) {
    publishOldest(mqtt);
    mqtt.raw[FAST] = newest;
    return true;
  }
  samplesDrain(samples);
  mqtt.isNew = false;
  const bits = liveDue(mqtt.due, mqtt.snapshot.values, now);
  if (bits) publishLive(mqtt, bits, now);
  return bits !== 0;
}

/** The most urgent of what is due, and the heartbeat. Whether there may be more. */
function telemetry(mqtt: MqttTask, now: number): boolean {
  if (mqtt.isNew && publishSamples(mqtt, now)) return true;
  if (now - mqtt.heartbeatAt >= mqtt.heartbeat) {
    publish(mqtt.session, "status/connected", "true", 0, now);
    mqtt.heartbeatAt += mqtt.heartbeat;
    if (mqtt.heartbeatAt < now - mqtt.heartbeat) mqtt.heartbeatAt = now;
  }
  if (mqtt.limits.at !== mqtt.limitsSeen || mqtt.snapshot.phase !== mqtt.phaseSeen) {
    if (mqtt.snapshot.phase !== mqtt.phaseSeen) mqtt.fresh = true; // old limits must not stand in rt/state
    mqtt.phaseSeen = mqtt.snapshot.phase;
    if (publishLimits(mqtt, now)) return true;
  }
  const age = now - mqtt.stateAt; // the compact state when its sample or the phase is new, and at least each 10 s
  if ((mqtt.fresh && age >= mqtt.shortest) || age >= REFRESH_MS) {
    const time = timeMember(mqtt.needs.clock.epoch, now, mqtt.rare);
    publish(mqtt.session, "rt/state", stateMessage(mqtt.snapshot, namesOf(mqtt), time), 0, now);
    mqtt.stateAt = now;
    mqtt.fresh = false;
    return true;
  }
  if (now >= mqtt.registersAt && passBegins(mqtt.due, now)) {
    mqtt.registersAt = now + PERIOD_MS;
    if (publishRegisters(mqtt, now)) {
      mqtt.registersAt = now + AGAIN_MS;
      return true;
    }
  }
  if (now < mqtt.rareAt || mqtt.session.inFlight.length > FEW_IN_FLIGHT) return false;
  publishRare(mqtt, now);
  return true;
}

function step(mqtt: MqttTask, now: number): number {
  if (now >= mqtt.needs.commands.at) {
    mqtt.needs.commands.step(now);
    return MORE_MS;
  }
  const session = mqtt.session,
    samples = mqtt.samples,
    socket = session.socket;
  if (samples.count) {
    const newest = samplePlace(samples, 0) * SAMPLE_WORDS;
    mqtt.raw[FAST] = samples.words.subarray(newest, newest + SAMPLE_WORDS);
    mqtt.fresh = mqtt.isNew = true;
    if (mqtt.due.shortest || session.state !== CONNECTED) samplesDrain(samples);
  }
  if (session.inbox.length && !mqtt.hasTaken) {
    mqtt.hasTaken = true; // the next step is telemetry's
    takeMessage(mqtt, now);
    if (session.rx && session.socket) mqtt.heard(""); // more may wait behind a full inbox
    return MORE_MS;
  }
  mqtt.hasTaken = false;
  if (session.state === CONNECTED && socket) {
    if (!socket.dSnd) session.waitingSince = now;
    if (now >= session.lookAt) keepAlive(session, now);
    if (session.socket && (socket.dSnd || "").length <= PENDING && (session.free || !outboxDrain(session, now))) {
      if (telemetry(mqtt, now)) return MORE_MS; // else put off, not lost: nothing counts as sent
    }
    if (now >= mqtt.discovery.at) publishDiscovery(mqtt, now);
  } else if (session.state !== OFF) {
    advance(mqtt, now);
    if (session.socket && session.socket !== socket) attach(mqtt, session.socket);
  }
  if (session.stream || session.inbox.length) return MORE_MS;
  if (samples.count) return WAITING_MS;
  if (session.state === OFF && mqtt.needs.commands.at === NEVER) return NEVER;
  return session.state === CONNECTED && mqtt.rareAt > now ? QUIET_MS : PERIOD_MS;
}

/** Bytes of the broker, and the end of the connection. An event of a socket that was given up says nothing. */
function attach(mqtt: MqttTask, socket: Socket): void {
  const session = mqtt.session;
  mqtt.heard = function (bytes) {
    if (session.socket !== socket) return;
    const inFlight = session.inFlight,
      now = mqtt.needs.natives.now();
    let rest = bytes,
      code = 0;
    if (bytes) session.heardAt = now;
    // PUBACK of the oldest message is what comes most, and needs no look at the rest of the protocol
    while (
      !session.rx &&
      !session.skip &&
      inFlight.length &&
      inFlight[0].flags & 2 &&
      rest.length > 3 &&
      session.state === CONNECTED &&
      rest.substr(0, 4) === "\x40\x02" + String.fromCharCode(inFlight[0].id >> 8, inFlight[0].id & 255)
    ) {
      inFlight.shift();
      rest = rest.substr(4);
    }
    if (!rest && !session.rx) return;
    for (
      code = sessionFeed(session, rest, now);
      code !== -1;
      code = session.socket === socket ? sessionFeed(session, "", now) : -1
    ) {
      brokerSaid(mqtt, code);
    }
    if (session.inbox.length) hurryTask(mqtt.needs.scheduler, mqtt.task, MORE_MS);
  };
  socket.on(
    "data",
    session.tls
      ? function (bytes) {
          mqtt.needs.network.soon(function () {
            mqtt.heard(bytes);
          });
        }
      : mqtt.heard,
  );
  socket.on("close", function () {
    if (session.socket === socket) brokerSaid(mqtt, LEFT);
  });
}

/** The task, made of what is given; the settings come later (settings/apply.cold.ts). */
export function mqttTaskOf(
  given: Pick<MqttTask, "session" | "snapshot" | "limits" | "samples" | "due" | "can" | "raw" | "needs">,
): MqttTask {
  const mqtt: MqttTask = {
    session: given.session,
    snapshot: given.snapshot,
    limits: given.limits,
    samples: given.samples,
    due: given.due,
    can: given.can,
    needs: given.needs,
    raw: given.raw,
    enabled: false,
    shortest: REFRESH_MS,
    heartbeat: REFRESH_MS,
    registerFlags: 0,
    limitsFlags: 0,
    style: null,
    timeout: REFRESH_MS,
    clientId: "",
    cleanSession: true,
    opened: function () {
      introduce(mqtt);
    },
    heard: function () {}, // of a socket that there is not yet
    heartbeatAt: 0,
    stateAt: 0,
    limitsAt: 0,
    limitsSum: NaN,
    online: -1,
    errorsSaid: 0,
    fresh: false,
    isNew: false,
    hasTaken: false,
    limitsSeen: -1,
    phaseSeen: -1,
    registersAt: 0,
    rareAt: 0,
    rare: rareOf(),
    names: [],
    namesSum: -1,
    discovery: discoveryOf(),
    task: taskOf("mqtt", PERIOD_MS, null, step),
  };
  mqtt.task.state = mqtt;
  return mqtt;
}
