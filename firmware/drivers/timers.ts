// Timers and the watchdog of the interpreter, as they are.

export const every = setInterval, changeEvery = changeInterval, feedWatchdog = E.kickWatchdog;
