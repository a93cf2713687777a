// The levels of the log, as setting log.level names them.

export const ERROR = 0,
  WARN = 1,
  INFO = 2,
  DEBUG = 3;
