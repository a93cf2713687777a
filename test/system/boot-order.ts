// Tells on the console what an image starts, in its order: runs before the image, in node as in the interpreter.

/**
 * Script in the subset of both; each start is a line "start: NAME". The places of the tasks are told as "start: task".
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
  global.setInterval = function (callback, period, scheduler, task) {
    told("task");
    return interval(callback, period, scheduler, task);
  };
  net.createServer = function (callback) { told("HTTP"); return serve(callback); };
})();
`;

/** The image with the trace before its code; what stands above that has its place. */
export function traced(image: string): string {
  return image.replace("\n*/\n", () => `\n*/\n${BOOT_TRACE}`);
}

/** What was started, tasks by their names, which the status has in their order. */
export function startedOf(lines: string[], tasks: { name: string }[]): string[] {
  const names = tasks.map(({ name }) => `task ${name}`);
  return lines
    .filter((line) => line.startsWith("start: "))
    .map((line) => line.slice(7))
    .map((what) => (what === "task" ? names.shift()! : what));
}

/** UART, CAN, MQTT, HTTP, diagnostics: before its task each part of the hardware. */
export const BOOT_ORDER = [
  "UART",
  "task uart",
  "CAN",
  "task can",
  "task supervise",
  "task mqtt",
  "HTTP",
  "task diagnostics",
];
