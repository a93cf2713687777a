// What a person sees of the running rig: where everything is, and one line that lives.
import pc from "../colors";
import { scenarios } from "../simulator/scenarios";
import { shownBroker } from "./broker-url";
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

/** What must not be cut off at the end of a line: why CAN is silent, or what is wrong with the TinyBMS. */
function troubles({ can, uart }: Status): string[] {
  if (can?.silent) return [pc.red(`CAN is silent: ${can.silent}`)];
  return uart?.warning ? [pc.yellow(uart.warning)] : [];
}

/**
 * The live line: what the device says of itself, and how many frames a second the GX gets. Null: the device does not
 * answer.
 */
export function liveLine(status: Status | null, framesPerSecond: number): string {
  const frames = `CAN ${framesPerSecond.toFixed(0)}/s`;
  if (status === null) return `${pc.red("no answer from the device's HTTP server")}  ${frames}`;
  const live = status.live_data ?? {},
    limits = status.limits ?? {},
    phase = String(live.phase ?? "--");
  const mqtt = !status.mqtt?.enabled ? "MQTT off" : status.mqtt.connected ? pc.green("MQTT up") : pc.red("MQTT down");
  return [
    ...troubles(status),
    pc.bold(`${shown(live.voltage, 2, "V")} ${shown(live.current, 1, "A")} ${shown(live.pack_power_w, 0, "W")}`),
    `SoC ${shown(live.soc_percent, 1, "%")}`,
    cellRange(live),
    shown(live.temperature, 1, "degC"),
    `CVL ${shown(limits.cvl, 1, "V")} CCL ${shown(limits.ccl, 1, "A")} DCL ${shown(limits.dcl, 1, "A")}`,
    (PHASE_COLORS[phase] ?? pc.red)(phase),
    frames,
    mqtt,
  ].join("  ");
}

const ESCAPES = new RegExp(String.fromCharCode(27) + "\\[[0-9;]*m", "g");

/** At most `width` visible characters; a line that is too long loses its colours and its end. */
export function fitted(line: string, width: number): string {
  const plain = line.replace(ESCAPES, "");
  return plain.length <= width ? line : plain.slice(0, width);
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

/** Where everything is. */
export function overview(host: Host, command: CommandLine): string[] {
  const { scenario, seed, speed, faults, bms } = command;
  const faulty = faults.length > 0 ? `; faults ${faults.join(", ")}` : "";
  return [
    pc.bold(
      `The gateway's image runs in node, with a ${bms === undefined ? "simulated battery" : "TinyBMS"} and a virtual GX`,
    ),
    `HTTP      ${host.httpUrl}/api/status`,
    ...brokerLines(host, command),
    `Battery   ${bms === undefined ? `${scenario}: ${scenarios[scenario].doc}; seed ${seed}, speed ${speed}${faulty}` : `a TinyBMS at ${bms}`}`,
    `CAN       to a virtual GX` + (command.candump === undefined ? "" : `; candump log: ${command.candump}`),
    `Token     ${host.token() || "--"}   (header X-Setup-Token, to change settings over HTTP)`,
    pc.dim("Ctrl-C ends it."),
  ];
}

/** A terminal or a pipe. */
export interface Screen {
  /** Lines that stay. */
  say(lines: string[]): void;
  /** The line that is replaced; on a pipe it is one more line. */
  live(line: string): void;
  close(): void;
}

const CLEAR_LINE = "\r\x1b[2K",
  HIDE_CURSOR = "\x1b[?25l",
  SHOW_CURSOR = "\x1b[?25h";

/** A screen on `out`; on a terminal the cursor is hidden until `close`. */
export function screenOn(out: NodeJS.WriteStream): Screen {
  let last = "";
  if (!out.isTTY) {
    const say = (lines: string[]): void => {
      out.write(lines.join("\n") + "\n");
    };
    return { say, live: (line) => say([line]), close: () => undefined };
  }
  out.write(HIDE_CURSOR);
  return {
    say: (lines) => {
      out.write(CLEAR_LINE + lines.join("\n") + "\n" + last);
    },
    live: (line) => {
      last = fitted(line, (out.columns || 80) - 1);
      out.write(CLEAR_LINE + last);
    },
    close: () => {
      out.write((last === "" ? "" : "\n") + SHOW_CURSOR);
    },
  };
}
