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

/** Asks until the settings are right together. */
async function askUntilRight(asker: Asker, stored: string, say: (line: string) => void): Promise<[Settings, Plan]> {
  for (;;) {
    const settings = await askSettings(asker, stored),
      plan = planOf(stored, settings);
    if (!plan.reason) return [settings, plan];
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

/** Sets a gateway up. `asker` null: nobody can be asked. Rejects with one line that says how to go on. */
export async function setUp(
  gateway: Gateway,
  options: SetupOptions,
  asker: Asker | null,
  say: (line: string) => void,
): Promise<void> {
  const { about, document } = await gateway.read();
  say(`there is ${about}`);
  if (!options.config && !asker) throw new Error("there is no terminal to ask on: give --config FILE");
  let settings: Settings, plan: Plan;
  if (options.config) {
    settings = settingsOfFile(options.config);
    plan = planOf(document, settings);
    if (plan.reason) throw new Error(`${options.config}: ${plan.reason}; nothing was sent`);
  } else [settings, plan] = await askUntilRight(asker!, document, say);
  if (!plan.differences.length) return say("nothing changes: the settings are as you said");
  say("this changes:");
  for (const { name, before, after } of plan.differences) say(`  ${name}: ${before} -> ${after}`);
  if (!options.yes) {
    if (!asker) throw new Error("nobody can say yes: add --yes");
    if (!(await asker.yes("write it?", true))) throw new Error("nothing was changed");
  }
  for (const warning of await write(gateway, settings, plan, asker)) say(`note: ${warning}`);
  say("written; waiting until the device works by it");
  const label = await gateway.settle(plan.document);
  say(`the gateway works. Write this on it:\n${labelText(label)}`);
}
