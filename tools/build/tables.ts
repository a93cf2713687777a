// The authored tables: tools and tests read them, the device runs what is baked from them.

/** Modules below firmware/, without their ending. (firmware/tsconfig.json and tools/tsconfig.json list them too.) */
export const authoredTables = ["battery/registers", "battery/alarms", "battery/states", "bms/events", "victron/frames", "config/fields",
  "mqtt/entities", "mqtt/topics"];
