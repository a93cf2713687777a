// What rare topics need now and then, as `shared.ts`: each stands once in the image.
export { newDay } from "./mqtt-day.cold";
export { rareAgain } from "./mqtt-topics-again.cold";
export { clearRetained } from "./mqtt-topics-end.cold";
