// A test of the way to the broker, beside the connection in use: name, echo, connection, CONNECT, one message. It has its own
// client id and retains nothing. `connect` may block everything, so it is gated as the real one is. With mqtt.use_tls it encrypts too:
// beside an encrypted connection in use that takes the C heap twice, else it is TlsUnavailable.
import { refusal } from "../mqtt/connect.cold";
import { testConnect, testHeard, testPublish } from "../mqtt/command-test.cold";
import type { App } from "./app";
import type { MqttTest } from "./command-state";
import { connectFault, tlsFiles } from "./mqtt-tls.cold";

/** All of it takes at most this long, less than a silent HTTP client is borne; looks at it come this often, ms. */
const MOST_MS = 8500, LOOK_MS = 200;
/** The moment after a periodic 0x351 in which there is time; without CAN frames any moment is good; an older echo is no proof. */
const AFTER_GRID_MS = 220, NO_GRID_MS = 1500, FRESH_MS = 3000;
/** Errors that may be gone at the next try. */
const RETRYABLE = ["DnsFailed", "ConnTimeout", "ConnRefused"];

function over(app: App, test: MqttTest, result: string): void {
  const socket = test.socket;
  test.socket = null;
  test.config = {};
  test.result = test.head + result + "\r\n";
  app.commands.at = 0;
  if (socket) socket.end();
}

function fail(app: App, test: MqttTest, code: string, where: string, reason: string): void {
  over(app, test, JSON.stringify({ "ok": false, "stage": test.stage, "ms": Math.round(app.natives.now() - test.began),
    "err": { "code": code, "where": where, "retryable": RETRYABLE.indexOf(code) >= 0, "reason": reason } }));
}

/** Which setting is to blame for the return code of CONNACK. */
const blamed = ["", "mqtt.port", "mqtt.client_id", "mqtt.host", "mqtt.pass", "mqtt.user"];

function heard(app: App, test: MqttTest): void {
  const code = testHeard(test.rx, test.stage === "puback"), session = app.mqtt.session;
  if (code === -2) {
    fail(app, test, "Failed", "mqtt.port", "what answers is no MQTT broker");
  } else if (code === 256) {
    if (test.socket) test.socket.write("\xe0\x00");
    over(app, test, '{"ok":true,"stage":"puback","ms":' + Math.round(app.natives.now() - test.began) + "}");
  } else if (code > 0) {
    const why = refusal(code);
    fail(app, test, why[0], blamed[code] || "mqtt.host", why[1]);
  } else if (code === 0 && test.socket) {
    test.stage = "puback";
    test.rx = "";
    test.socket.write(testPublish(session.base + "test", '{"test":true}'));
  }
}

function open(app: App, test: MqttTest): void {
  const config = test.config, isTls = config["use_tls"] as boolean, network = app.network, port = config["port"] as number;
  function opened(): void {
    if (test.result || !test.socket) return;
    test.stage = "connack";
    const id = ((config["client_id"] || config["deviceId"]) as string || app.device) + "-test";
    test.socket.write(testConnect(id, config["user"] as string, config["pass"] as string, 30));
  }
  test.stage = "tcp";
  try {
    const socket = isTls ? network.connectTls(test.ip, port, opened, tlsFiles(app)) : network.connect(test.ip, port, opened);
    test.socket = socket;
    socket.on("data", function (bytes) {
      if (test.result) return;
      test.rx += bytes;
      heard(app, test);
    });
    socket.on("close", function () {
      if (test.result) return;
      const stage = test.stage;
      if (isTls && stage !== "puback") fail(app, test, "TlsFailed", "mqtt.use_tls", "the broker refused to encrypt, or closed before CONNACK");
      else fail(app, test, "ConnRefused", "mqtt.port", stage === "tcp" ? "cannot connect" : "the broker closed the connection");
    });
  } catch (error) {
    const why = connectFault(error, isTls, config["host"] + ":" + port);
    fail(app, test, why[0], why[0][0] === "T" ? "mqtt.use_tls" : "mqtt.port", why[1]);
  }
}

/** Wait for the echo, or for nothing. */
function echo(app: App, test: MqttTest): void {
  test.stage = test.config["ping"] ? "ping" : "ready";
  test.since = app.natives.now();
  if (!test.config["ping"]) return;
  app.network.ping(test.ip, function (alive) {
    if (!alive || test.result || test.stage !== "ping") return;
    test.stage = "ready";
    test.since = app.natives.now();
  });
}

/** One look at the test of `app.commands`: it begins (stage "" so far), goes on, or takes too long. */
export function mqttTest(app: App, now: number): void {
  const test = app.commands.test, sinceGrid = now - app.can.gridAt;
  if (!test || test.result) return;
  if (app.commands.at > now + LOOK_MS) app.commands.at = now + LOOK_MS;
  const config = test.config, host = config["host"] as string;
  if (test.stage === "") {
    test.stage = "dns";
    if (!host) return fail(app, test, "DnsFailed", "mqtt.host", "no broker is set");
    app.network.lookUp(host, function (ip) {
      if (test.result || test.stage !== "dns") return;
      test.ip = ip;
      if (ip) echo(app, test);
      else fail(app, test, "DnsFailed", "mqtt.host", "no address for " + host);
    });
  } else if (now - test.began > MOST_MS) {
    const stage = test.stage, isName = stage === "dns";
    fail(app, test, isName ? "DnsFailed" : "ConnTimeout", stage === "connack" || stage === "puback" ? "mqtt.port" : "mqtt.host",
      isName ? "no answer for " + host : stage === "ping" ? "no echo from " + test.ip : "no answer from " + host);
  } else if (test.stage === "ready") {
    if (config["ping"] && now - test.since > FRESH_MS) echo(app, test);
    else if (sinceGrid < AFTER_GRID_MS || sinceGrid > NO_GRID_MS) open(app, test);
  }
}
