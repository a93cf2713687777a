// The way from a gateway to a configured gateway: look, ask, check, show, write, wait, tell. Nothing is written before
// the firmware's own rules took it and a person saw what changes.
import { readFileSync } from "node:fs";
import { type Gateway, NeedsConfirmation } from "./device";
import { labelText } from "./label";
import { type Plan, planOf, type Settings } from "./plan";
import { type Asker, askSettings } from "./questions";

export interface SetupOptions {
  /** A file of settings in place of questions. */
  config?: string;
  /** Without a last question. */
  yes?: boolean;
}

/** Settings of a file: modules, or what GET /api/config/export gave. */
export function settingsOfFile(file: string): Settings {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  const exported = (parsed as { settings?: unknown } | null)?.settings ?? parsed;
  if (typeof exported !== "object" || !exported || Array.isArray(exported))
    throw new Error(`${file}: must be an object of modules, as {"wifi":{"ssid":"..."}}`);
  return exported as Settings;
}

/** Settings that were checked, and what they make of those that are there. */
export interface Wanted {
  settings: Settings;
  plan: Plan;
}

/** Asks until the settings are right together. */
async function askUntilRight(asker: Asker, stored: string, say: (line: string) => void): Promise<Wanted> {
  for (;;) {
    const settings = await askSettings(asker, stored),
      plan = planOf(stored, settings);
    if (!plan.reason) return { settings, plan };
    say(`that does not fit: ${plan.reason}`);
  }
}

async function write(gateway: Gateway, settings: Settings, plan: Plan, asker: Asker | null): Promise<string[]> {
  try {
    return await gateway.write(settings, plan, false);
  } catch (error) {
    if (!(error instanceof NeedsConfirmation) || !asker) throw error;
    if (!(await asker.yes(`${error.message}. Do it all the same?`, false))) throw new Error("nothing was changed");
    return gateway.write(settings, plan, true);
  }
}

/** The settings that are wanted, of a file or by questions: checked, and shown as what changes. */
export async function settingsFor(
  stored: string,
  options: SetupOptions,
  asker: Asker | null,
  say: (line: string) => void,
): Promise<Wanted> {
  if (!options.config && !asker) throw new Error("there is no terminal to ask on: give --config FILE");
  const wanted = options.config
    ? { settings: settingsOfFile(options.config), plan: planOf(stored, settingsOfFile(options.config)) }
    : await askUntilRight(asker!, stored, say);
  if (wanted.plan.reason) throw new Error(`${options.config}: ${wanted.plan.reason}; nothing was sent`);
  const { differences } = wanted.plan;
  say(differences.length ? "this changes:" : "no setting changes");
  for (const { name, before, after } of differences) say(`  ${name}: ${before} -> ${after}`);
  return wanted;
}

/** The last question before anything is written. */
export async function mayWrite(options: SetupOptions, asker: Asker | null): Promise<void> {
  if (options.yes) return;
  if (!asker) throw new Error("nobody can say yes: add --yes");
  if (!(await asker.yes("write it?", true))) throw new Error("nothing was changed");
}

/** Sets a gateway up. `asker` null: nobody can be asked. Rejects with one line that says how to go on. */
export async function setUp(
  gateway: Gateway,
  options: SetupOptions,
  asker: Asker | null,
  say: (line: string) => void,
): Promise<void> {
  const { about, document } = await gateway.read();
  say(`there is ${about}`);
  const { settings, plan } = await settingsFor(document, options, asker, say);
  if (!plan.differences.length) return;
  await mayWrite(options, asker);
  for (const warning of await write(gateway, settings, plan, asker)) say(`note: ${warning}`);
  say("written; waiting until the device works by it");
  const label = await gateway.settle(plan.document);
  say(`the gateway works. Write this on it:\n${labelText(label)}`);
}
