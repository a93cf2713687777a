// The version of the firmware; package.json says the same.

export const VERSION = "0.1.0";
