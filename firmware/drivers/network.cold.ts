// Wi-Fi of the ESP32: station only. Espruino gives up after three tries and then stops the radio, so who wants to stay
// connected calls `joinWifi` again. All calls return at once. The interpreter's radio is an open access point until it
// is told otherwise: up to 2v29 it goes on the air after this image was evaluated, later with the first `connect`. So
// that is forbidden before anything else, looked for again and again, and what somebody told the interpreter to keep
// (`Wifi.save`) is cleared.

import { dnsAddress, dnsQuery, isDnsReply } from "../kernel/dns.cold";
import type { Question, Socket } from "../kernel/ports";
import { interpreter } from "./espruino.cold";
import { accessPoint } from "board";

type Settings = Record<string, unknown>;

/** File in which `Wifi.save` keeps what is restored at each boot. */
const SAVED = ".wificfg";
/** A name server that is silent is asked again, ms; so often in all. */
const ASK_AGAIN_MS = 1500,
  MOST_ASKED = 4,
  NAME_SERVER = 53;

/** Switch off an access point, whoever started it. True when there was one. On a board for tests it may stay. */
export function stopAccessPoint(): boolean {
  const wifi = require("Wifi"),
    mode = wifi.getStatus().mode;
  if (accessPoint || (mode !== "AP" && mode !== "APSTA")) return false;
  wifi.stopAP();
  return true;
}

function connect(settings: Settings, changed: (up: boolean) => void): void {
  const pass = settings["pass"] as string;
  require("Wifi").connect(settings["ssid"] as string, pass ? { password: pass } : {}, function (error) {
    if (error) changed(false);
  });
}

/**
 * Join the network of the settings, if there is one. `changed(true)` when an address is there, `changed(false)` when it
 * is gone. True when another network was kept in the interpreter, which would have come back now and at each boot: it
 * is cleared.
 */
export function startWifi(settings: Settings, device: string, changed: (up: boolean) => void): boolean {
  const wifi = require("Wifi");
  if (!accessPoint) wifi.stopAP(); // also where `getStatus` says that there is none yet
  setTimeout(stopAccessPoint, 0); // what was kept is restored between this turn and the next
  if (!settings["ssid"]) return false;
  const isKept = require("Storage").read(SAVED) !== undefined;
  if (isKept) wifi.save("clear");
  wifi.setHostname((settings["host"] as string) || device);
  wifi.on("connected", function () {
    stopAccessPoint();
    changed(true);
  });
  wifi.on("disconnected", function () {
    changed(false);
  });
  connect(settings, changed);
  return isKept;
}

/** One more try. */
export function joinWifi(settings: Settings, changed: (up: boolean) => void): void {
  connect(settings, changed);
}

/** The own IPv4 address, "" while there is none. Where the access point stays on, the network behind it is ours. */
export function ownAddress(): string {
  const wifi = require("Wifi"),
    ip = (accessPoint ? wifi.getAPIP() : wifi.getIP()).ip;
  return ip && ip !== "0.0.0.0" ? ip : "";
}

/** Ask the gateway, which in small networks is a name server too. */
function askGateway(name: string, done: (ip: string) => void): void {
  const server = require("Wifi").getIP().gw || "",
    query = dnsQuery(String.fromCharCode(Math.random() * 256, Math.random() * 256), name);
  let question: Question | null = null,
    asked = 0,
    timer = 0;
  function finish(ip: string): void {
    if (!timer) return;
    clearInterval(timer);
    timer = 0;
    if (question) question.close();
    done(ip);
  }
  function put(): void {
    if (question) question.close();
    question = null;
    if (asked++ >= MOST_ASKED) return finish("");
    try {
      question = ask(server, NAME_SERVER, query, function (packet) {
        if (isDnsReply(packet, query)) finish(dnsAddress(packet, query));
      });
    } catch (error) {
      finish("");
    }
  }
  timer = setInterval(put, ASK_AGAIN_MS);
  put();
}

/**
 * Resolve a name without blocking; `done("")` when it is unknown, at once for an address. Up to 2v29
 * `Wifi.getHostByName` tells nothing, or a wrong address, so the gateway is asked there.
 */
export function lookUp(name: string, done: (ip: string) => void): void {
  const parts = name.split(".");
  if (
    parts.length === 4 &&
    parts.every(function (part) {
      return "" + +part === part && +part < 256;
    })
  ) {
    done(name);
  } else if (interpreter().names) {
    require("Wifi").getHostByName(name, function (ip) {
      done(ip || "");
    });
  } else {
    askGateway(name, done);
  }
}

/**
 * One echo request; `done(true)` when its answer came within the time that a checksum over the image takes. Espruino
 * makes its answers in a task of its own, while JavaScript may be in the middle of anything: so nothing runs but a
 * native that touches no variable until the first must be there, and the other four are not wanted any more.
 */
export function ping(ip: string, done: (alive: boolean) => void): void {
  const wifi = require("Wifi"),
    image = require("Storage").read(".bootcde") || "";
  wifi.ping(ip, function (answer) {
    done(!!answer.totalBytes);
  });
  E.CRC32(image);
  wifi.ping(0, null);
}

// Encrypted connections by the interpreter's `tls`. It verifies nothing: neither the broker's certificate nor its name.

/** C heap that mbed TLS needs for a connection on a chip: two buffers of 16 kB and its context, bytes. */
const HEAP = 40000;
/**
 * Variables in one run: what Espruino keeps of a connection, and on a PC, where mbed TLS has its buffers there too,
 * each of the two with room for the certificates and keys that it makes before them; bytes.
 */
const KEPT = 3000,
  BUFFER = 20000;

/**
 * Whether there are so many runs of variables, one of these bytes each. Espruino for Linux ends when one of them is
 * missing (jsvFree of nothing).
 */
function hasRuns(runs: number, bytes: number): boolean {
  const held: string[] = [];
  for (; runs > 0; runs--) {
    const run = E.toFlatString({ "data": 0, "count": bytes });
    if (!run) return false;
    held.push(run);
  }
  return true;
}

/** Why there can be no encrypted connection now, "TLS needs ..." with its figures; "" when there can. */
export function tlsFault(): string {
  const chip = global["ESP32"] as Esp32 | undefined,
    free = chip ? chip.getState().freeHeap : HEAP,
    isChip = process.env.BOARD.substr(0, 5) === "ESP32";
  try {
    require("tls");
  } catch (error) {
    return "TLS needs an interpreter with the module tls";
  }
  if (free < HEAP) return "TLS needs " + HEAP + " bytes of heap, there are " + free;
  const runs = isChip ? 1 : 2,
    bytes = isChip ? KEPT : BUFFER;
  if (hasRuns(runs, bytes)) return "";
  return (
    "TLS needs " +
    runs +
    " runs of variables of " +
    bytes +
    " bytes, not so many of " +
    process.memory().free +
    " free ones lie together"
  );
}

/**
 * Connect; blocks as `net.connect` does. Files: CA, certificate, key as DER, "" for none; bad ones throw. Throws "TLS
 * needs ..." where there can be no encrypted connection.
 */
export function connectTls(ip: string, port: number, opened: () => void, files: string[]): Socket {
  const options: TlsOptions = { host: ip, port: port },
    fault = tlsFault();
  if (fault) throw new Error(fault);
  if (files[0]) options.ca = files[0];
  if (files[1]) options.cert = files[1];
  if (files[2]) options.key = files[2];
  return require("tls").connect(options, opened);
}

// UDP of the interpreter, as the time needs it: one packet out, its answer back.

/** Send a packet from a free port; packets from elsewhere than `ip` and `port` are not heard. */
export function ask(ip: string, port: number, packet: string, heard: (packet: string) => void): Question {
  const socket = require("dgram").createSocket("udp4");
  socket.on("message", function (bytes, from) {
    if (from.address === ip && from.port === port) heard(bytes);
  });
  socket.bind(0);
  socket.send(packet, port, ip);
  return socket;
}
