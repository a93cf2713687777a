// The settings conversation in the interpreter: the built core asks byte for byte what it asks in node, and says the
// same.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { receive } from "../../firmware/bms/receive.cold";
import { SETTING_LINES_AT, SETTING_LINES_END } from "../../firmware/bms/setting-lines.baked";
import { settingsNext, settingsTalkOf } from "../../firmware/bms/settings.cold";
import { settingsTook } from "../../tools/bms/settings-took";
import { setImageText } from "../../firmware/kernel/text.cold";
import { root } from "../../tools/build/board";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { buildProject } from "../build/project";
import { bench, reply, type Bench } from "./settings-bench";

interface Told {
  outcome: string;
  reason: string;
  undo: unknown;
  requests: string[];
}

const imageText = readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1");
const hex = (bytes: string): string => Buffer.from(bytes, "latin1").toString("hex");

/** What the core does in node, and the replies that it was given. */
function inNode(b: Bench, changes: Record<string, unknown>): Told & { replies: string[] } {
  const talk = settingsTalkOf(changes, false, true, true),
    requests: string[] = [],
    replies: string[] = [];
  for (let request = settingsNext(talk); request; request = settingsNext(talk)) {
    const answer = reply(b, request),
      found = receive(answer, request, null);
    requests.push(hex(request));
    replies.push(hex(answer));
    settingsTook(talk, found.outcome, found.payload, found.error);
  }
  return { outcome: talk.outcome, reason: talk.reason, undo: talk.undo, requests, replies };
}

/** Changes and the replies to give; the names are quoted in the program, since the build shortens others. */
type Case = { "c": Record<string, unknown>; "r": string[] };

const program = (cases: Case[]): string => `
import { receive } from "${root}firmware/bms/receive.cold";
import { settingsNext, settingsTalkOf } from "${root}firmware/bms/settings.cold";
import { settingsTook } from "${root}tools/bms/settings-took";
import { setImageText } from "${root}firmware/kernel/text.cold";
declare function print(line: string): void;
const cases = JSON.parse(${JSON.stringify(JSON.stringify(cases))}) as { "c": Record<string, unknown>, "r": string[] }[];
function bytes(hex: string): string {
  let text = "", i = 0;
  for (; i < hex.length; i += 2) text += String.fromCharCode(parseInt(hex.substr(i, 2), 16));
  return text;
}
function shown(text: string): string {
  let hex = "", i = 0;
  for (; i < text.length; i++) hex += text.charCodeAt(i).toString(16).padStart(2, "0");
  return hex;
}
// the whole text would not fit beside the program
const lines = ${JSON.stringify(imageText.slice(SETTING_LINES_AT, SETTING_LINES_END))};
setImageText({ substring: function (start: number, end: number) {
  return lines.substring(start - ${SETTING_LINES_AT}, end - ${SETTING_LINES_AT});
} } as unknown as string);
for (const one of cases) {
  const talk = settingsTalkOf(one["c"], false, true, true), requests: string[] = [];
  let request = settingsNext(talk);
  while (request) {
    const found = receive(bytes(one["r"][requests.length]), request, null);
    requests.push(shown(request));
    settingsTook(talk, found.outcome, found.payload, found.error);
    request = settingsNext(talk);
  }
  print("~" + JSON.stringify({ "outcome": talk.outcome, "reason": talk.reason, "undo": talk.undo, "requests": requests }));
}
`;

describe("settings conversation in the interpreter", () => {
  it("is built, and is the same as in node", async function () {
    setImageText(imageText);
    const wanted: [Record<string, unknown>, (b: Bench) => void][] = [
      [
        {
          over_voltage_cutoff: 3700,
          charger_type: "can_reserved",
          low_temp_charger_cutoff: -12,
          pulses_per_unit: 70000,
          battery_capacity: 100.25,
        },
        () => undefined,
      ],
      [
        {
          fully_charged_voltage: 3400,
          fully_discharged_voltage: 3100,
          over_voltage_cutoff: 3500,
          under_voltage_cutoff: 3050,
        },
        () => undefined,
      ],
      [{ over_voltage_cutoff: 3555 }, () => undefined],
      [{ precharge_pin: "nowhere" }, () => undefined],
      [{ battery_capacity: 10.005 }, () => undefined],
      [{ over_heat_cutoff: 55, operation_mode: "single_port" }, (b) => b.faults.set("altered-write", { times: 1 })],
      [{ over_heat_cutoff: 55 }, (b) => b.faults.set("locked")],
    ];
    const told = wanted.map(([changes, spoil]) => {
      const b = bench();
      spoil(b);
      return { changes, ...inNode(b, changes) };
    });
    const { code } = await buildProject({
      "main.ts": program(told.map(({ changes, replies }) => ({ c: changes, r: replies }))),
    });
    const interpreter = findInterpreter();
    if (!interpreter) {
      console.log("      " + NO_INTERPRETER);
      return this.skip();
    }
    const directory = temporaryDirectory();
    try {
      const script = join(directory.path, "script.js");
      writeFileSync(script, code, "latin1");
      const printed = await runScript({ interpreter }, directory.path, script);
      assert.doesNotMatch(printed, /Uncaught|ERROR:/);
      const lines = [...printed.matchAll(/~(.*)/g)].map(([, line]) => JSON.parse(line) as Told);
      assert.deepEqual(
        lines,
        told.map(({ outcome, reason, undo, requests }) => ({ outcome, reason, undo, requests })),
      );
    } finally {
      directory.remove();
    }
  });
});
