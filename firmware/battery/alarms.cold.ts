// Alarms by their numbers, as they stand on MQTT and HTTP. Those whose source is evaluated so far: UART, CAN, configuration.

/** Number, code and severity (1 warning, 2 alarm) of each. */
const rows: [number, string, number][] = [
  [41, "UartTimeout", 1],
  [43, "CanTimeout", 1],
  [44, "CanTxError", 2],
  [45, "CanKeepAliveLost", 1],
  [51, "ConfigError", 2],
  [60, "BmsOffline", 2],
  [61, "BmsFault", 2],
];

/** JSON of the alarms whose number is in `active`. */
export function alarmsText(active: number[]): string {
  return JSON.stringify(rows.filter(function (row) { return active.indexOf(row[0]) >= 0; })
    .map(function (row) { return { "id": row[0], "code": row[1], "severity": row[2] }; }));
}
