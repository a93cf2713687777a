// The kinds of commands, as `shared.ts`: each stands once in the image.
export { bmsAnswer } from "./command-bms-answer.cold";
export { bmsCommand } from "./command-bms.cold";
export { commandDo } from "./command-do.cold";
