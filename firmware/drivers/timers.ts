// Timers, the watchdog and the restart of the interpreter, as they are.
import { RESTART_MARK, RESTART_WANTED } from "./restart";

export const every = setInterval,
  changeEvery = changeInterval,
  feedWatchdog = E.kickWatchdog;

export function restart(): void {
  poke32(RESTART_MARK, RESTART_WANTED);
  ESP32.reboot();
}
