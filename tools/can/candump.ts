// The formats of can-utils' candump: that of `candump -l`, one frame a line, `(seconds.micros) can0
// 351#280246050807D001`, and what it prints on a terminal.
import { Frame, frameOf } from "./frame";

/** Bit of an identifier that marks no frame of the bus but a report of the controller (CAN_ERR_FLAG of linux/can.h). */
const ERROR_FLAG = 0x20000000;

/** One line of a log; `seconds` has microsecond resolution. */
export interface CandumpRecord {
  seconds: number;
  channel: string;
  frame: Frame;
}

const LINE =
  /^\((\d+)\.(\d{6})\)\s+(\S+)\s+([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})#(?:(R)([0-8]?)|((?:[0-9A-Fa-f]{2}){0,8}))(?:\s+[RT])?$/;
/**
 * What candump prints on a terminal: `can0  351   [8]  28 02 46 05 08 07 D0 01`, with a time or a date before it (-t)
 * and the direction with its flags behind the channel (-x) when asked.
 */
const PLAIN = new RegExp(
  [
    /^(?:\((\d+\.\d+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)\)\s+)?/,
    /(\S+)\s+(?:[RT]X(?:\s+\S){1,2}\s+)?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})\s+\[(\d)\]\s*/,
    /(remote request|(?:[0-9A-Fa-f]{2}(?:\s+|$))*)(?:ERRORFRAME)?\s*('.*')?$/,
  ]
    .map(({ source }) => source)
    .join(""),
);
const SECONDS_WIDTH = 10;

/** The log line of one frame, without line end. */
export function formatCandump(record: CandumpRecord): string {
  const { frame, seconds, channel } = record;
  const micros = Math.round(seconds * 1e6);
  const whole = String(Math.floor(micros / 1e6)).padStart(SECONDS_WIDTH, "0");
  const part = String(micros % 1e6).padStart(6, "0");
  const id = frame.id
    .toString(16)
    .toUpperCase()
    .padStart(frame.ext ? 8 : 3, "0");
  const data = frame.rtr
    ? "R" + (frame.dlc > 0 ? Math.min(frame.dlc, 8) : "")
    : Buffer.from(frame.data).toString("hex").toUpperCase();
  return "(" + whole + "." + part + ") " + channel + " " + id + "#" + data;
}

/** The frame of one log line; null when the line is none (CAN FD and error frames included). */
export function parseCandump(line: string): CandumpRecord | null {
  const record = readLogged(line);
  return record && isError(record.frame) ? null : record;
}

/** Whether this is a report of the controller in the place of a frame; its class is in the identifier. */
export function isError({ id, ext }: Frame): boolean {
  return ext && (id & ERROR_FLAG) !== 0;
}

function readLogged(line: string): CandumpRecord | null {
  const match = LINE.exec(line.trim());
  if (!match) return null;
  const [, whole, part, channel, id, isRemote, length, data] = match;
  const ext = id.length === 8,
    rtr = isRemote === "R";
  if (parseInt(id, 16) > (ERROR_FLAG | 0x1fffffff)) return null;
  const frame = frameOf(
    parseInt(id, 16),
    Buffer.from(data ?? "", "hex"),
    rtr ? { ext, rtr, dlc: Number(length) } : { ext },
  );
  return { seconds: Number(whole) + Number(part) / 1e6, channel, frame };
}

/**
 * The frame of a line of either form, or an error frame (`isError`); `seconds` is null without a time. Null when the
 * line is none.
 */
export function parseLine(line: string): { seconds: number | null; channel: string; frame: Frame } | null {
  const logged = readLogged(line),
    match = logged ? null : PLAIN.exec(line.trim());
  if (!match) return logged;
  const [, time, channel, id, length, rest] = match,
    rtr = rest === "remote request",
    data = rest.replace(/\s/g, "");
  if (!rtr && data.length !== 2 * Number(length)) return null;
  const ext = id.length === 8,
    options = rtr ? { ext, rtr, dlc: Number(length) } : { ext };
  const frame = frameOf(parseInt(id, 16), Buffer.from(rtr ? "" : data, "hex"), options);
  const seconds = time?.includes("-") ? Date.parse(time.replace(" ", "T")) / 1000 : Number(time);
  return { seconds: time === undefined ? null : seconds, channel, frame };
}

/**
 * All frames of a log; empty lines and lines that begin with # are skipped. Throws an Error that names the first bad
 * line.
 */
export function parseCandumpLog(text: string): CandumpRecord[] {
  const lines = text.split("\n").map((line, i) => ({ line: line.trim(), number: i + 1 }));
  return lines
    .filter(({ line }) => line !== "" && !line.startsWith("#"))
    .map(({ line, number }) => {
      const record = parseCandump(line);
      if (!record) throw new Error("candump log, line " + number + ": " + line);
      return record;
    });
}
