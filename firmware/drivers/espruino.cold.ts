// Which Espruino this is, and what of it must be worked around. The one table of versions: boards/README.md explains
// its rows.

/**
 * One row a release; builds after it (`2v29.96`: 96 commits later) belong to it until the next. From which of these
 * builds on UART data is whole (the fault: only 64 bytes of what arrives while JavaScript is busy),
 * `Wifi.getHostByName` tells addresses, no access point is started by default; -1: none of them. `known`: the newest
 * build that was looked at.
 */
const VERSIONS = [
  { release: 26, uart: -1, names: -1, quiet: -1, known: 9999 },
  { release: 27, uart: -1, names: -1, quiet: -1, known: 9999 },
  { release: 28, uart: -1, names: -1, quiet: -1, known: 9999 },
  { release: 29, uart: 96, names: 2, quiet: 271, known: 277 },
];

/** The rows, for the table that people read. */
export function versionRows(): typeof VERSIONS {
  return VERSIONS;
}

/** What an interpreter calls itself, and what follows from it. */
export interface Interpreter {
  version: string;
  /** Why this version is none that is known to work, for people; "" when it is known. */
  warning: string;
  /** UART data arrives whole; names can be asked for; no access point comes up by itself. */
  uart: boolean;
  names: boolean;
  quiet: boolean;
}

/** Judge a version, as `process.env.VERSION` has it. What is old or unknown is taken to have all faults. */
export function interpreterOf(version: string): Interpreter {
  const parts = version.split("v"),
    major = parseInt(parts[0]),
    release = major === 2 ? parseInt(parts[1]) : (major - 2) * 1000,
    build = parseInt(version.split(".")[1]) || 0;
  const row = VERSIONS.find(function (one) {
    return one.release === release;
  });
  const isNew = row ? build > row.known : release > 29;
  function has(from: number): boolean {
    return row ? from >= 0 && build >= from : isNew;
  }
  return {
    version: version,
    warning: isNew
      ? "is newer than any that was tried"
      : row
        ? ""
        : (major < 3 ? "is too old" : "is unknown") + ": take 2v26 or newer",
    uart: has(row ? row.uart : 0),
    names: has(row ? row.names : 0),
    quiet: has(row ? row.quiet : 0),
  };
}

/** The interpreter that runs this. */
export function interpreter(): Interpreter {
  return interpreterOf(process.env.VERSION);
}
