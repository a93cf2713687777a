// The levels of the log, as setting log.level names them.

export const ERROR = 0,
  WARN = 1,
  INFO = 2,
  DEBUG = 3;

/**
 * The last lines, the oldest first, each closed by a line end: level, ms since boot, a blank, the text. Whatever the
 * setting says, those up to INFO are kept.
 */
export interface LogLines {
  text: string;
}
