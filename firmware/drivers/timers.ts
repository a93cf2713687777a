// Timers and the watchdog of the interpreter, one call each.

export function every(callback: () => void, period: number): number {
  return setInterval(callback, period);
}

export function changeEvery(timer: number, period: number): void {
  changeInterval(timer, period);
}

export function feedWatchdog(): void {
  E.kickWatchdog();
}
