// The routes of the HTTP API, one row each: firmware/api/routes.cold.ts has their handlers, GET /api/openapi.json
// describes them. Authored, never bundled.

/** The body of a request; tools/bake/openapi.ts has the shapes of these and of answers by their names. */
export type Body = "Settings" | "MqttSettings" | "SettingsFile" | "TinySettings" | "Backup" | "Command" | "Pem";

export interface Route {
  /** Method and path; one that ends with a slash has `below` behind it. */
  route: string;
  below?: string[];
  /** Changes something: only for who knows the set-up token or the password. */
  isOwners?: true;
  /** Flags that the query may have; that of GET is ignored: dashboards add to it. */
  flags?: string[];
  body?: Body;
  /** Shape of the answer, a name of tools/bake/openapi.ts; of another media type than JSON. */
  answer: string;
  type?: string;
  doc: string;
}

const CHANGE: Pick<Route, "isOwners" | "flags"> = { isOwners: true, flags: ["dry", "confirm"] };

export const routes = [
  { route: "GET /api/status", answer: "Status", doc: "Live values, limits with reason, counters, memory, alarms." },
  { route: "GET /api/cells", answer: "Cells", doc: "Voltages of the cells, and which of them are balanced." },
  { route: "GET /api/limits", answer: "Limits", doc: "The limits, why they are what they are, their last changes." },
  {
    route: "GET /api/events",
    answer: "Events",
    doc: "Events of the TinyBMS, newest first; what is active; the last lines of the device's own log.",
  },
  { route: "GET /api/can", answer: "Can", doc: "The controller, and what was sent last of each frame, in words." },
  { route: "GET /api/log", answer: "Log", doc: "The last lines of the log, newest first." },
  { route: "GET /api/report", answer: "Report", doc: "One file for a bug report, without secrets." },
  { route: "GET /metrics", answer: "Metrics", type: "text/plain; version=0.0.4", doc: "Metrics for Prometheus." },
  { route: "GET /api/openapi.json", answer: "OpenApi", doc: "This description." },
  { route: "GET /api/registers", answer: "Registers", doc: "Settings of the TinyBMS, as they were read last." },
  {
    ...CHANGE,
    route: "PUT /api/registers",
    body: "TinySettings",
    answer: "TinyChange",
    doc: "Change settings of the TinyBMS by their keys; needs the setting bms.allow_write. Checked, read back, undone.",
  },
  { route: "GET /api/backup", answer: "Backup", doc: "All settings of the TinyBMS as a file." },
  {
    ...CHANGE,
    route: "PUT /api/backup",
    body: "Backup",
    answer: "TinyChange",
    doc: "Write such a file back: what differs is changed. With dry it is compared alone.",
  },
  { route: "GET /api/config", answer: "Settings", doc: "All settings; secrets are shown as ***." },
  { ...CHANGE, route: "PUT /api/config", body: "Settings", answer: "Change", doc: "Change settings, all or nothing." },
  { route: "GET /api/config/export", answer: "SettingsFile", doc: "All settings as a file, without secrets." },
  {
    ...CHANGE,
    route: "PUT /api/config/import",
    body: "SettingsFile",
    answer: "Change",
    doc: "Put such a file back; secrets stay as they are.",
  },
  { route: "GET /api/mqtt", answer: "MqttSettings", doc: "Settings of MQTT." },
  { ...CHANGE, route: "PUT /api/mqtt", body: "MqttSettings", answer: "Change", doc: "Change settings of MQTT." },
  {
    route: "POST /api/mqtt/test",
    isOwners: true,
    body: "MqttSettings",
    answer: "MqttTest",
    doc: "Try to connect with these settings of MQTT; nothing is kept.",
  },
  {
    route: "POST /api/command",
    isOwners: true,
    body: "Command",
    answer: "CommandReply",
    doc: "Do a command of MQTT. One at a time.",
  },
  { route: "POST /api/restart", isOwners: true, answer: "Restart", doc: "Restart the device." },
  {
    route: "PUT /api/tls/",
    below: ["ca", "cert", "key"],
    isOwners: true,
    body: "Pem",
    answer: "TlsFile",
    doc: "Certificate or key for TLS to the broker as PEM; an empty body takes it away.",
  },
] as const satisfies Route[];
