// `npm run -s manifest`: which topic carries which register, from the register table; `--check` compares it with the
// manifest that a device publishes.
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { Command } from "commander";
import pc from "../colors";
import type { Register } from "../../firmware/tables/registers";
import { suffixOf } from "../bake/names";
import { publishedRows } from "../bake/names";
import { groupRows } from "../bake/topics";
import { endWithReader } from "../stdout";
import { addBrokerOptions, brokerOptions, connectBroker, type BrokerOptions } from "./connect";
import { placeOf } from "./messages";

/** One topic and what it carries; a derived value has no address. */
export interface ManifestRow {
  topic: string;
  address: number | null;
  words: number;
  key: string;
  label: string;
  unit: string;
  scale: number;
  dbus_path: string | null;
  modbus: number | null;
  state: string | null;
  entity: string | null;
}

interface Options extends BrokerOptions {
  json?: boolean;
  check?: boolean;
  seconds: number;
}

function rowOf(row: Register, base: string): ManifestRow {
  return {
    topic: `${base}rt/reg/${suffixOf(row)}`,
    address: row.at ?? null,
    words: row.words ?? 1,
    key: row.key,
    label: row.label,
    unit: row.unit,
    scale: 1 / (row.per ?? 1),
    dbus_path: row.gx?.path ?? null,
    modbus: row.gx?.modbus ?? null,
    state: row.state ?? null,
    entity: row.ha?.key ?? null,
  };
}

/** Every register topic, in the order of the snapshot; `base` stands before each ("" or `<prefix>/<device>/`). */
export function manifestRows(base = ""): ManifestRow[] {
  return [...publishedRows, ...groupRows].map((row) => rowOf(row, base));
}

function tableText(rows: ManifestRow[]): string {
  const head = ["topic", "register", "unit", "D-Bus path", "Modbus", "rt/state", "label"].map(pc.bold);
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  const registers = ({ address, words }: ManifestRow): string =>
    address === null ? "" : words > 1 ? `${address}..${address + words - 1}` : String(address);
  table.push(
    ...rows.map((row) => [
      row.topic,
      registers(row),
      row.unit,
      row.dbus_path ?? "",
      String(row.modbus ?? ""),
      row.state ?? "",
      row.label,
    ]),
  );
  return table.toString();
}

/** An item of a published page: topic, address, unit, path, Modbus address. */
interface Item {
  t?: unknown;
  a?: unknown;
  u?: unknown;
  p?: unknown;
  m?: unknown;
}

/**
 * Where the items that a device publishes differ from the table, one line each; registers of other groups are its own
 * affair.
 */
export function differences(items: Item[]): string[] {
  const wrong: string[] = [],
    rows = manifestRows();
  for (const row of rows) {
    const item = items.find(({ t }) => t === row.topic);
    if (!item) {
      wrong.push(`${row.topic} is not in the device's manifest`);
      continue;
    }
    const pairs: [string, unknown, unknown][] = [
      ["register", item.a ?? null, row.address],
      ["unit", item.u ?? "", row.unit],
      ["path", item.p ?? null, row.dbus_path],
      ["Modbus address", item.m ?? null, row.modbus],
    ];
    for (const [what, theirs, ours] of pairs) {
      if (theirs !== ours) wrong.push(`${row.topic}: ${what} ${String(theirs)}, the table says ${String(ours)}`);
    }
  }
  return wrong;
}

/** The pages that the broker holds, by device. */
async function heldPages(options: Options): Promise<Map<string, Item[]>> {
  const client = await connectBroker(options),
    found = new Map<string, Item[]>();
  try {
    client.on("message", (topic, payload) => {
      const place = placeOf(topic, options.prefix);
      if (!place?.suffix.startsWith("manifest/page") || payload.length === 0) return;
      try {
        const { items } = JSON.parse(payload.toString()) as { items: Item[] };
        found.set(place.device, [...(found.get(place.device) ?? []), ...items]);
      } catch {
        found.set(place.device, found.get(place.device) ?? []);
      }
    });
    await client.subscribeAsync(`${options.prefix}/${options.device}/manifest/#`, { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve, options.seconds * 1000));
  } finally {
    await client.endAsync(true);
  }
  return found;
}

async function check(options: Options): Promise<void> {
  const found = await heldPages(options);
  if (found.size === 0) throw new Error(`the broker holds no manifest below ${options.prefix}/${options.device}/`);
  const wrong = [...found].map(([device, items]) => ({ device, items: items.length, differences: differences(items) }));
  if (options.json) process.stdout.write(JSON.stringify(wrong) + "\n");
  for (const { device, items, differences: list } of options.json ? [] : wrong) {
    process.stdout.write([`${device}: ${items} topics, ${list.length} differences`, ...list].join("\n") + "\n");
  }
  if (wrong.some(({ differences: list }) => list.length > 0)) process.exitCode = 1;
}

async function run(given: Partial<Options> & { seconds: number }): Promise<void> {
  const options: Options = { ...given, ...brokerOptions(given, process.env) };
  if (options.check) return check(options);
  const rows = manifestRows(given.device === undefined ? "" : `${options.prefix}/${options.device}/`);
  process.stdout.write((options.json ? JSON.stringify(rows) : tableText(rows)) + "\n");
}

function commandLine(): Command {
  const tool = new Command("manifest").description(
    "Which MQTT topic carries which register of the TinyBMS. With --device topics are whole.",
  );
  return addBrokerOptions(tool)
    .option("--json", "for machines")
    .option("--check", "compare with the manifest that the broker holds")
    .option("--seconds <n>", "how long --check listens", Number, 2)
    .action(run);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  endWithReader();
  await commandLine()
    .parseAsync()
    .catch((error: unknown) => {
      process.stderr.write(`manifest: ${(error as Error).message}\n`);
      process.exitCode = 1;
    });
}
