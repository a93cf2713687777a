// Names that the documents have which this module of MQTT was made from: they count when settings come in, and are
// shown by their names here.

/** The name there, and here. `retain_by_default` is two settings of `retain`. */
const OTHERS = ["username", "user", "password", "pass"];
const RETAINED = ["telemetry", "text"];

type Values = Record<string, unknown>;

/** Whether it is a module with settings; another value is refused later. */
function isModule(module: unknown): boolean {
  return typeof module === "object" && module !== null;
}

/** All settings of a module but that one. */
export function without(module: Values, left: string): Values {
  const rest: Values = {};
  for (const key of Object.keys(module)) if (key !== left) rest[key] = module[key];
  return rest;
}

/**
 * In settings that came, put those names in place of theirs; what stands by both names is refused. The reason,
 * beginning with the field, or "".
 */
export function takeNames(settings: Values): string {
  const given = settings["mqtt"] as Values,
    mqtt: Values = {};
  if (!isModule(given)) return "";
  for (const key of Object.keys(given)) {
    const at = OTHERS.indexOf(key),
      own = at >= 0 && at % 2 === 0 ? OTHERS[at + 1] : key;
    if (own !== key && given[own] !== undefined)
      return "mqtt." + key + ": stands beside " + own + ", which is the same";
    mqtt[own] = given[key];
  }
  settings["mqtt"] = without(mqtt, "retain_by_default");
  const kept = mqtt["retain_by_default"];
  if (kept === undefined) return "";
  if (settings["retain"] === undefined) settings["retain"] = {};
  if (!isModule(settings["retain"])) return "";
  const retain = settings["retain"] as Values;
  for (const key of RETAINED) {
    if (retain[key] !== undefined) return "mqtt.retain_by_default: stands beside retain." + key + ", which is the same";
    retain[key] = kept;
  }
  return "";
}
