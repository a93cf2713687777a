// The commands of the tool: each reads, or changes, and says what came of it, for people or as JSON.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { setImageText } from "../../firmware/kernel/text.cold";
import { control } from "../../firmware/bms/requests.cold";
import { writeRefusal } from "../../firmware/bms/settings.cold";
import pc from "../colors";
import { ask, linkOf, type Link, type Witness } from "../tinybms/link";
import { openPort, serialPorts } from "../tinybms/port";
import { SETTINGS_FIRST } from "../bake/settings";
import { readBackup, readText, refuseExisting, writeWhole } from "./files";
import { readCells, readEvents, readLive, readStatistics } from "./read";
import { decoded, exchangesIn, poll, recorder } from "./record";
import {
  backup,
  change,
  changesFrom,
  compare,
  kept,
  readSettings,
  undoOf,
  type Change,
  type Changes,
} from "./settings";
import { cellTable, duration, fail, severityColor, shown, table, valueTable, wallClock } from "./show";

/** Options that every command knows. */
export interface Options {
  port?: string;
  json?: boolean;
  timeout?: number;
  cellOrder?: "high" | "low";
  once?: boolean;
  every?: number;
  seconds?: number;
  confirm?: boolean;
  force?: boolean;
}

const LIVE_KEYS = [
  "pack_voltage",
  "pack_current",
  "pack_power",
  "state_of_charge",
  "state_of_health",
  "online_status",
  "min_cell_voltage",
  "max_cell_voltage",
  "cell_spread",
  "external_temp_1",
  "external_temp_2",
  "internal_temp",
  "balancing_decision",
  "balancing_active",
];
const CLEAR = "\x1b[2J",
  HOME = "\x1b[H",
  CLEAR_BELOW = "\x1b[J",
  CLEAR_LINE_END = "\x1b[K";

/** The names and ranges of the settings stand in the image's text, for the firmware's check of a change. */
export function loadImageText(): void {
  setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"));
}

const sentence = (text: string): string => text[0].toUpperCase() + text.slice(1) + ".";

const json = (value: unknown): void => console.log(JSON.stringify(value));

/** Opens the port, uses the link, and closes the port again however that ends. */
async function withLink(options: Options, use: (link: Link) => Promise<void>, witness?: Witness): Promise<void> {
  if (!options.port) {
    const found = await serialPorts(),
      which = found.length ? `(here: ${found.join(", ")})` : "such as /dev/ttyUSB0";
    throw new Error(`--port: is missing; give a serial port ${which} or tcp://HOST:PORT`);
  }
  const port = await openPort(options.port);
  try {
    await use(linkOf(port, { margin_ms: options.timeout, witness }));
  } finally {
    await port.close();
  }
}

/** Runs `work` until it ends or is asked to: by Ctrl-C, SIGTERM or a lost terminal. */
async function untilAsked(work: (isOver: () => boolean) => Promise<void>): Promise<void> {
  let over = false;
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const,
    end = (): void => {
      over = true;
    };
  signals.forEach((signal) => process.on(signal, end));
  try {
    await work(() => over);
  } finally {
    signals.forEach((signal) => process.off(signal, end));
  }
}

async function showLive(link: Link, options: Options, isScreen: boolean): Promise<void> {
  const values = await readLive(link);
  if (options.json) return json({ time: new Date().toISOString(), values });
  const foot = `${options.port}  ${wallClock(0, Date.now())}${isScreen ? "  Ctrl-C ends it" : ""}`;
  const text = `${valueTable(values, LIVE_KEYS)}\n${pc.dim(foot)}`;
  console.log(isScreen ? HOME + text.replaceAll("\n", CLEAR_LINE_END + "\n") + CLEAR_BELOW : text);
}

/** Shows live values, again and again unless `once`. A BMS that falls silent is reported and asked on. */
export function live(options: Options): Promise<void> {
  const isScreen = process.stdout.isTTY && !options.once && !options.json;
  if (isScreen) process.stdout.write(CLEAR);
  return untilAsked((isOver) =>
    withLink(options, async (link) => {
      if (options.once) return showLive(link, options, false);
      while (!isOver()) {
        const began = performance.now();
        try {
          await showLive(link, options, isScreen);
        } catch (error) {
          if (link.lost) throw error;
          fail((error as Error).message, options.json ?? false);
        }
        while (!isOver() && performance.now() - began < (options.every ?? 1000)) await sleep(20);
      }
    }),
  );
}

/** Shows the cells. */
export function cells(options: Options): Promise<void> {
  return withLink(options, async (link) => {
    const found = await readCells(link, options.cellOrder === "low");
    if (options.json) json(found);
    else console.log(cellTable(found));
  });
}

/** Shows the event log, newest first, with wall-clock times reckoned from the unit's clock. */
export function events(options: Options): Promise<void> {
  return withLink(options, async (link) => {
    const { now_s, events: log } = await readEvents(link),
      now = Date.now();
    if (options.json) {
      const at = (time_s: number): string => new Date(now - (now_s - time_s) * 1000).toISOString();
      return json({ now_s, events: log.map((event) => ({ ...event, at: at(event.time_s) })) });
    }
    const body = log.map(({ time_s, id, severity, name, active }) => {
      const color = severityColor(severity),
        ago = now_s - time_s;
      const code = "0x" + id.toString(16).padStart(2, "0");
      return [wallClock(ago, now), duration(ago), color(severity), color(name), code, active ? pc.red("active") : ""];
    });
    console.log(
      log.length ? table(["Time", "Ago", "Severity", "Event", "Id", ""], body, [1]) : "The event log is empty.",
    );
  });
}

/** Shows the statistics. */
export function statistics(options: Options): Promise<void> {
  return withLink(options, async (link) => {
    const values = await readStatistics(link);
    if (options.json) json({ values });
    else console.log(valueTable(values));
  });
}

/** Shows all settings with limits and defaults. */
export function showSettings(options: Options): Promise<void> {
  return withLink(options, async (link) => {
    const found = await readSettings(link);
    if (options.json) return json({ settings: found });
    const body = found.map(({ register, key, value, unit, min, max, default: byDefault, changed }) => [
      String(register),
      key,
      changed ? pc.yellow(shown(value)) : shown(value),
      pc.dim(unit),
      ...[min, max].map((bound) => (typeof value === "string" ? "" : shown(bound))),
      shown(byDefault),
      changed ? pc.yellow("changed") : "",
    ]);
    console.log(table(["Reg", "Setting", "Value", "", "Min", "Max", "Default", ""], body, [0, 2, 4, 5, 6]));
    const told = found.filter(({ limits_from: source }) => source === "bms").at(-1)?.register ?? SETTINGS_FIRST - 1;
    console.log(
      pc.dim(`Limits and defaults of registers above ${told} are printed ones; the BMS was not asked for them.`),
    );
    console.log(pc.dim("Cell voltages limit each other: when two of them change together, the printed range counts."));
  });
}

function changeTable(changes: Change[], before: string, after: string): string {
  const body = changes.map(({ key, from, to, unit }) => [key, shown(from), pc.bold(shown(to)), pc.dim(unit)]);
  return table(["Setting", before, after, ""], body, [1, 2]);
}

/** Lets Ctrl-C wait until `work` is done: a change is not left in its middle. */
async function undisturbed<T>(work: () => Promise<T>): Promise<T> {
  const wait = (): void => console.error("one moment: a change is being written");
  process.on("SIGINT", wait);
  try {
    return await work();
  } finally {
    process.off("SIGINT", wait);
  }
}

/**
 * Writes a change, or says what it would be when not confirmed: who named the change asked for it and is refused, who
 * asked for the undo is shown it first.
 */
async function apply(link: Link, wanted: Changes, options: Options, isUndo = false): Promise<void> {
  const {
    changes,
    written,
    undo,
    range_by_table: byTable,
  } = await undisturbed(() => change(link, wanted, options.confirm ?? false));
  const hint = changes.length > 0 && !options.confirm ? "nothing was written; add --confirm to write this" : "",
    refusal = isUndo ? "" : hint;
  if (options.json) {
    json({ written, changes, undo, range_by_table: byTable, ...(refusal ? { error: refusal } : {}) });
    if (refusal) process.exitCode = 1;
    return;
  }
  if (changes.length === 0) return console.log("Nothing to change: the BMS has these values already.");
  console.log(changeTable(changes, "Before", written ? "Now" : "Would be"));
  if (byTable.length > 0)
    console.log(pc.dim(`The range of ${byTable.join(", ")} is the printed one; the BMS cannot be asked for it.`));
  if (changes.some(({ key }) => key === "operation_mode")) {
    console.log(pc.yellow("The BMS restarts itself when operation_mode changes: the load is interrupted."));
  }
  if (refusal) fail(refusal, false);
  else if (hint) console.log(sentence(hint));
  else
    console.log(
      undo
        ? `Written and read back. \`settings undo --confirm\` ${isUndo ? "does it again" : "takes it back"} (kept in ${undo}).`
        : "Written. It cannot be undone.",
    );
}

/** Changes settings by KEY=VALUE pairs. */
export function setSettings(pairs: string[], options: Options): Promise<void> {
  const wanted = changesFrom(pairs);
  return withLink(options, (link) => apply(link, wanted, options));
}

/** Takes the last change back, or shows it. */
export function undoSettings(options: Options): Promise<void> {
  return withLink(options, async (link) => apply(link, await undoOf(link), options, true));
}

/** Keeps all settings in a file. */
export function backupSettings(file: string, options: Options): Promise<void> {
  refuseExisting(file, options.force ?? false);
  return withLink(options, async (link) => {
    const found = await backup(link),
      count = Object.keys(found.settings).length;
    writeWhole(file, JSON.stringify(found, null, 2) + "\n");
    if (options.json) json({ file, settings: count, unit: found.unit });
    else console.log(`${count} settings of the BMS with serial number ${found.unit.serial_number} are in ${file}.`);
  });
}

/** Shows where the BMS differs from a backup. */
export function compareSettings(file: string, options: Options): Promise<void> {
  const wanted = readBackup(
    file,
    kept.map(({ key }) => key),
  );
  return withLink(options, async (link) => {
    const found = await compare(link, wanted);
    if (options.json) {
      return json({
        same: found.length === 0,
        differences: found.map(({ key, from, to, unit }) => ({ key, bms: from, backup: to, unit })),
      });
    }
    if (found.length === 0)
      return console.log(`The BMS has all ${Object.keys(wanted.settings).length} settings as in ${file}.`);
    console.log(changeTable(found, "BMS", "Backup"));
    console.log(found.length === 1 ? "1 setting differs." : `${found.length} settings differ.`);
  });
}

/** Brings the settings of a backup back. */
export function restoreSettings(file: string, options: Options): Promise<void> {
  const wanted = readBackup(
    file,
    kept.map(({ key }) => key),
  );
  return withLink(options, async (link) => {
    const found = await compare(link, wanted);
    await apply(link, Object.fromEntries(found.map(({ key }) => [key, wanted.settings[key]])), options);
  });
}

/** Command 0x02, which changes the unit: `said` is what it did. */
export function controlBms(option: number, said: string, options: Options): Promise<void> {
  const refusal = writeRefusal(true, options.confirm ?? false);
  if (refusal) throw new Error("nothing was done; add --confirm");
  return withLink(options, async (link) => {
    await ask(link, control(option));
    if (options.json) json({ done: true });
    else console.log(said);
  });
}

/** Records the line until the end is asked for, or for some seconds. */
export async function record(file: string, options: Options): Promise<void> {
  refuseExisting(file, options.force ?? false);
  const until = performance.now() + (options.seconds ?? Infinity) * 1000,
    out = recorder(file, options.port ?? "");
  if (!options.json && options.port) console.log(`Recording ${options.port} to ${file}; Ctrl-C ends it.`);
  try {
    await untilAsked((isOver) =>
      withLink(
        options,
        async (link) => {
          const count = await poll(link, options.every ?? 1000, () => isOver() || performance.now() >= until);
          if (options.json) json({ file, ...count });
          else
            console.log(`${count.exchanges} exchanges, ${count.failed} of them without a good reply, are in ${file}.`);
        },
        out.witness,
      ),
    );
  } finally {
    await out.close();
  }
}

/** Decodes a recording. */
export function replay(file: string, options: Options): void {
  const played = exchangesIn(readText(file), file),
    outcomes: Record<string, number> = {};
  for (const one of played) {
    const found = decoded(one),
      outcome = found.error ?? found.outcome;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (options.json) {
      json({ ms: one.ms, ...found });
      continue;
    }
    const values = Object.entries(found.values).map(([key, value]) => `${key}=${shown(value)}`);
    const words = Object.keys(found.registers).length;
    const told = found.log
      ? [`${found.log.length} events`]
      : found.option
        ? [`option ${found.option}: ${words} words`]
        : values;
    const color = found.outcome === "ok" || found.outcome === "ack" ? pc.green : pc.red;
    console.log(`${String(one.ms).padStart(8)}  ${found.cmd.padEnd(4)}  ${color(outcome)}  ${told.join(" ")}`);
  }
  const counts = Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");
  if (!options.json) console.log(`${played.length} exchanges: ${counts}`);
}
