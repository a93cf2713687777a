// A test of the way to the broker, beside the connection in use: name, echo, connection, CONNECT, one message. It has
// its own client id and retains nothing. `connect` may block everything, so it is gated as the real one is. With
// mqtt.use_tls it encrypts too: beside an encrypted connection in use that takes the C heap twice, else it is
// TlsUnavailable.

import type { Needs } from "./needs";
import { quote } from "../kernel/json.cold";
import { hurryTask } from "../kernel/tasks";
import { refusal } from "../mqtt/session.cold";
import { connectFault, tlsClosed, tlsFiles } from "../publish/connect.cold";
import { AFTER_GRID_MS, FAULT_CODE, FAULT_TEXT, FRESH_MS, NO_GRID_MS } from "../publish/state";
import type { MqttTest } from "./state";

/** All of it takes at most this long, less than a silent HTTP client is borne, ms. */
const MOST_MS = 8500;
/** Period of the looks at it, ms. */
const LOOK_MS = 200;
/** Errors that may be gone at the next try. */
const RETRYABLE = ["DnsFailed", "ConnTimeout", "ConnRefused"];

function over(needs: Needs, test: MqttTest, result: string): void {
  const socket = test.socket;
  test.socket = null;
  test.config = {};
  test.result = result + "\r\n";
  needs.commands.at = 0;
  if (socket) socket.end();
}

function fail(needs: Needs, test: MqttTest, code: string, where: string, reason: string): void {
  over(
    needs,
    test,
    `{"ok":false,"stage":"${test.stage}","ms":${Math.round(needs.natives.now() - test.began)}` +
      `,"err":{"code":"${code}","where":"${where}","retryable":${RETRYABLE.indexOf(code) >= 0}` +
      `,"reason":${quote(reason)}}}`,
  );
}

function heard(needs: Needs, test: MqttTest): void {
  const code = testHeard(test.rx, test.stage === "puback"),
    session = needs.mqtt.session;
  if (code === -2) {
    fail(needs, test, "Failed", "mqtt.port", "what answers is no MQTT broker");
  } else if (code === 256) {
    if (test.socket) test.socket.write("\xe0\x00");
    over(needs, test, '{"ok":true,"stage":"puback","ms":' + Math.round(needs.natives.now() - test.began) + "}");
  } else if (code > 0) {
    const why = refusal(code, test.config["host"] + ":" + test.config["port"]);
    fail(needs, test, why[FAULT_CODE], why[2], why[FAULT_TEXT]);
  } else if (code === 0 && test.socket) {
    test.stage = "puback";
    test.rx = "";
    test.socket.write(testPublish(session.base + "test", '{"test":true}'));
  }
}

function open(needs: Needs, test: MqttTest): void {
  const config = test.config,
    isTls = config["use_tls"] as boolean,
    network = needs.network,
    port = config["port"] as number;
  const broker = config["host"] + ":" + port;
  function opened(): void {
    if (test.result || !test.socket) return;
    test.stage = "connack";
    const id = (((config["client_id"] || config["deviceId"]) as string) || needs.device) + "-test";
    test.socket.write(testConnect(id, config["user"] as string, config["pass"] as string, 30));
  }
  test.stage = "tcp";
  try {
    const socket = isTls
      ? network.connectTls(test.ip, port, opened, tlsFiles(needs.store, needs.natives.crc32))
      : network.connect(test.ip, port, opened);
    test.socket = socket;
    socket.on("data", function (bytes) {
      test.rx += bytes;
      network.soon(function () {
        if (!test.result) heard(needs, test);
      });
    });
    socket.on("close", function () {
      if (test.result) return;
      const stage = test.stage;
      if (isTls && stage !== "puback") fail(needs, test, "TlsFailed", "mqtt.use_tls", tlsClosed(broker));
      else
        fail(
          needs,
          test,
          "ConnRefused",
          "mqtt.port",
          stage === "tcp" ? "cannot connect to " + broker : broker + " closed the connection",
        );
    });
  } catch (error) {
    const why = connectFault(error, isTls, broker);
    fail(needs, test, why[FAULT_CODE], why[FAULT_CODE][0] === "T" ? "mqtt.use_tls" : "mqtt.port", why[FAULT_TEXT]);
  }
}

/** Wait for the echo, or for nothing. */
function echo(needs: Needs, test: MqttTest): void {
  test.stage = test.config["ping"] ? "ping" : "ready";
  test.since = needs.natives.now();
  if (!test.config["ping"]) return;
  needs.network.ping(test.ip, function (alive) {
    if (!alive || test.result || test.stage !== "ping") return;
    test.stage = "ready";
    test.since = needs.natives.now();
  });
}

/** One look at the test of `needs.commands`: it begins (stage "" so far), goes on, or takes too long. */
export function mqttTest(needs: Needs, now: number): void {
  const test = needs.commands.test,
    sinceGrid = now - needs.can.gridAt;
  if (!test || test.result) return;
  if (needs.commands.at > now + LOOK_MS) needs.commands.at = now + LOOK_MS;
  const config = test.config,
    host = config["host"] as string;
  if (test.stage === "") {
    test.stage = "dns";
    if (!host) return fail(needs, test, "DnsFailed", "mqtt.host", "no broker is set");
    needs.network.lookUp(host, function (ip) {
      if (test.result || test.stage !== "dns") return;
      test.ip = ip;
      if (ip) echo(needs, test);
      else fail(needs, test, "DnsFailed", "mqtt.host", "no address for " + host);
    });
  } else if (now - test.began > MOST_MS) {
    const stage = test.stage,
      isName = stage === "dns";
    fail(
      needs,
      test,
      isName ? "DnsFailed" : "ConnTimeout",
      stage === "connack" || stage === "puback" ? "mqtt.port" : "mqtt.host",
      isName ? "no answer for " + host : stage === "ping" ? "no echo from " + test.ip : "no answer from " + host,
    );
  } else if (test.stage === "ready") {
    if (config["ping"] && now - test.since > FRESH_MS) echo(needs, test);
    else if (sinceGrid < AFTER_GRID_MS || sinceGrid > NO_GRID_MS) open(needs, test);
  }
}

/** Begin a test with these settings of mqtt; `tail` and `flags` as `MqttTest` has them. */
export function beginTest(needs: Needs, config: Record<string, unknown>, tail: string, flags: number): MqttTest {
  const now = needs.natives.now(),
    test: MqttTest = {
      stage: "",
      began: now,
      since: now,
      config: config,
      ip: "",
      socket: null,
      rx: "",
      result: "",
      tail: tail,
      flags: flags,
    };
  needs.commands.test = test;
  needs.commands.at = 0;
  hurryTask(needs.scheduler, needs.mqtt.task, 0);
  return test;
}

// The packets of a test connection: CONNECT without a will, one PUBLISH at QoS 1 that is not retained, and what the
// broker says (MQTT 3.1.1, chapter 3). It must leave nothing behind, so it has its own CONNECT.

function field(text: string): string {
  return String.fromCharCode(text.length >> 8, text.length & 255) + text;
}

function packet(type: number, body: string): string {
  const length = body.length;
  return (
    String.fromCharCode(type) +
    (length < 128 ? String.fromCharCode(length) : String.fromCharCode((length & 127) | 128, length >> 7)) +
    body
  );
}

/** CONNECT with a clean session; user and password only when given; keep-alive in s. */
export function testConnect(clientId: string, user: string, pass: string, keepAlive: number): string {
  const flags = 2 | (user ? 0x80 : 0) | (user && pass ? 0x40 : 0);
  return packet(
    0x10,
    "\x00\x04MQTT\x04" +
      String.fromCharCode(flags, keepAlive >> 8, keepAlive & 255) +
      field(clientId) +
      (user ? field(user) + (pass ? field(pass) : "") : ""),
  );
}

/** PUBLISH at QoS 1, packet id 1, not retained. */
export function testPublish(topic: string, payload: string): string {
  return packet(0x32, field(topic) + "\x00\x01" + payload);
}

/**
 * What has come so far: -1 not enough yet, -2 no MQTT, 0..255 the return code of CONNACK (from 512 on: that of MQTT 5,
 * which is longer), 256 the PUBACK.
 */
export function testHeard(rx: string, awaitsAck: boolean): number {
  const type = rx.charCodeAt(0),
    size = rx.charCodeAt(1);
  if ((rx && type !== (awaitsAck ? 0x40 : 0x20)) || (rx.length > 1 && (awaitsAck ? size !== 2 : size < 2))) return -2;
  if (rx.length < 4) return -1;
  return awaitsAck ? 256 : (size > 2 ? 512 : 0) + rx.charCodeAt(3);
}
