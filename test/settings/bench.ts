// A device in node, as far as a change of its settings needs it: limits that run, a battery, settings in two files.
import { limitsStep } from "../../firmware/charge/control";
import { takeSettings } from "../../firmware/charge/prepare.cold";
import { limitsOf } from "../../firmware/charge/limits";
import { MEASURED_SLOTS, SETTINGS_SLOTS } from "../../firmware/battery/registers.baked";
import { BOOT, NORMAL, SILENT } from "../../firmware/battery/snapshot";
import { SETTINGS } from "../../firmware/bms/places";
import { readModule } from "../../firmware/config/document.cold";
import type { App } from "../../firmware/app";
import type { Put } from "../../firmware/settings/change";
import { beginChange } from "../../firmware/settings/put.cold";
import { OFF } from "../../firmware/mqtt/session";
import { crc32 } from "../../tools/host/crc32";
import { createHash, randomBytes } from "node:crypto";
import { settingsWords, snapshotWith } from "../fixtures/battery";

const PRESETS = '{"battery":{"chemistry":"lfp"}}';
/** What an LFP battery's TinyBMS is set to, as firmware/charge/README.md recommends. */
const LFP = {
  300: 3550,
  301: 2900,
  303: 3350,
  315: 3650,
  316: 2800,
  317: 200,
  318: 150,
  319: 60,
  320: 0,
  321: 85,
  329: 4,
  330: 0,
  340: 0,
};

export interface Bench {
  app: App;
  said: string[];
  stored(): Record<string, Record<string, unknown>>;
  /** One turn of what is to be done in turns of their own; false when nothing is left. */
  turn(): boolean;
}

/**
 * A device in `phase`, as far as a change of its settings needs it. `heard`: the TinyBMS has told its settings once.
 */
export function bench(phase: number, heard = phase !== BOOT, chemistry = true): Bench {
  const files = new Map<string, string>(),
    said: string[] = [],
    snapshot = snapshotWith({ settings: LFP }),
    limits = limitsOf(),
    presets = chemistry ? PRESETS : "{}";
  takeSettings(limits, readModule("{}", presets, "battery"), readModule("{}", presets, "can/limits"));
  snapshot.phase = NORMAL;
  if (heard) for (let i = 0; i < 90; i++) limitsStep(limits, snapshot, 1000 * i, 1);
  if (!heard) snapshot.cellsAt = snapshot.settingsAt = -1;
  snapshot.phase = phase;
  if (phase === SILENT || !heard) snapshot.values.fill(NaN, MEASURED_SLOTS, MEASURED_SLOTS + SETTINGS_SLOTS);
  if (heard) limitsStep(limits, snapshot, 91000, 1);
  const raw: (Uint16Array | null)[] = [null, null, null, null, null, null];
  if (heard) raw[SETTINGS] = settingsWords({ 307: 16, ...LFP });
  const soon: (() => void)[] = [];
  const app = {
    natives: {
      now: () => 92000,
      crc32: (text: string) => crc32(Buffer.from(text, "latin1")),
      print: (line: string) => said.push(line),
      random: () => randomBytes(4).readUInt32LE(),
      derive: (pass: string, salt: string, rounds: number) => {
        let key = Buffer.from(pass + salt, "latin1");
        for (let i = 0; i < rounds; i++) key = createHash("sha256").update(key).digest();
        return key.toString("latin1", 0, 16);
      },
    },
    store: {
      read: (name: string) => files.get(name),
      write: (name: string, text: string) => !!files.set(name, text),
      erase: (name: string) => files.delete(name),
    },
    presets,
    snapshot,
    limits,
    uart: { raw },
    commands: {},
    network: { soon: (work: () => void) => soon.push(work), tlsFault: () => "" },
    server: { clients: [], wrong: 0, wrongAt: 0 },
    session: { state: OFF },
    lines: { text: "" },
    clock: { epoch: 0 },
    token: "letmein",
    mark: "0badcafe",
    alarms: {},
    mqtt: { discovery: {}, task: { place: 3 } },
    scheduler: { dues: new Float64Array(6), change: () => undefined, clock: () => 92, start: 0 },
    can: { gxAt: 91500, waiting: new Uint8Array(32), task: { place: 1, at: 91500, period: 1000, step: () => 0 } },
  } as unknown as App;
  const stored = (): Record<string, Record<string, unknown>> => {
    const text = [...files.values()].at(-1);
    return text ? (JSON.parse(text.slice(20)) as Record<string, Record<string, unknown>>) : {};
  };
  const turn = (): boolean => {
    soon.shift()?.();
    return soon.length > 0;
  };
  return { app, said, stored, turn };
}

/** A change by HTTP, taken through the stages up to its answer, or to its end. */
export function putAll(one: Bench, text: string, dry = false, confirmed = false): Put {
  let done: Put | null = null;
  const begun = beginChange(one.app, {
    text,
    module: "",
    remote: "h",
    dry,
    confirmed,
    then: (put) => {
      done = put;
    },
  });
  if (!begun) throw new Error("another change is under way");
  while (one.turn());
  if (!done) throw new Error("no answer");
  return done;
}
