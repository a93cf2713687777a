// What a person sees of the running rig: where everything is, and lines that live.
import pc from "../colors";
import { scenarios } from "../simulator/scenarios";
import type { NamedFault } from "../simulator/faults";
import { shownBroker } from "./broker-url";
import { KEYS } from "./keys";
import type { CommandLine } from "./options";
import type { Host } from "./run";

/** The part of GET /api/status that is shown. */
export interface Status {
  live_data?: Record<string, number | string | null>;
  limits?: Record<string, number | string | null>;
  uart?: { warning?: string | null };
  /** Why nothing is sent on CAN, null while it is. */
  can?: { silent?: string | null };
  mqtt?: { enabled?: boolean; connected?: boolean };
}

const PHASE_COLORS: Record<string, (text: string) => string> = {
  normal: pc.green,
  boot: pc.cyan,
  degraded: pc.yellow,
  lost: pc.red,
  silent: pc.red,
};

/** A number with its unit; `--` when it is unknown. */
function shown(value: unknown, digits: number, unit: string): string {
  return (typeof value === "number" ? value.toFixed(digits) : "--") + " " + unit;
}

function cellRange(live: NonNullable<Status["live_data"]>): string {
  const volts = (value: unknown): string => (typeof value === "number" ? (value / 1000).toFixed(3) : "--");
  return `cells ${volts(live.min_cell_mv)}..${volts(live.max_cell_mv)} V`;
}

/** A piece of the live lines that stays together. */
export interface Part {
  text: string;
  color?(text: string): string;
}

/** What comes first: why CAN is silent, or what is wrong with the TinyBMS. */
function troubles({ can, uart }: Status): Part[] {
  if (can?.silent) return [{ text: `CAN is silent: ${can.silent}`, color: pc.red }];
  return uart?.warning ? [{ text: uart.warning, color: pc.yellow }] : [];
}

/**
 * What the device says of itself, and how many frames a second the GX gets, the most important first. Null: the device
 * does not answer.
 */
export function liveParts(status: Status | null, framesPerSecond: number): Part[] {
  const frames = { text: `CAN ${framesPerSecond.toFixed(0)}/s` };
  if (status === null) return [{ text: "no answer from the device's HTTP server", color: pc.red }, frames];
  const live = status.live_data ?? {},
    limits = status.limits ?? {},
    phase = String(live.phase ?? "--");
  const mqtt = !status.mqtt?.enabled
    ? { text: "MQTT off" }
    : status.mqtt.connected
      ? { text: "MQTT up", color: pc.green }
      : { text: "MQTT down", color: pc.red };
  return [
    ...troubles(status),
    {
      text: `${shown(live.voltage, 2, "V")} ${shown(live.current, 1, "A")} ${shown(live.pack_power_w, 0, "W")}`,
      color: pc.bold,
    },
    { text: `SoC ${shown(live.soc_percent, 1, "%")}` },
    { text: `CVL ${shown(limits.cvl, 1, "V")} CCL ${shown(limits.ccl, 1, "A")} DCL ${shown(limits.dcl, 1, "A")}` },
    { text: phase, color: PHASE_COLORS[phase] ?? pc.red },
    mqtt,
    frames,
    { text: cellRange(live) },
    { text: shown(live.temperature, 1, "degC") },
  ];
}

const BETWEEN = "  ";
const painted = ({ text, color }: Part): string => (color ? color(text) : text);

/** All in one line, as long as it is. */
export function oneLine(parts: Part[]): string {
  return parts.map(painted).join(BETWEEN);
}

/** A text in pieces of at most `width`, cut at blanks where there are some. */
function wrapped(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  const blank = text.lastIndexOf(" ", width),
    at = blank > 0 ? blank : width;
  return [text.slice(0, at), ...wrapped(text.slice(at).trimStart(), width)];
}

/** Lines of at most `width` visible characters; what finds no room in `most` lines is left out. */
export function laidOut(parts: Part[], width: number, most: number): string[] {
  const lines: { text: string; room: number }[] = [];
  const pieces = parts.flatMap(({ text, color }) => wrapped(text, width).map((piece) => ({ text: piece, color })));
  for (const piece of pieces) {
    const last = lines.at(-1),
      size = piece.text.length;
    if (last && last.room >= BETWEEN.length + size) {
      last.text += BETWEEN + painted(piece);
      last.room -= BETWEEN.length + size;
    } else lines.push({ text: painted(piece), room: width - size });
  }
  return lines.slice(0, most).map(({ text }) => text);
}

function brokerLines(host: Host, { mqtt }: CommandLine): string[] {
  const base = host.topic.split("/")[0];
  if (typeof mqtt === "object") return [`MQTT      ${shownBroker(mqtt)}`, `Topics    ${host.topic}/...`];
  if (host.broker === null) return ["MQTT      off"];
  const { port } = host.broker.listening;
  return [
    `MQTT      mqtt://127.0.0.1:${port}   mosquitto_sub -p ${port} -t '${base}/#' -v`,
    `Topics    ${host.topic}/...`,
  ];
}

/** Sentences about ports that were busy. */
export function busyPorts({ http, broker }: Host): string[] {
  const lines: string[] = [];
  const isMoved = ({ wished, port }: Host["http"]): boolean => wished !== 0 && wished !== port;
  if (isMoved(http)) lines.push(`Port ${http.wished} is busy: HTTP is on port ${http.port}.`);
  if (broker && isMoved(broker.listening)) {
    const { wished, port } = broker.listening;
    lines.push(
      `Port ${wished} is busy: the embedded broker is on port ${port}. (A broker of yours? --mqtt mqtt://127.0.0.1:${wished})`,
    );
  }
  return lines;
}

function faultText({ name, options }: NamedFault): string {
  const { probability, after_ms: after, for_ms: time } = options;
  return (
    name +
    (probability === undefined ? "" : `=${probability}`) +
    (after === undefined ? "" : ` from ${after / 1000} s`) +
    (time === undefined ? "" : ` for ${time / 1000} s`)
  );
}

const tokenText = (host: Host): string => host.token() || "--";

/** Where the devices are: HTTP server and topics; of several their tokens too. */
function deviceLines(hosts: Host[], command: CommandLine): string[] {
  const [first] = hosts;
  if (hosts.length === 1) {
    return [`HTTP      ${first.httpUrl}/api/status`, ...brokerLines(first, command)];
  }
  const each = hosts.map((host) => `Device    ${host.topic}   ${host.httpUrl}/api/status   token ${tokenText(host)}`);
  return [...each, ...brokerLines(first, command).filter((line) => !line.startsWith("Topics"))];
}

/** Where everything is. */
export function overview(hosts: Host[], command: CommandLine, control: string | null): string[] {
  const { scenario, seed, speed, faults, bms } = command;
  const faulty = faults.length > 0 ? `; faults ${faults.map(faultText).join(", ")}` : "";
  return [
    pc.bold(
      `The gateway's image runs in node, with a ${bms === undefined ? "simulated battery" : "TinyBMS"} and a virtual GX`,
    ),
    ...deviceLines(hosts, command),
    `Battery   ${bms === undefined ? `${scenario}: ${scenarios[scenario].doc}; seed ${seed}, speed ${speed}${faulty}` : `a TinyBMS at ${bms}`}`,
    `CAN       to a virtual GX` + (command.candump === undefined ? "" : `; candump log: ${command.candump}`),
    ...(hosts.length === 1
      ? [
          `Login     ${hosts[0].login() || "--"}   (to change settings over HTTP)`,
          `Token     ${tokenText(hosts[0])}   (the same by the header X-Setup-Token, until you set a password)`,
        ]
      : []),
    ...(control === null ? [] : [`Control   ${control}   (scenario, speed, faults: POST JSON)`]),
    ...(control !== null && process.stdin.isTTY && process.stdout.isTTY ? [KEYS] : []),
    pc.dim("Ctrl-C ends it. Options go behind two dashes: npm start -- --help"),
  ];
}

/** A terminal or a pipe. */
export interface Screen {
  /** Lines that stay. */
  say(lines: string[]): void;
  /** The lines that are replaced; on a pipe they are one more line. */
  live(parts: Part[]): void;
  /** The same for several devices, a line each. */
  table(rows: Part[][]): void;
  close(): void;
}

const LINE_START = "\r",
  CLEAR_BELOW = "\x1b[J",
  HIDE_CURSOR = "\x1b[?25l",
  SHOW_CURSOR = "\x1b[?25h";
/** Live lines on a terminal: two of values, one more when there is a trouble to tell. */
const MOST_LIVE = 3;
const USUAL_WIDTH = 80,
  USUAL_ROWS = 24;

const up = (lines: number): string => (lines > 0 ? `\x1b[${lines}A` : "");

/** A screen on `out`; on a terminal the cursor is hidden until `close`. */
export function screenOn(out: NodeJS.WriteStream): Screen {
  let last: string[] = [];
  if (!out.isTTY) {
    const say = (lines: string[]): void => {
      out.write(lines.join("\n") + "\n");
    };
    return {
      say,
      live: (parts) => say([oneLine(parts)]),
      table: (rows) => say(rows.map(oneLine)),
      close: () => undefined,
    };
  }
  const clear = (): string => up(last.length - 1) + LINE_START + CLEAR_BELOW;
  const width = (): number => (out.columns || USUAL_WIDTH) - 1;
  const replace = (lines: string[]): void => {
    const before = clear();
    last = lines;
    out.write(before + last.join("\n"));
  };
  out.write(HIDE_CURSOR);
  return {
    say: (lines) => {
      out.write(clear() + lines.join("\n") + "\n" + last.join("\n"));
    },
    live: (parts) => replace(laidOut(parts, width(), MOST_LIVE)),
    table: (rows) =>
      replace(rows.slice(0, (out.rows || USUAL_ROWS) - 1).flatMap((parts) => laidOut(parts, width(), 1))),
    close: () => {
      out.write((last.length ? "\n" : "") + SHOW_CURSOR);
    },
  };
}
