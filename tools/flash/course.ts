// The way from a bare chip to a gateway that works, in steps that a person can follow: look, Espruino, image, settings,
// start. Each says what it does and how to go on when it fails, and can be gone alone; nothing is written before
// everything was looked at and asked.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { labelText } from "../setup/label";
import { valuesOf } from "../setup/plan";
import type { Asker } from "../setup/questions";
import { mayWrite, type SetupOptions, settingsFor } from "../setup/run";
import { type Found, lookAt, type Patience, PATIENCE, startAnew, writeSettings } from "../setup/serial";
import { openPort } from "../tinybms/port";
import { type Chip, withChip } from "./chip";
import { type DeviceConsole, openConsole } from "./console";
import { judgeVersion, readRelease, type Release } from "./release";
import { type Teller, writeImage } from "./upload";

export const STEPS = ["look", "espruino", "image", "settings"] as const;
export type Step = (typeof STEPS)[number];

export interface CourseOptions extends SetupOptions {
  port: string;
  /** An Espruino release; without one Espruino must be on the chip. */
  espruino?: string;
  /** Only this step. */
  only?: Step;
  /** Write an Espruino that is not known to work. */
  force?: boolean;
}

/** A bar for so many bytes. */
export type Bar = Teller & { end(): void };

/** What the course needs of its surroundings. */
export interface Surroundings {
  asker: Asker | null;
  say(line: string): void;
  bar(total: number): Bar;
  /** File of the image. */
  image: string;
  patience?: Patience;
}

/** A console that says nothing is given up after so long, ms: a look must not take long. */
const LOOK_MS = 1200,
  AFTER_RESET_MS = 30_000;
const NOBODY = /^no Espruino answers/,
  AGAIN = "Mend that and run the same command again: what is there already does no harm";

/** Boards of Espruino's that the image runs on; an interpreter on a PC stands for one in tests. */
const isRight = (board: string): boolean => board === "ESP32" || board.startsWith("LINUX");

/** Does a step; what goes wrong in it is told with its name and how to go on. */
async function step<T>(say: (line: string) => void, what: string, goOn: string, work: () => Promise<T>): Promise<T> {
  say(`== ${what}`);
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}${goOn ? `. ${goOn}` : ""}`);
  }
}

async function withConsole<T>(where: string, work: (device: DeviceConsole) => Promise<T>): Promise<T> {
  const port = await openPort(where);
  try {
    const result = await work(openConsole(port));
    await sleep(200); // the last line leaves before the port closes
    return result;
  } finally {
    await port.close();
  }
}

/** What is there: Espruino, or null where only the chip's own boot loader can answer. */
async function lookAtDevice(where: string, say: (line: string) => void): Promise<Found | null> {
  const found = await withConsole(where, (device) => lookAt(device, LOOK_MS)).catch((error: Error) => {
    if (NOBODY.test(error.message)) return null;
    throw error;
  });
  if (found && !isRight(found.board))
    throw new Error(`Espruino there runs on a ${found.board}; the gateway needs an ESP32. Nothing was written`);
  if (found) {
    const { version, hasImage, isConfigured } = found;
    say(
      `Espruino ${version}; ${hasImage ? "a program is on it" : "no program"}; ${isConfigured ? "settings of a gateway, which stay" : "no settings of a gateway"}`,
    );
    return found;
  }
  await withChip(where, async (chip) => {
    say(`${chip.name}, without an Espruino that answers`);
    await chip.leave();
  });
  return null;
}

/** The release that is wanted, judged; null when none is given. */
function wantedRelease(options: CourseOptions, found: Found | null, say: (line: string) => void): Release | null {
  if (!options.espruino) {
    if (!found && options.only !== "look")
      throw new Error(
        "there is no Espruino on the chip: download a release for the ESP32 and give it, --espruino FILE.tgz",
      );
    return null;
  }
  const release = readRelease(options.espruino),
    { refused, warning } = judgeVersion(release.version);
  if (refused && !options.force)
    throw new Error(
      `${options.espruino}: Espruino ${release.version} ${refused} (--force writes it all the same); nothing was written`,
    );
  if (warning || refused) say(`warning: Espruino ${release.version} ${warning || refused}`);
  if (found?.version === release.version && !options.only) {
    say(`Espruino ${release.version} is there already`);
    return null;
  }
  return release;
}

/** Puts what differs into the flash. */
async function writeMissing(chip: Chip, { parts }: Release, around: Surroundings): Promise<void> {
  around.say(`the chip is an ${chip.name}`);
  const missing = [];
  for (const part of parts) if (!(await chip.holds(part))) missing.push(part);
  const total = missing.reduce((sum, { data }) => sum + data.length, 0);
  if (!missing.length) around.say("its flash holds all of it already");
  const bar = around.bar(total);
  try {
    if (missing.length) await chip.write(missing, (bytes) => bar.progress(bytes));
  } finally {
    bar.end();
  }
  if (!(await chip.leave())) around.say("if nothing goes on now, press EN (or RST) on the board");
}

/** Waits until the new Espruino answers. */
async function waitForEspruino({ port }: CourseOptions, release: Release): Promise<void> {
  const end = Date.now() + AFTER_RESET_MS;
  for (;;) {
    try {
      const { version, board } = await withConsole(port, (device) => lookAt(device, LOOK_MS));
      if (!isRight(board)) throw new Error(`what answers runs on a ${board}`);
      if (release.version && version !== release.version && board === "ESP32")
        throw new Error(`what answers is Espruino ${version}, not ${release.version}`);
      return;
    } catch (error) {
      if (!NOBODY.test((error as Error).message) || Date.now() > end) throw error;
    }
  }
}

/** The settings that the device shall have; null: those that are there. */
async function wantedSettings(
  options: CourseOptions,
  stored: Found | null,
  around: Surroundings,
): Promise<string | null> {
  const { asker, say } = around,
    document = stored?.document ?? "{}",
    isNew = !stored?.isConfigured;
  if (!options.config && !asker) {
    if (isNew) say(`nobody can be asked for settings: npm run setup -- --port ${options.port} does it later`);
    return null;
  }
  if (!options.config && !isNew && !(options.only === "settings" || (await asker!.yes("change the settings?", false))))
    return null;
  const { plan } = await settingsFor(document, options, asker, say);
  return plan.differences.length ? plan.document : null;
}

/** Writes settings that are new, or that the new Espruino has lost; the document that counts. */
async function settle(device: DeviceConsole, document: string | null, before: Found | null): Promise<string> {
  const now = await lookAt(device),
    wanted = document ?? (before?.isConfigured ? before.document : now.document);
  if (wanted !== now.document) await writeSettings(device, now.files, wanted);
  return wanted;
}

async function sendImage(device: DeviceConsole, { image, bar }: Surroundings): Promise<void> {
  const text = readFileSync(image, "latin1"),
    shown = bar(text.length);
  try {
    await writeImage(device, text, shown);
  } finally {
    shown.end();
  }
}

/** Says what will be written, and asks; false when there is nothing. */
async function agree(what: (string | false | null)[], options: CourseOptions, around: Surroundings): Promise<boolean> {
  const list = what.filter(Boolean);
  around.say(list.length ? `to be written: ${list.join(", ")}` : "nothing is to be written");
  if (list.length && (around.asker || options.config)) await mayWrite(options, around.asker);
  return list.length > 0;
}

/** Image and settings by the console, and the start. */
async function byConsole(options: CourseOptions, document: string | null, found: Found | null, around: Surroundings) {
  const { say, patience = PATIENCE } = around;
  await withConsole(options.port, async (device) => {
    if (options.only !== "settings")
      await step(say, "write the gateway's image", AGAIN, () => sendImage(device, around));
    const counts = await step(say, "write the settings", AGAIN, () => settle(device, document, found)),
      later = `npm run setup -- --port ${options.port}`;
    if (!valuesOf(counts, "battery").chemistry) say(`without a chemistry CAN stays silent: ${later}`);
    const label = await step(say, "start the gateway", `Then: ${later}`, () => startAnew(device, counts, patience));
    say(`the gateway works. Write this on it:\n${labelText(label)}`);
  });
}

/** Goes the way, or one step of it. Rejects with one line that says what to do. */
export async function goCourse(options: CourseOptions, around: Surroundings): Promise<void> {
  const { say } = around,
    { only, port } = options,
    does = (name: Step): boolean => !only || only === name;
  const found = await step(say, "look at what is there", "", () => lookAtDevice(port, say));
  if (only === "look") return;
  if (only && only !== "espruino" && !found) throw new Error("no Espruino answers; --only espruino comes first");
  const release = does("espruino") ? wantedRelease(options, found, say) : null,
    document = does("settings") ? await wantedSettings(options, found, around) : null,
    what = [release && `Espruino ${release.version}`, does("image") && "the gateway's image", document && "settings"];
  if (!(await agree(what, options, around))) return;
  if (release) {
    await step(say, `write Espruino ${release.version}`, AGAIN, () =>
      withChip(port, (chip) => writeMissing(chip, release, around)),
    );
    await step(say, "wait for Espruino", "Press EN (or RST) on the board and run the same command again", () =>
      waitForEspruino(options, release),
    );
  }
  if (only !== "espruino") await byConsole(options, document, found, around);
}
