// A restart that somebody wants leaves a mark in a register that outlives it: RTC_CNTL_STORE0, which ESP-IDF leaves
// alone.

export const RESTART_MARK = 0x3ff4804c,
  RESTART_WANTED = 0x54424d53;
