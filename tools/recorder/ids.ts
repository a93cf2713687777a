// Names of devices and sensors as numbers, which take a third of the room. Known ones are kept in memory; new ones are
// made in the database, by whichever recorder comes first.
import { catalogSensors } from "./catalog";
import type { Effects } from "./effects";
import type { Sql } from "./sql";

/** The sensors that the effects of a batch name and `known` does not. */
function newSensorsIn({ rows, latest, cleared }: Effects, known: Map<string, number>): string[] {
  const found = new Set<string>();
  for (const all of [rows, latest, cleared]) for (const { sensor } of all) if (!known.has(sensor)) found.add(sensor);
  return [...found];
}

function newDevicesIn(effects: Effects, known: Map<string, number>): string[] {
  const { rows, latest, events, facts, energy, about, config, anchors, cleared } = effects,
    found = new Set<string>();
  for (const all of [rows, latest, events, facts, energy, about, config, anchors, cleared])
    for (const { device } of all) if (!known.has(device)) found.add(device);
  return [...found];
}

const NEW_DEVICES = `INSERT INTO devices (device_id, prefix) SELECT name, $2 FROM jsonb_array_elements_text($1::jsonb) AS x(name)
ON CONFLICT DO NOTHING`;
const NEW_SENSORS = `INSERT INTO sensors (sensor_type, unit, label, digits)
SELECT "sensorType", unit, label, digits FROM jsonb_to_recordset($1::jsonb) AS x("sensorType" text, unit text, label text, digits int2)
ON CONFLICT (sensor_type) DO NOTHING`;

export interface Ids {
  /** The number of a name that `know` or `load` has seen. */
  device(name: string): number;
  sensor(name: string): number;
  /** Make sure that all names of a batch have their numbers. */
  know(effects: Effects): Promise<void>;
  /** Read all that there are, after putting the firmware's own sensors in. */
  load(): Promise<void>;
}

function numberOf(ids: Map<string, number>, name: string): number {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`no number for ${name}`);
  return id;
}

/** The names of one database; `prefix` is written beside new devices. */
export function idsOf(sql: Sql, prefix: string): Ids {
  const devices = new Map<string, number>(),
    sensors = new Map<string, number>(),
    fromCatalog = new Map(catalogSensors().map((one) => [one.sensorType, one]));
  const read = async (): Promise<void> => {
    for (const { id, name } of await sql.query<{ id: number; name: string }>(
      "SELECT id, device_id AS name FROM devices",
    ))
      devices.set(name, id);
    for (const { id, name } of await sql.query<{ id: number; name: string }>(
      "SELECT id, sensor_type AS name FROM sensors",
    ))
      sensors.set(name, id);
  };
  return {
    device: (name) => numberOf(devices, name),
    sensor: (name) => numberOf(sensors, name),
    know: async (effects) => {
      const newDevices = newDevicesIn(effects, devices),
        newSensors = newSensorsIn(effects, sensors);
      if (newDevices.length + newSensors.length === 0) return;
      const rows = newSensors.map(
        (name) => fromCatalog.get(name) ?? { sensorType: name, unit: "", label: "", digits: 3 },
      );
      if (newDevices.length > 0) await sql.query(NEW_DEVICES, [JSON.stringify(newDevices), prefix]);
      if (rows.length > 0) await sql.query(NEW_SENSORS, [JSON.stringify(rows)]);
      await read();
    },
    load: async () => {
      await sql.query(NEW_SENSORS, [JSON.stringify([...fromCatalog.values()])]);
      await read();
    },
  };
}
