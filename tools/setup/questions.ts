// What a person is asked for a gateway that works: one table. The kind of a question, its range and its choices are
// those of the settings' own table.
import { type Field } from "../../firmware/tables/fields";
import { fieldOf, planOf, type Settings, valuesOf } from "./plan";

/** Who asks: a terminal, or a test. `refuse` says why an answer cannot be, "" when it can. */
export interface Asker {
  text(words: string, preset: string, refuse: (answer: string) => string): Promise<string>;
  secret(words: string, refuse: (answer: string) => string): Promise<string>;
  choose(words: string, choices: { value: string; words: string }[], preset: string): Promise<string>;
  yes(words: string, preset: boolean): Promise<boolean>;
}

/** Asks for the value that a setting has by now. */
type When = (value: (name: string) => unknown) => boolean;

interface Question {
  name: string;
  words: string;
  /** Words of the values that it may have. */
  choices?: Record<string, string>;
  /** Asked only where this says so: of the settings as they are with the answers before it. */
  when?: When;
}

const isCustom: When = (value) => value("battery.chemistry") === "custom";
const isUrl = (text: unknown): boolean => String(text).includes("://");
/** A broker that was not given with its login. */
const isPlainBroker: When = (value) => value("mqtt.host") !== "" && !isUrl(value("mqtt.host"));

export const questions: Question[] = [
  { name: "wifi.ssid", words: "Wi-Fi network (2.4 GHz; empty: none, CAN works all the same)" },
  { name: "wifi.pass", words: "its password", when: (value) => value("wifi.ssid") !== "" },
  {
    name: "battery.chemistry",
    words: "chemistry of the cells",
    choices: { lfp: "LFP (LiFePO4), 3.2 V", nmc: "NMC, 3.7 V", custom: "another: I give the voltages" },
  },
  { name: "battery.v_bulk", words: "charge voltage of a cell, V", when: isCustom },
  { name: "battery.v_float", words: "float voltage of a cell, V", when: isCustom },
  { name: "battery.v_rebulk", words: "highest cell that starts a new charge, V", when: isCustom },
  { name: "can/limits.cclMax", words: "largest charge current that wires, fuses and chargers can stand, A" },
  { name: "can/limits.dclMax", words: "largest discharge current that they can stand, A" },
  { name: "mqtt.host", words: "MQTT broker: name, address or mqtt://user:password@host:port (empty: none)" },
  { name: "mqtt.user", words: "user name at the broker (empty: none)", when: isPlainBroker },
  {
    name: "mqtt.pass",
    words: "password at the broker",
    when: (value) => isPlainBroker(value) && value("mqtt.user") !== "",
  },
  { name: "ha.enabled", words: "show the battery in Home Assistant", when: (value) => value("mqtt.host") !== "" },
  { name: "http.pass", words: "password for changes over the network (empty: the device makes its own and shows it)" },
];

/** The field that an answer stands for: a broker's URL is taken apart by the firmware. */
const fieldFor = (name: string, answer: unknown): string => (name === "mqtt.host" && isUrl(answer) ? "mqtt.uri" : name);

function put(settings: Settings, name: string, value: unknown): void {
  const { module, key } = fieldOf(name);
  (settings[module] ??= {})[key] = value;
}

/** An answer as the value of the setting. A number may have a decimal comma. */
function valueOf(field: Field, answer: string): unknown {
  if (field.type === "string" || answer.trim() === "") return answer;
  const number = Number(answer.replace(",", "."));
  return Number.isNaN(number) ? answer : number;
}

/** Why the answer alone cannot be, without the name of the setting, which a person has not asked for. */
function refusal(name: string, answer: string): string {
  const settings: Settings = {},
    field = fieldFor(name, answer);
  put(settings, field, valueOf(fieldOf(field), answer));
  const { reason } = planOf("{}", settings);
  return reason.slice(reason.indexOf(": ") + 1).trim();
}

/** A secret that stands already stays when nothing is given; one of another network is not that of this one. */
async function askSecret(asker: Asker, question: Question, isSet: boolean): Promise<string | undefined> {
  const words = isSet ? `${question.words} (Enter: as it is)` : question.words,
    answer = await asker.secret(words, (text) => (text ? refusal(question.name, text) : ""));
  return answer === "" && isSet ? undefined : answer;
}

/** One question; undefined leaves the setting as it is. */
async function ask(asker: Asker, question: Question, current: unknown): Promise<unknown> {
  const field = fieldOf(question.name);
  if (field.secret) return askSecret(asker, question, !!current);
  if (field.type === "bool") return asker.yes(question.words, current === true);
  if (field.oneOf) {
    const choices = field.oneOf.map((value) => ({
      value: String(value),
      words: question.choices?.[value] ?? String(value),
    }));
    return asker.choose(question.words, choices, String(current ?? field.oneOf[0]));
  }
  const refuse = (answer: string): string => refusal(question.name, answer),
    answer = await asker.text(question.words, String(current ?? ""), refuse);
  return valueOf(field, answer);
}

/** Asks everything that matters, with what is there as the answer to begin with. Resolves with what differs. */
export async function askSettings(asker: Asker, stored: string): Promise<Settings> {
  const settings: Settings = {};
  const now = (name: string): unknown => {
    const { module, key } = fieldOf(name),
      given = settings[module],
      answer = name === "mqtt.host" ? (given?.uri ?? given?.host) : given?.[key];
    return answer === undefined ? valuesOf(stored, module)[key] : answer;
  };
  for (const question of questions) {
    if (question.when && !question.when(now)) continue;
    const isOtherNetwork = question.name === "wifi.pass" && settings.wifi?.ssid !== undefined,
      current = isOtherNetwork ? "" : now(question.name),
      answer = await ask(asker, question, current);
    if (answer === undefined || (answer === current && !isOtherNetwork)) continue;
    put(settings, fieldFor(question.name, answer), answer);
  }
  return settings;
}
