// The description of the HTTP API (OpenAPI 3.1), made of the tables of routes, settings, registers and messages.
import { alarmRows } from "../../firmware/tables/alarms";
import { fields, type Field as Setting } from "../../firmware/tables/fields";
import { routes, type Route } from "../../firmware/tables/routes";
import { chargeStates, phases, reasons, severities } from "../../firmware/tables/states";
import { VERSION } from "../../firmware/kernel/version";
import { messages, type Field } from "./messages";
import { settings } from "./settings";

type Schema = Record<string, unknown>;

const text: Schema = { type: "string" },
  flag: Schema = { type: "boolean" },
  whole: Schema = { type: "integer" },
  number: Schema = { type: "number" };
const list = (items: Schema): Schema => ({ type: "array", items });
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
/** The same, or null while it is not known. */
const maybe = (schema: Schema): Schema => ({
  ...schema,
  type: [schema["type"], "null"],
  ...(schema["enum"] ? { enum: [...(schema["enum"] as unknown[]), null] } : {}),
});
/** An object with all of these members and no others; names that end with ? may be absent. */
function object(members: Record<string, Schema>): Schema {
  const names = Object.entries(members);
  return {
    type: "object",
    properties: Object.fromEntries(names.map(([name, schema]) => [name.replace(/\?$/, ""), schema])),
    required: names.map(([name]) => name).filter((name) => !name.endsWith("?")),
    additionalProperties: false,
  };
}
const oneOf = (names: readonly string[]): Schema => ({ type: "string", enum: names.filter((name) => name !== "-") });
const phase = ref("Phase"),
  reason = ref("Reason"),
  isoTime = ref("Time");

/** A member as the table of messages describes it: what has a unit is a number, or null while it is not known. */
function memberSchema({ row, unit, meaning }: Field): Schema {
  const description = [meaning, unit && `in ${unit}`].filter((part) => part).join(", ");
  return { ...(row || unit ? maybe(number) : {}), ...(description ? { description } : {}) };
}

/** An object whose members the table of messages lists; `a.b` is a member of a member. */
function listed(name: string, own: Record<string, Schema> = {}): Schema {
  const message = messages.find((one) => one.name === `\`GET /api/status\`, \`${name}\``);
  if (!message) throw new Error(`tools/bake/messages.ts lists nothing for ${name}`);
  const members: Record<string, Schema> = {},
    inner: Record<string, Record<string, Schema>> = {};
  for (const field of message.fields) {
    const [outer, member] = field.member.split(".") as [string, string?];
    if (member === undefined) members[outer] = own[outer] ?? memberSchema(field);
    else (inner[outer] ??= {})[member] = memberSchema(field);
  }
  for (const [outer, own] of Object.entries(inner)) members[outer] = object(own);
  return object(members);
}

const rule = ref("Rule"),
  change = { type: "array", prefixItems: [whole, reason, reason, reason], minItems: 4, maxItems: 4 },
  cells = list(maybe(number)),
  alarm = ref("Alarm"),
  alarmSchema = object({
    id: { type: "integer", enum: alarmRows.map(({ id }) => id) },
    code: { type: "string", enum: alarmRows.map(({ code }) => code) },
    severity: { type: "integer", enum: [1, 2] },
    since_ms: number,
  }),
  logLine = ref("LogLine");

const why: Record<string, Schema> = {
  state: oneOf(chargeStates),
  ...Object.fromEntries(
    ["cvl", "ccl", "dcl"].flatMap((limit) => [
      [`${limit}_reason`, reason],
      [`${limit}_code`, whole],
      [`${limit}_target`, maybe(number)],
    ]),
  ),
  broken_rules: list(rule),
  notes: list(rule),
  history: list(change),
};

/** A setting of the gateway; null takes it back to its default. */
function settingSchema({ type, default: preset, min, max, oneOf: values, secret, doc, unit }: Setting): Schema {
  const kind = { bool: "boolean", int: "integer", number: "number", string: "string" }[type],
    isText = type === "string" && !values;
  return {
    type: [kind, "null"],
    ...(values ? { enum: [...values, ...(preset === "" ? [""] : []), null] } : {}),
    ...(min === undefined ? {} : { [isText ? "minLength" : "minimum"]: min }),
    ...(max === undefined ? {} : { [isText ? "maxLength" : "maximum"]: max }),
    ...(preset === undefined ? {} : { default: preset }),
    description: [doc, unit && `In ${unit}.`, secret && "A secret: shown as ***."].filter((part) => part).join(" "),
  };
}

const moduleSchema = (module: string): Schema => ({
  type: "object",
  properties: Object.fromEntries(
    fields.filter((field) => field.module === module).map((field) => [field.key, settingSchema(field)]),
  ),
  additionalProperties: false,
});

/** Settings of the TinyBMS by their keys: a number in the unit, or one of the names. */
const tinySettings: Schema = {
  type: "object",
  properties: Object.fromEntries(
    settings.map(({ key, label, unit, enum: names }) => [
      key,
      {
        ...(names ? { enum: Object.values(names) } : { type: "number" }),
        description: label + (unit && `, in ${unit}`),
      },
    ]),
  ),
  additionalProperties: false,
};

const file = (format: string, body: Schema, more: Record<string, Schema> = {}): Schema => ({
  type: "object",
  properties: {
    format: { const: format },
    version: { const: 1 },
    ...more,
    device: text,
    firmware: text,
    time: isoTime,
    settings: body,
  },
  required: ["format", "version", "settings"],
  additionalProperties: false,
});
const modules = [...new Set(fields.map(({ module }) => module))];
const done = { ok: { const: true } };

/** Shapes of bodies and answers, by the names that the table of routes has for them. */
const schemas: Record<string, Schema> = {
  Phase: oneOf(phases),
  Reason: oneOf(reasons),
  Time: maybe({ type: "string", format: "date-time" }),
  Rule: object({ code: text, severity: whole, rule: text, effect: text }),
  Alarm: alarmSchema,
  LogLine: object({ level: oneOf(["error", "warn", "info", "debug"]), msg: text, at_ms: number, time: isoTime }),
  Status: object({
    live_data: listed("live_data", { cells_mv: cells, phase, seq: whole }),
    limits: listed("limits", { ...why, reason, reason_code: whole, cells: maybe(whole) }),
    uart: listed("uart"),
    can: listed("can"),
    mqtt: listed("mqtt"),
    time: isoTime,
    clock: listed("clock"),
    replay: listed("replay"),
    espruino: listed("espruino"),
    memory: listed("memory"),
    tasks: list(listed("tasks[]", { name: text, longest_ms: number })),
    alarms: list(alarm),
    uptime_ms: number,
    version: text,
  }),
  Cells: object({
    cells_mv: cells,
    balancing: { type: ["array", "null"], items: whole, description: "Numbers of the cells that are being balanced." },
    ...Object.fromEntries(
      ["min_mv", "max_mv", "spread_mv", "lowest_cell", "highest_cell", "age_ms"].map((name) => [name, maybe(number)]),
    ),
    phase,
    seq: whole,
  }),
  Limits: object({
    ...Object.fromEntries(["cvl", "ccl", "dcl", "dvl"].map((name) => [name, maybe(number)])),
    charge_allowed: maybe(flag),
    discharge_allowed: maybe(flag),
    reason,
    reason_code: whole,
    cells: maybe(whole),
    phase,
    seq: whole,
    external: list(object({ limit: oneOf(["cvl", "ccl", "dcl"]), value: number, ttl_s: number })),
    ...why,
  }),
  Events: object({
    lifetime_s: maybe(number),
    total: whole,
    active: list(object({ id: whole, name: text, severity: oneOf(severities) })),
    alarms: list(alarm),
    own: list(logLine),
    events: list(
      object({
        n: whole,
        id: whole,
        name: text,
        severity: oneOf(severities),
        at_s: number,
        time: isoTime,
        is_history: flag,
      }),
    ),
  }),
  Can: object({
    state: oneOf(["active", "warning", "passive", "bus_off", "listen"]),
    ...Object.fromEntries(["tec", "rec", "tx", "rx", "errors", "bus_off"].map((name) => [name, whole])),
    acknowledged_ms: maybe(number),
    gx_seen_ms: maybe(number),
    silent: maybe(text),
    frames: list(
      object({
        id: { type: "string", pattern: "^0x[0-9A-F]{3}$" },
        name: text,
        period_ms: whole,
        age_ms: number,
        data: { type: "string", pattern: "^([0-9A-F]{2}){0,8}$" },
        fields: list(object({ label: text, value: { type: ["number", "string", "null"] }, "unit?": text })),
      }),
    ),
  }),
  Log: object({ lines: list(logLine) }),
  Report: object({
    status: ref("Status"),
    limits: ref("Limits"),
    cells: ref("Cells"),
    events: ref("Events"),
    can: ref("Can"),
    config: ref("Settings"),
    raw: object({ uart: list(object({ request: text, words: maybe(text) })), unread: text }),
  }),
  Metrics: text,
  OpenApi: { type: "object" },
  Registers: object({
    settings: list(
      object({
        key: text,
        register: whole,
        value: { type: ["number", "string", "null"] },
        unit: text,
        "min?": number,
        "max?": number,
        "values?": list(text),
      }),
    ),
  }),
  TinySettings: tinySettings,
  TinyChange: object({
    ...done,
    done: ref("TinySettings"),
    undo: ref("TinySettings"),
    written: flag,
    "range_by_table?": list(text),
  }),
  Backup: file("tinybms-backup", ref("TinySettings"), { serial: maybe(text) }),
  Settings: {
    type: "object",
    properties: Object.fromEntries(
      modules.map((module) => [module, module === "mqtt" ? ref("MqttSettings") : moduleSchema(module)]),
    ),
    additionalProperties: false,
  },
  MqttSettings: moduleSchema("mqtt"),
  SettingsFile: file("tinybms-gateway-settings", ref("Settings")),
  Change: object({ ...done, changed: list(text), restart: flag, warnings: list(text), "dry?": flag }),
  MqttTest: {
    type: "object",
    properties: { ok: flag, stage: text, ms: number, err: { type: "object" } },
    required: ["ok", "stage", "ms"],
  },
  Command: {
    type: "object",
    properties: { cmd: text, args: { type: "object" }, id: { type: ["string", "integer"] } },
    required: ["cmd"],
    additionalProperties: false,
  },
  CommandReply: object({ ...done, cmd: text, "id?": { type: ["string", "integer"] }, reply: { type: "object" } }),
  Restart: object({ ...done, restart_ms: whole }),
  TlsFile: object({ ...done, bytes: whole, "warning?": text }),
  Pem: text,
  Error: {
    type: "object",
    properties: {
      ok: { const: false },
      err: object({ code: text, where: text, reason: text, retryable: flag }),
      warnings: list(text),
    },
    required: ["ok", "err"],
  },
};

const content = (name: string, type = "application/json"): Schema => ({ [type]: { schema: ref(name) } });

/** What may stand behind the question mark. */
const flagOf = (name: string, description: string): Schema => ({
  name,
  in: "query",
  schema: { type: "string", enum: ["true", "1", "yes", "false", "0", "no"] },
  description,
});

function operation({ route, answer, doc, type, flags, isOwners, body, below }: Route): Schema {
  const words = route.toLowerCase().match(/[a-z]+/g)!,
    parameters = [
      ...(below ? [{ name: "name", in: "path", required: true, schema: { enum: below } }] : []),
      ...(flags ?? []).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ];
  return {
    operationId: words.filter((word) => word !== "api").join("_"),
    summary: doc,
    ...(parameters.length ? { parameters } : {}),
    ...(body
      ? { requestBody: { required: true, content: content(body, body === "Pem" ? "text/plain" : undefined) } }
      : {}),
    responses: {
      200: { description: "Well.", content: content(answer, type?.split(";")[0]) },
      default: { $ref: "#/components/responses/Error" },
    },
    ...(isOwners ? { security: [{ token: [] }, { login: [] }] } : {}),
  };
}

/** The document. */
export function openApi(): Schema {
  const paths: Record<string, Schema> = {};
  for (const row of routes as readonly Route[]) {
    const [method, path] = row.route.split(" ") as [string, string];
    (paths[row.below ? `${path}{name}` : path] ??= {})[method.toLowerCase()] = operation(row);
  }
  return {
    openapi: "3.1.0",
    info: { title: "TinyBMS gateway", version: VERSION, license: { name: "MIT", identifier: "MIT" } },
    // reading needs one where http.read_auth says so
    security: [{}, { token: [] }, { login: [] }],
    paths,
    components: {
      schemas,
      parameters: {
        dry: flagOf("dry", "Check alone, keep nothing."),
        confirm: flagOf("confirm", "Do it though it is grave."),
      },
      responses: { Error: { description: "An error.", content: content("Error") } },
      securitySchemes: {
        token: {
          type: "apiKey",
          in: "header",
          name: "X-Setup-Token",
          description: "The set-up token that the console shows, until a password is set.",
        },
        login: {
          type: "http",
          scheme: "basic",
          description:
            "Settings http.user and http.pass, or the device's own password, which the console shows until then.",
        },
      },
    },
  };
}
