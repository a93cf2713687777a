// Tells on the console what an image starts, in its order: runs before the image, in node as in the interpreter.

/**
 * Script in the subset of both; each start is a line "start: NAME".
 */
export const BOOT_TRACE = `(function () {
  if (!global.poke32) return;
  var setup = Serial1.setup, poke = poke32, poked = false, interval = setInterval, net = require("net"), serve = net.createServer;
  function told(name) { print("start: " + name); }
  Serial1.setup = function (baud, options) { told("UART"); return setup.call(Serial1, baud, options); };
  global.poke32 = function (at, value) {
    if (!poked) told("CAN");
    poked = true;
    return poke(at, value);
  };
  global.setInterval = function (callback, period, scheduler) {
    told("tasks");
    return interval(callback, period, scheduler);
  };
  net.createServer = function (callback) { told("HTTP"); return serve(callback); };
})();
`;

/** The image with the trace before its code; what stands above that has its place. */
export function traced(image: string): string {
  return image.replace("\n*/\n", () => `\n*/\n${BOOT_TRACE}`);
}

/** What was started. */
export function startedOf(lines: string[]): string[] {
  return lines.filter((line) => line.startsWith("start: ")).map((line) => line.slice(7));
}

/** UART, CAN, HTTP; the tasks run when the first of them can: their timer, and the one that looks after it. */
export const BOOT_ORDER = ["UART", "tasks", "tasks", "CAN", "HTTP"];
/** Most urgent first. */
export const TASK_ORDER = ["uart", "can", "supervise", "mqtt", "jobs", "diagnostics"];
