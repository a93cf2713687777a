// Wi-Fi of the ESP32: station only. Espruino gives up after three tries and then stops the radio, so who wants to stay
// connected calls `joinWifi` again. All calls return at once.

type Settings = Record<string, unknown>;

function connect(settings: Settings, changed: (up: boolean) => void): void {
  const pass = settings["pass"] as string;
  require("Wifi").connect(settings["ssid"] as string, pass ? { password: pass } : {}, function (error) { if (error) changed(false); });
}

/** Join the network of the settings, if there is one. `changed(true)` when an address is there, `changed(false)` when it is gone. */
export function startWifi(settings: Settings, device: string, changed: (up: boolean) => void): void {
  const wifi = require("Wifi");
  if (!settings["ssid"]) return;
  wifi.setHostname((settings["host"] as string) || device);
  wifi.on("connected", function () { changed(true); });
  wifi.on("disconnected", function () { changed(false); });
  connect(settings, changed);
}

/** One more try. */
export function joinWifi(settings: Settings, changed: (up: boolean) => void): void {
  connect(settings, changed);
}

/** The own IPv4 address, "" while there is none. */
export function ownAddress(): string {
  const ip = require("Wifi").getIP().ip;
  return ip && ip !== "0.0.0.0" ? ip : "";
}

/** Resolve a name without blocking; `done("")` when it is unknown. */
export function lookUp(name: string, done: (ip: string) => void): void {
  require("Wifi").getHostByName(name, function (ip) { done(ip || ""); });
}

/** Five echo requests; `done(true)` at the first answer that carries bytes. */
export function ping(ip: string, done: (alive: boolean) => void): void {
  require("Wifi").ping(ip, function (answer) { done(!!answer.totalBytes); });
}
