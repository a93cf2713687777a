// Releases of Espruino for the ESP32, as far as they differ in what the host and the rig model. (What the firmware
// makes of a version stands in firmware/drivers/espruino.cold.ts; a model must not ask it.)
import type { UartRelease } from "./uart-model";

/** What a version does. */
export interface Release {
  /** As `process.env.VERSION` says it. */
  version: string;
  uart: UartRelease;
  /** An access point is opened after the boot code ran (until 0fa4d7ec6 of 2026-08). */
  opens: boolean;
  /** `Wifi.getHostByName` tells addresses (since 2faf6a8ae of 2026-02, after 2v29). */
  names: boolean;
}

/** The UART task of all releases, and of the source since 2026-08 (commits 6d690dd2d and f2488e4b2). */
const SLOW = { roundMs: 100, minds: false },
  QUICK = { roundMs: 5, minds: true };

/** By release. The loss of UART data came with b84efeca3 (2025-02) and went with a3f085979 (2026-07). */
const RELEASES: Record<string, Omit<Release, "version">> = {
  "2v25": { uart: { appends: false, ...SLOW }, opens: true, names: false },
  "2v26": { uart: { appends: true, ...SLOW }, opens: true, names: false },
  "2v27": { uart: { appends: true, ...SLOW }, opens: true, names: false },
  "2v28": { uart: { appends: true, ...SLOW }, opens: true, names: false },
  "2v29": { uart: { appends: true, ...SLOW }, opens: true, names: false },
  "2v29.277": { uart: { appends: false, ...QUICK }, opens: false, names: true },
};
const NEWEST = "2v29.277";

/**
 * A version by its name: a release, a build after it (2v27.45), or `newest`. Throws an Error that lists them for an
 * unknown one.
 */
export function releaseOf(name: string): Release {
  const version = name === "newest" ? NEWEST : name,
    row = RELEASES[version] ?? RELEASES[version.split(".")[0]!];
  if (!row)
    throw new Error(`the release of Espruino must be one of ${Object.keys(RELEASES).join(", ")}, newest, not ${name}`);
  return { version, ...row };
}

/**
 * What everything runs on unless it says otherwise: the release that people flash, or that of the environment variable
 * ESPRUINO_RELEASE.
 */
export const DEFAULT_ESPRUINO = process.env.ESPRUINO_RELEASE ?? "2v29";
releaseOf(DEFAULT_ESPRUINO);
