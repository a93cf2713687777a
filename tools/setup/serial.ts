// The settings of a gateway by Espruino's console. The slot, its number and its checksum come from the firmware's own
// code; the running program does not notice, so a restart follows.
import { setTimeout as sleep } from "node:timers/promises";
import { newestSlot, writeSlot } from "../../firmware/config/slots.cold";
import { type DeviceConsole, openConsole, restartDevice } from "../flash/console";
import { crc32 } from "../host/crc32";
import { openPort, type Port } from "../tinybms/port";
import type { Gateway, Label } from "./device";
import { valuesOf } from "./plan";

/** The files of settings. */
const SLOTS = ["cfg.a", "cfg.b"];
/** Bytes in a question or an answer: what the console prints holds up the program. */
const PIECE = 384;
const TRIES = 3;
/** A running gateway is busy now and then, and a Ctrl-C would harm it. */
const ANSWER_MS = 10_000;

/** How long is waited for the start, and for the network. */
export interface Patience {
  boot_ms: number;
  network_ms: number;
  /** A reason why there is no network must stand so long to be believed: the first attempts often fail. */
  refused_ms: number;
  look_ms: number;
}
export const PATIENCE: Patience = { boot_ms: 60_000, network_ms: 90_000, refused_ms: 15_000, look_ms: 1500 };

const checksum = (text: string): number => crc32(Buffer.from(text, "latin1"));
const storage = `require("Storage")`;

async function readFile(device: DeviceConsole, name: string): Promise<string | undefined> {
  const size = Number(await device.ask(`(${storage}.read("${name}")||"").length`, ANSWER_MS));
  if (!(size >= 0)) throw new Error(`the device does not tell the size of ${name}`);
  let text = "";
  while (text.length < size) {
    const answer = await device.ask(`btoa(${storage}.read("${name}",${text.length},${PIECE}))`, ANSWER_MS),
      piece = Buffer.from(answer, "base64").toString("latin1");
    if (answer.startsWith("!") || !piece) throw new Error(`the device does not tell what is in ${name}: ${answer}`);
    text += piece;
  }
  return size ? text : undefined;
}

/** The piece of a file; whether it came whole. */
async function writePiece(device: DeviceConsole, name: string, text: string, at: number): Promise<boolean> {
  const piece = text.substr(at, PIECE),
    base64 = Buffer.from(piece, "latin1").toString("base64");
  const answer = await device.ask(
    `(function(d){return E.CRC32(d)===${checksum(piece)}?` +
      `${storage}.write("${name}",d,${at},${text.length}):"damaged"})(atob("${base64}"))`,
    ANSWER_MS,
  );
  if (answer.startsWith("!")) throw new Error(`the device cannot write: ${answer.slice(1)}`);
  return answer === "true" || answer === "1";
}

async function writeFile(device: DeviceConsole, name: string, text: string): Promise<void> {
  await device.ask(`(${storage}.erase("${name}"),1)`, ANSWER_MS);
  for (let at = 0; at < text.length; at += PIECE)
    for (let tries = 1; !(await writePiece(device, name, text, at)); tries++)
      if (tries === TRIES) throw new Error(`what is sent arrives damaged, ${TRIES} times: is the cable good?`);
  const there = await device.ask(
    `(function(t){return t.length+" "+E.CRC32(t)})(${storage}.read("${name}")||"")`,
    ANSWER_MS,
  );
  if (there !== `${text.length} ${checksum(text)}`)
    throw new Error("the settings do not read back as they were sent; those from before count. Run it once more");
}

type Files = Record<string, string | undefined>;

const filesOf = (files: Files) => ({
  read: (name: string) => files[name],
  write: (name: string, data: string) => ((files[name] = data), true),
  erase: (name: string) => void delete files[name],
});

/** Why a station is not in its network, as Espruino names it, for people. */
const REASONS: [RegExp, (network: string) => string][] = [
  [
    /HANDSHAKE_TIMEOUT|AUTH_FAIL|AUTH_EXPIRE|MIC_FAILURE|802_1X/,
    (network) => `${network} refuses the password: give the right one`,
  ],
  [
    /NO_AP_FOUND/,
    (network) => `there is no network ${network} here: look at the name (capitals count); 5 GHz is not heard`,
  ],
  [/BEACON_TIMEOUT/, (network) => `${network} is too weak here: bring the device nearer`],
  [/ASSOC_TOOMANY/, (network) => `${network} has too many devices already`],
];

/** A sentence for a reason, "" when it is none of those that will not pass. */
export function networkFault(reason: string, network: string): string {
  const found = REASONS.find(([pattern]) => pattern.test(reason));
  return found ? `${found[1](network)} (${reason})` : "";
}

/** Waits for an address; "" with nobody to blame. Rejects with the reason when there will be none. */
async function waitForAddress(device: DeviceConsole, network: string, patience: Patience): Promise<string> {
  let reason = "",
    since = Date.now();
  const end = since + patience.network_ms;
  while (Date.now() < end) {
    const answer = await device.ask(
        `(function(w){return w.getIP().ip+" "+w.getStatus().station})(require("Wifi"))`,
        ANSWER_MS,
      ),
      [ip, station = ""] = answer.split(" ");
    if (/^[1-9][\d.]+$/.test(ip!)) return ip!;
    if (station !== reason) [reason, since] = [station, Date.now()];
    const fault = networkFault(reason, network);
    if (fault && Date.now() - since >= patience.refused_ms) throw new Error(fault);
    await sleep(patience.look_ms);
  }
  return "";
}

/** What the device printed since it was started anew. */
async function waitForPrint(
  printed: () => string,
  pattern: RegExp,
  limit_ms: number,
  look_ms: number,
): Promise<RegExpExecArray | null> {
  for (const end = Date.now() + limit_ms; ; await sleep(Math.min(look_ms, 200))) {
    const found = pattern.exec(printed());
    if (found || Date.now() > end) return found;
  }
}

/** Restarts the gateway and waits until it runs and, if it has a network to join, until it is there. */
export async function startAnew(device: DeviceConsole, document: string, patience = PATIENCE): Promise<Label> {
  let text = "";
  device.onPrint((bytes) => (text = (text + bytes).slice(-20_000)));
  restartDevice(device);
  const wait = (pattern: RegExp, limit_ms: number): Promise<RegExpExecArray | null> =>
    waitForPrint(() => text, pattern, limit_ms, patience.look_ms);
  const banner = await wait(/tinybms-gateway \S+ (\S+) on \S+/, patience.boot_ms);
  if (!banner) throw new Error("the gateway does not start: npm run flash -- --port PORT writes its image again");
  const network = String(valuesOf(document, "wifi").ssid),
    label: Label = { device: banner[1]!, network, address: "", user: "admin", password: "" };
  if (!network) return label;
  label.address = await waitForAddress(device, network, patience);
  const login = await wait(/login: (\S+), password: ([^\r\n]+)/, label.address ? patience.boot_ms : 0);
  return { ...label, user: login?.[1] ?? label.user, password: login?.[2] ?? "" };
}

/** What a console tells of the device behind it. */
export interface Found {
  /** The version of Espruino. */
  version: string;
  /** Its board, as Espruino calls it. */
  board: string;
  hasImage: boolean;
  isConfigured: boolean;
  files: Files;
  /** The settings that count. */
  document: string;
}

/** Looks at a device and changes nothing. */
export async function lookAt(device: DeviceConsole, answer_ms = ANSWER_MS): Promise<Found> {
  device.tell("");
  const version = await device.ask("process.env.VERSION", answer_ms),
    board = await device.ask("process.env.BOARD", ANSWER_MS),
    hasImage = Number(await device.ask(`(${storage}.read(".bootcde")||"").length`, ANSWER_MS)) > 0,
    files: Files = {};
  for (const name of SLOTS) files[name] = await readFile(device, name);
  const { seq, document } = newestSlot(filesOf(files), checksum);
  return { version, board, hasImage, isConfigured: seq > 0, files, document };
}

/** Writes a document where the firmware would, beside what counts until it is whole. */
export async function writeSettings(device: DeviceConsole, before: Files, document: string): Promise<void> {
  const files = { ...before },
    reason = writeSlot(filesOf(files), checksum, document, null),
    name = SLOTS.find((slot) => files[slot] !== before[slot]);
  if (reason || !name) throw new Error(reason || "nothing to write");
  await writeFile(device, name, files[name]!);
}

/** The gateway at a serial port, or at tcp://host:port. */
export const openSerialGateway = async (where: string): Promise<Gateway> => serialGateway(await openPort(where));

/** The gateway behind an open port. */
export function serialGateway(port: Port, patience = PATIENCE): Gateway {
  const device = openConsole(port),
    { where } = port;
  let found: Found;
  return {
    read: async () => {
      found = await lookAt(device);
      const { version, hasImage, isConfigured, document } = found;
      if (!hasImage)
        throw new Error(`Espruino ${version} answers, but no gateway is on it: npm run flash -- --port ${where} first`);
      return {
        about: `a gateway on Espruino ${version}, ${isConfigured ? "configured" : "not yet configured"}`,
        document,
      };
    },
    write: async (_, plan) => {
      await writeSettings(device, found.files, plan.document);
      return [];
    },
    settle: async (document) => {
      try {
        return await startAnew(device, document, patience);
      } catch (error) {
        throw new Error(
          `the settings are written, but ${(error as Error).message}; then: npm run setup -- --port ${where}`,
        );
      }
    },
    close: () => port.close(),
  };
}
