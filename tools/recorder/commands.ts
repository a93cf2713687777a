// Commands that the recorder passes on: rows of a table, with their arguments as the page's form asks for them and as
// devices check them (a test holds this against the device's own table). What restarts a device, forgets its settings
// or writes to the battery is not among them: that is done at the device.
import { whyNot } from "../host/settings";
import { pushableFields } from "./catalog";
import type { Json } from "./normalize";
import type { DeviceError } from "./pushes";

type Field = ReturnType<typeof pushableFields>[number];

/** Bounds as in the table of settings. */
export interface Argument extends Pick<Field, "key" | "type" | "unit" | "min" | "max" | "oneOf" | "doc"> {
  /** The command means nothing without it. */
  isNeeded?: true;
}

export interface Command {
  cmd: string;
  /** What the device's setting mqtt.commands must be, at least. */
  may: "safe" | "all";
  doc: string;
  args: Argument[];
}

/** The most registers of one request, and the last of them. */
const MOST_COUNT = 29,
  LAST_REGISTER = 599;
const MOST_A = 750,
  MOST_TTL_S = 3600,
  MOST_EVENTS = 49;

const current = (key: string, doc: string): Argument => ({ key, type: "number", unit: "A", min: 0, max: MOST_A, doc });

export const commands: Command[] = [
  { cmd: "system.ping", may: "safe", doc: "Is it there?", args: [] },
  { cmd: "publish.all", may: "safe", doc: "Publish everything that is known once more.", args: [] },
  { cmd: "alarms.list", may: "safe", doc: "Alarms that are raised, as the device itself has them.", args: [] },
  {
    cmd: "alarms.ack",
    may: "safe",
    doc: "Acknowledge an alarm at the device.",
    args: [{ key: "id", type: "int", min: 1, isNeeded: true, doc: "Number of the alarm." }],
  },
  { cmd: "alarms.ack_all", may: "safe", doc: "Acknowledge all alarms at the device.", args: [] },
  {
    cmd: "bms.read",
    may: "safe",
    doc: "Read registers of the TinyBMS, as they are.",
    args: [
      { key: "address", type: "int", min: 0, max: LAST_REGISTER, isNeeded: true, doc: "The first register." },
      { key: "count", type: "int", min: 1, max: MOST_COUNT, doc: "How many; one when empty." },
    ],
  },
  {
    cmd: "bms.events",
    may: "safe",
    doc: "The TinyBMS's own list of events, newest first.",
    args: [{ key: "count", type: "int", min: 1, max: MOST_EVENTS, doc: "How many; all when empty." }],
  },
  {
    cmd: "can.limits.override",
    may: "safe",
    doc: "Narrow the limits for a while. What the battery needs counts all the same; at least one current is needed.",
    args: [
      current("ccl", "Charge current limit; as it is when empty."),
      current("dcl", "Discharge current limit; as it is when empty."),
      { key: "ttl_s", type: "number", unit: "s", min: 1, max: MOST_TTL_S, isNeeded: true, doc: "How long it counts." },
    ],
  },
  {
    cmd: "log.level",
    may: "safe",
    doc: "Setting log.level.",
    args: [
      {
        key: "level",
        type: "string",
        oneOf: pushableFields().find(({ module, key }) => module === "log" && key === "level")!.oneOf,
        isNeeded: true,
        doc: "What is written to the console and the log topic.",
      },
    ],
  },
  { cmd: "mqtt.test", may: "safe", doc: "Connect to the broker once more, beside the connection in use.", args: [] },
  { cmd: "time.resync", may: "all", doc: "Ask the time server now.", args: [] },
];

/** Why a device would refuse this command; null when it would not. Whether it takes commands at all is its own. */
export function commandFault(cmd: string, args: Json): DeviceError | null {
  const bad = (code: string, where: string, reason: string): DeviceError => ({ code, where, reason, retryable: false }),
    row = commands.find((one) => one.cmd === cmd);
  if (!row) return bad("UnknownCommand", cmd, "must be one of " + commands.map((one) => one.cmd).join(", "));
  const unknown = Object.keys(args).find((key) => !row.args.some((one) => one.key === key));
  if (unknown !== undefined) return bad("UnknownKey", `${cmd}.${unknown}`, "is no argument");
  for (const argument of row.args) {
    const where = `${cmd}.${argument.key}`,
      value = args[argument.key];
    if (value === undefined && argument.isNeeded) return bad("MissingValue", where, "is needed");
    const reason = value === undefined ? "" : whyNot(argument, value);
    if (reason !== "") return bad("OutOfRange", where, reason);
  }
  return null;
}
