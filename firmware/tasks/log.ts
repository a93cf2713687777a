// The log: its levels, as setting log.level names them, and what writes to it, as `shared.ts`: once in the image.
export { writeLog } from "./log.cold";

export const ERROR = 0, WARN = 1, INFO = 2, DEBUG = 3;
