// Timers, the watchdog and the restart of the interpreter, as they are.

export const every = setInterval,
  changeEvery = changeInterval,
  feedWatchdog = E.kickWatchdog,
  restart = ESP32.reboot;
