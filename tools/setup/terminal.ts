// Questions on a terminal.
import { confirm, input, password, select } from "@inquirer/prompts";
import type { Asker } from "./questions";

const judged = (refuse: (answer: string) => string) => (answer: string) => refuse(answer) || true;

/** The terminal's asker; null where there is none. Ctrl-C ends a question with an ExitPromptError. */
export function terminal(): Asker | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null;
  return {
    text: (message, preset, refuse) =>
      input({
        message,
        ...(preset ? { default: preset, prefill: "editable" as const } : {}),
        validate: judged(refuse),
      }),
    secret: (message, refuse) => password({ message, mask: "*", validate: judged(refuse) }),
    choose: (message, choices, preset) =>
      select({ message, choices: choices.map(({ value, words }) => ({ value, name: words })), default: preset }),
    yes: (message, preset) => confirm({ message, default: preset }),
  };
}
