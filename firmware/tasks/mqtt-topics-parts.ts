// Begin and end of what is retained, as `shared.ts`: each stands once in the image.
export { rareAgain } from "./mqtt-topics-again.cold";
export { clearRetained } from "./mqtt-topics-end.cold";
