// The authored tables: tools and tests read them, the device runs what is baked from them.

/** Modules below firmware/, without their ending. (firmware/tsconfig.json and tools/tsconfig.json list them too.) */
export const authoredTables = [
  "tables/registers",
  "tables/alarms",
  "tables/states",
  "tables/events",
  "tables/frames",
  "tables/fields",
  "tables/entities",
  "tables/topics",
  "tables/routes",
];
