// Keys of the terminal that `npm start` runs in: they change the stage while it runs.
import { FAULTS } from "../simulator/faults";
import { scenarios } from "../simulator/scenarios";
import { MOST_SPEED, type Stage } from "./stage";

/** One line that says what the keys do. */
export const KEYS =
  "Keys      s S next, previous scenario   f F next, previous fault   space fault on, off   + - speed   q end";

const CTRL_C = "\x03";
const LEAST_SPEED = 1 / 64;

function beside<T>(list: T[], one: T, step: number): T {
  return list[(list.indexOf(one) + step + list.length) % list.length];
}

/** What a key does: the sentence that is said, "" for a key that means nothing; null: it ends the program. */
export function keysOf(stage: Stage): (key: string) => string | null {
  const names = Object.keys(FAULTS),
    scenarioNames = Object.keys(scenarios);
  let fault = names[0];
  const isOn = (): boolean => (stage.now().faults as string[]).includes(fault);
  const aboutFault = (): string =>
    `fault ${fault} is ${isOn() ? "on" : "off"}: ${FAULTS[fault as keyof typeof FAULTS]}`;
  const chosen = (step: number): string => {
    fault = beside(names, fault, step);
    return aboutFault();
  };
  const played = (step: number): string => {
    const name = beside(scenarioNames, stage.now().scenario, step);
    stage.scenario(name);
    return `scenario ${name}: ${scenarios[name].doc}`;
  };
  const driven = (factor: number): string => {
    stage.speed(Math.min(MOST_SPEED, Math.max(LEAST_SPEED, stage.now().speed * factor)));
    return `speed ${stage.now().speed}`;
  };
  const toggled = (): string => {
    if (isOn()) stage.clear(fault);
    else stage.fault(fault);
    return aboutFault();
  };
  const actions: Record<string, () => string | null> = {
    "s": () => played(1),
    "S": () => played(-1),
    "f": () => chosen(1),
    "F": () => chosen(-1),
    " ": toggled,
    "+": () => driven(2),
    "-": () => driven(0.5),
    "q": () => null,
    [CTRL_C]: () => null,
  };
  return (key) => (Object.hasOwn(actions, key) ? actions[key]() : "");
}

/** Read single keys of a terminal; the function that is returned gives the terminal back. Nothing without one. */
export function listenToKeys(input: NodeJS.ReadStream, onKey: (key: string) => void): () => void {
  if (!input.isTTY) return () => undefined;
  const heard = (text: Buffer): void => [...text.toString("latin1")].forEach(onKey);
  input.setRawMode(true);
  input.on("data", heard);
  input.resume();
  return () => {
    input.off("data", heard);
    input.setRawMode(false);
    input.pause();
  };
}
