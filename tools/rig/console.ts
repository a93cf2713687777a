// The console of a running interpreter as lines: what the image printed, what the prelude reports, and which lines are
// errors.

/** A frame that the modelled CAN controller put on the bus; `at` is ms of the interpreter's clock since its start. */
export interface SentFrame {
  at: number;
  id: number;
  data: number[];
}
/** JsVars in use after a collection, and the most that the sampler saw since it was last asked to begin anew. */
export interface MemoryReport {
  usage: number;
  most: number;
}

export interface ConsoleLog {
  /** Lines without those of the prelude. */
  lines: string[];
  frames: SentFrame[];
  memory: MemoryReport[];
  /** JsVars in use before the prelude: the interpreter's own. */
  bare: number;
  /** What E.getErrorFlags said when asked. */
  flags: string[];
  flagAnswers: number;
  /** How often the count of instructions was cut (tools/bench). */
  marks: number;
  /** Last bytes, not yet a line. */
  rest: string;
}

/** Espruino's own error lines, those of the image's handlers, and what its memory manager says. */
const ERROR = new RegExp(
  "Uncaught|ERROR:|WARNING:|Execution Interrupted|OUT OF MEMORY|MEMORY_BUSY|LOW_MEMORY|FIFO_FULL|BUFFER_FULL" +
    "|Unhandled|New interpreter error|^fault: |^error: ",
);
/** Printed by Espruino itself for a refused connection. */
const ALLOWED = /^ERROR: Connect failed$/;
const ESCAPE = /\x1b\[\d*[A-Z]/g;

export const consoleLog = (): ConsoleLog => ({
  lines: [],
  frames: [],
  memory: [],
  bare: 0,
  flags: [],
  flagAnswers: 0,
  marks: 0,
  rest: "",
});

/** True for a line that a healthy image never prints. */
export function isErrorLine(line: string): boolean {
  return ERROR.test(line) && !ALLOWED.test(line);
}

function takeReport(log: ConsoleLog, kind: string, words: string[]): void {
  if (kind === "bare") log.bare = Number(words[0]);
  else if (kind === "mem") log.memory.push({ usage: Number(words[0]), most: Number(words[1]) });
  else if (kind === "mark") log.marks++;
  else if (kind === "flags") {
    log.flags.push(...words.filter((word) => word !== ""));
    log.flagAnswers++;
  } else if (kind === "can") {
    const data = [...Buffer.from(words[2]!.replace("-", ""), "hex")];
    log.frames.push({ at: Number(words[3]), id: parseInt(words[0]!, 16), data });
  }
}

/** Takes a piece of console output, cut anywhere. Returns the image's lines that it completed. */
export function takeOutput(log: ConsoleLog, piece: string): string[] {
  const parts = (log.rest + piece).split("\n");
  const fresh: string[] = [];
  log.rest = parts.pop()!;
  for (const part of parts) {
    const line = part
      .replace(ESCAPE, "")
      .replace(/[\r\x08]/g, "")
      .replace(/^>+/, "");
    const report = /^~(\w+) (.*)$/.exec(line);
    if (report) takeReport(log, report[1]!, report[2]!.split(" "));
    else if (line !== "") fresh.push(line);
  }
  log.lines.push(...fresh);
  return fresh;
}

/** The error lines so far. */
export function errorLines(log: ConsoleLog): string[] {
  return log.lines.filter(isErrorLine);
}
