// Tables with one row a device whose columns are told one by one: each column keeps its newest value, whatever came in
// what order.
import type { DeviceFact, Facts } from "./effects";
import { jsonText } from "./normalize";
import type { Statement } from "./sql";

type Columns = Record<string, "boolean" | "text" | "jsonb" | "float8" | "timestamptz">;

const DEVICE: Columns = { online: "boolean", bms_online: "boolean", state: "jsonb", phase: "text", fw: "text" };
const ABOUT: Record<Facts["table"], { name: string; columns: Columns }> = {
  system: {
    name: "device_system_status",
    columns: {
      rssi: "float8",
      heap_free_kb: "float8",
      heap_min_free_kb: "float8",
      heap_total_kb: "float8",
      ip: "text",
      mac: "text",
      uptime_start: "timestamptz",
      flash_used_kb: "float8",
      flash_free_kb: "float8",
      flash_system_kb: "float8",
    },
  },
  hardware: {
    name: "device_hardware",
    columns: { chip_model: "text", chip_rev: "text", cpu_freq_mhz: "float8", flash_kb: "float8", cores: "float8" },
  },
};

/** The newest of each column: values by its name, times as `<name>_at`. */
type Told = Record<string, unknown> & { id: number };

function tell(told: Map<string, Told>, device: string, id: number, column: string, value: unknown, at: number): void {
  const row = told.get(device) ?? { id };
  told.set(device, row);
  const before = row[column + "_at"] as number | undefined;
  if (before !== undefined && (at < before || (at === before && jsonText(value) <= jsonText(row[column])))) return;
  row[column] = value;
  row[column + "_at"] = at;
}

/** Facts without those that a newer one of the same device and field outdoes: they would never be written. */
export class NewestFacts {
  private readonly devices = new Map<string, Map<string, DeviceFact[]>>();

  take(fact: DeviceFact): void {
    let own = this.devices.get(fact.device);
    if (!own) this.devices.set(fact.device, (own = new Map()));
    const all = own.get(fact.field);
    // Of `last_seen` the earliest counts as well.
    if (!all || all[0].at < fact.at) own.set(fact.field, all && fact.field === "last_seen" ? [...all, fact] : [fact]);
    else if (all[0].at === fact.at || fact.field === "last_seen") all.push(fact);
  }

  get size(): number {
    return this.devices.size;
  }

  /** All of them; nothing is left. */
  takeAll(): DeviceFact[] {
    const all = [...this.devices.values()].flatMap((own) => [...own.values()].flat());
    this.devices.clear();
    return all;
  }
}

/** `SET` and `FROM` of an update that takes what is newer, column by column. `$1` is the JSON of the rows told. */
function updateText(table: string, key: string, columns: Columns, more: string, moreColumns: string): string {
  const names = Object.keys(columns),
    newer = (name: string): string => `x.${name}_at > coalesce((t.times->>'${name}')::float8, 0)`;
  const value = (name: string): string =>
    columns[name] === "timestamptz" ? `to_timestamp(x.${name} / 1000)` : `x.${name}`;
  const sets = names.map((name) => `${name} = CASE WHEN ${newer(name)} THEN ${value(name)} ELSE t.${name} END`);
  const times = names.map((name) => `'${name}', CASE WHEN ${newer(name)} THEN x.${name}_at END`).join(", ");
  const types = names
    .map((name) => `${name} ${columns[name] === "timestamptz" ? "float8" : columns[name]}, ${name}_at float8`)
    .join(", ");
  return `UPDATE ${table} t SET ${sets.join(", ")}, times = t.times || jsonb_strip_nulls(jsonb_build_object(${times})), ${more}
FROM jsonb_to_recordset($1::jsonb) AS x(id int, ${types}, ${moreColumns}) WHERE t.${key} = x.id`;
}

const DEVICE_TEXT = updateText(
  "devices",
  "id",
  DEVICE,
  "last_seen = greatest(t.last_seen, to_timestamp(x.seen / 1000)), first_seen = least(t.first_seen, to_timestamp(x.seen_first / 1000))",
  "seen float8, seen_first float8",
);

/** What devices told of being there, of their state, phase and version. */
export function deviceStatements(facts: DeviceFact[], idOf: (device: string) => number): Statement[] {
  if (facts.length === 0) return [];
  const told = new Map<string, Told>();
  for (const { device, field, at, value } of facts) {
    const id = idOf(device);
    if (field !== "last_seen") tell(told, device, id, field, value, at);
    const row = told.get(device) ?? { id };
    told.set(device, row);
    if (field !== "last_seen") continue;
    row.seen = Math.max((row.seen as number | undefined) ?? 0, at);
    row.seen_first = Math.min((row.seen_first as number | undefined) ?? Infinity, at);
  }
  const rows = [...told.values()].sort((a, b) => a.id - b.id);
  return [{ name: "devices", text: DEVICE_TEXT, values: [jsonText(rows)] }];
}

const texts = Object.fromEntries(
  Object.entries(ABOUT).map(([table, { name, columns }]) => [
    table,
    [
      `INSERT INTO ${name} (device_id, updated_at) SELECT x.id, to_timestamp(0)
       FROM jsonb_to_recordset($1::jsonb) AS x(id int) ON CONFLICT DO NOTHING`,
      updateText(
        name,
        "device_id",
        columns,
        "updated_at = greatest(t.updated_at, to_timestamp(x.at / 1000))",
        "at float8",
      ),
    ],
  ]),
);

/** What devices told of themselves; a column that a message does not have stays as it is. */
export function aboutStatements(about: Facts[], idOf: (device: string) => number): Statement[] {
  return (["system", "hardware"] as const).flatMap((table) => {
    const told = new Map<string, Told>();
    for (const { device, at, values } of about.filter((one) => one.table === table)) {
      const id = idOf(device);
      for (const [column, value] of Object.entries(values)) tell(told, device, id, column, value, at);
      const row = told.get(device) ?? { id };
      told.set(device, row);
      row.at = Math.max((row.at as number | undefined) ?? 0, at);
    }
    const rows = [jsonText([...told.values()].sort((a, b) => a.id - b.id))];
    return told.size === 0 ? [] : texts[table].map((text) => ({ text, values: rows }));
  });
}
