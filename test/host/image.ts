// A small image for tests of the rig: it prints a token, asks the battery for its voltage, answers HTTP, and connects
// to the broker that its settings name. Written as the built image is: the language of Espruino.

/** MQTT CONNECT with client id "t", and PUBLISH of "up" on "t/state", retained. */
const CONNECT = "\\x10\\x0d\\0\\x04MQTT\\x04\\x02\\0\\x1e\\0\\x01t",
  PUBLISH = "\\x31\\x0b\\0\\x07t/stateup";

export const smallImage = `
var storage = require("Storage");
print("setup token: 1234ABCD");
print("boots", (storage.read("boots") || "").length);
storage.write("boots", (storage.read("boots") || "") + "x");
var settings = JSON.parse((storage.read("cfg.b") || storage.read("cfg.a")).substr(20)), uart = 0, up = false;
Serial1.setup(115200, { rx: 16, tx: 17 });
Serial1.on("data", function (data) { uart += data.length; });
setInterval(function () { Serial1.write("\\xaa\\x14\\x3f\\x1f"); }, 100);
require("net").createServer(function (socket) {
  socket.on("data", function () {
    var live = { voltage: 52.5, phase: "normal" }, mqtt = { enabled: true, connected: up };
    var body = JSON.stringify({ uart: uart, settings: settings, live_data: live, mqtt: mqtt });
    socket.write("HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: " + body.length + "\\r\\n\\r\\n" + body);
    socket.end();
  });
}).listen(80);
function connect() {
  try {
    var broker = { host: settings.mqtt.host, port: settings.mqtt.port };
    var socket = require("net").connect(broker, function () { socket.write("${CONNECT}"); });
    socket.on("data", function () { if (!up) { up = true; socket.write("${PUBLISH}"); } });
    socket.on("close", function () { up = false; print("cut"); setTimeout(connect, 50); });
  } catch (error) { setTimeout(connect, 50); }
}
if (settings.mqtt.enabled) connect();
if (settings.log && settings.log.level === "debug") E.enableWatchdog(0.2, false);
`;
