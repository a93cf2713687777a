// What the page's forms and the recorder let through is what a device takes, and what they refuse a device refuses:
// each setting and each argument of a command, at and beyond its bounds.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { commandOf } from "../../firmware/command/command.cold";
import { mergeDocument } from "../fixtures/merge";
import { setImageText } from "../../firmware/kernel/text.cold";
import { fields as allFields, type Field } from "../../firmware/tables/fields";
import { patchFault, pushableFields } from "../../tools/recorder/catalog";
import { commandFault, commands, type Argument, type Command } from "../../tools/recorder/commands";
import { faultOf, valueOf } from "../../tools/recorder/page/settings";
import { ack, commander } from "../command/rig";
import { commandsImage } from "../command/image";
import { closeHosts } from "../system/rig";

type Bounded = Pick<Field, "type" | "min" | "max" | "oneOf">;

/** Texts around the bounds: on them, a step beyond them, and what is no value of the type at all. */
function textsOf({ type, min, max, oneOf }: Bounded): string[] {
  if (type === "bool") return ["true", "false"];
  const listed = (oneOf ?? []).map(String);
  if (type === "string") {
    const wide = (bytes: number): string => "é".repeat(bytes >> 1) + "x".repeat(bytes % 2);
    const lengths = [0, 1, (min ?? 1) - 1, min ?? 0, max ?? 1, (max ?? 1) + 1];
    return [...listed, "no such value", "/ #", ...lengths.flatMap((bytes) => ["x".repeat(bytes), wide(bytes)])];
  }
  const steps = type === "int" ? [1, 0.5] : [1, 0.001, 1e-9],
    bounds = [min ?? 0, max ?? 1000];
  const around = bounds.flatMap((bound) => [bound, ...steps.flatMap((step) => [bound - step, bound + step])]);
  return [...listed, ...around.map(String), "0", "-1", "1e9", "-1e9", "", " ", "abc", "Infinity", "NaN", "1,5"];
}

/** Why the device itself refuses that; "" when it takes it. Numbers that JSON has not are no message at all. */
function deviceFault({ module, key }: Field, value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) return "is no JSON";
  // The device holds the bytes of UTF-8.
  const held = typeof value === "string" ? Buffer.from(value).toString("latin1") : value;
  return mergeDocument("{}", "{}", { [module]: { [key]: held } }, "a").reason;
}

/** Rules beyond a field's bounds, which only the device knows: it names the field, and the form shows that. */
const OWN_RULES = [
  /^ha\.(prefix|birth_topic): must (not hold|hold more|not begin)/,
  /^time\.server: must (be a host name|be without a port|end with)/,
  /^time\.zone: must be a time zone/,
  /^mqtt\.reconnect_max_ms: must not be below/,
];

describe("recorder: bounds of the form of settings", () => {
  before(() => setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")));

  it("the form has what MQTT may change, and nothing else", () => {
    const names = (fields: Field[]): string[] => fields.map(({ module, key }) => `${module}.${key}`);
    assert.deepEqual(names(pushableFields()), names(allFields.filter((field) => deviceFault(field, null) === "")));
  });

  for (const field of pushableFields())
    it(`${field.module}.${field.key}`, () => {
      let taken = 0,
        refused = 0;
      for (const text of textsOf(field)) {
        const value = valueOf(field, text),
          form = faultOf(field, text),
          own = deviceFault(field, value),
          isOwnRule = OWN_RULES.some((rule) => rule.test(own));
        const recorder =
          typeof value === "number" && !Number.isFinite(value)
            ? form
            : patchFault({ [field.module]: { [field.key]: value } });
        const shown = `${JSON.stringify(text)}: form "${form}", device "${own}"`;
        assert.equal(form === "", own === "" || isOwnRule, shown);
        assert.equal(!recorder, form === "", `${shown}, recorder ${JSON.stringify(recorder)}`);
        if (form === "") taken++;
        else refused++;
      }
      assert.ok(taken > 0 && (refused > 0 || field.type === "bool"), `${taken} taken, ${refused} refused`);
    });
});

/** Arguments that a device takes, so that one of them can be wrong alone. */
const GOOD: Record<string, Record<string, unknown>> = {
  "alarms.ack": { id: 1 },
  "bms.read": { address: 36 },
  "can.limits.override": { ccl: 10, ttl_s: 1 },
  "log.level": { level: "warn" },
};

/** Refusals that are about the arguments themselves. */
const JUDGED = ["OutOfRange", "UnknownKey", "MissingValue", "MissingArgs", "CfgApplyFailed"];

describe("recorder: commands of the page", function () {
  before(commandsImage);
  afterEach(closeHosts);

  it("are rows of the device's table, with its arguments and rights", () => {
    for (const { cmd, may, args } of commands) {
      const own = commandOf(cmd);
      assert.ok(own, cmd);
      assert.equal(may, own.may, cmd);
      assert.deepEqual(args.map(({ key }) => key).join(" "), own.takes, cmd);
      assert.equal(own.asks === true && !args.some(({ isNeeded }) => isNeeded), false, cmd + " needs an argument");
    }
  });

  /** Values around the bounds of an argument, of its type and of another. */
  function valuesOf(argument: Argument): unknown[] {
    const texts = textsOf(argument).filter((text) => text.trim() !== "" && !["abc", "1,5"].includes(text));
    const values = texts.map((text) => valueOf({ ...argument, module: "" }, text));
    return [...values.filter((value) => typeof value !== "number" || Number.isFinite(value)), true, [], "x"];
  }

  it("a device takes what the form lets through, and refuses what it does not: each argument around its bounds", async () => {
    const host = await commander({ settings: { mqtt: { commands: "all" } } });
    let asked = 0;
    const judge = async ({ cmd }: Command, args: Record<string, unknown>): Promise<void> => {
      const form = commandFault(cmd, args),
        { err } = (await ack(host, cmd, args)) as { err?: { code: string; where: string } };
      const isJudged = err !== undefined && JUDGED.includes(err.code);
      // An alarm that is not raised cannot be acknowledged: the device says that as it says a number out of range.
      const isAbsent = cmd === "alarms.ack" && form === null && err?.where === "alarms.ack.id";
      assert.equal(
        form !== null,
        isJudged && !isAbsent,
        `${cmd} ${JSON.stringify(args)}: ${JSON.stringify([form, err])}`,
      );
      asked++;
    };
    for (const row of commands) {
      for (const argument of row.args)
        for (const value of valuesOf(argument)) await judge(row, { ...GOOD[row.cmd], [argument.key]: value });
      if (row.args.length > 0) await judge(row, { ...GOOD[row.cmd], nothing: 1 });
      for (const { key, isNeeded } of row.args)
        if (isNeeded)
          await judge(row, Object.fromEntries(Object.entries(GOOD[row.cmd]).filter(([own]) => own !== key)));
    }
    console.log(`      ${asked} commands`);
  });
});
