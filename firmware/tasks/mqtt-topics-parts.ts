// What rare topics need now and then, as `shared.ts`: each stands once in the image.
export { otherSaid } from "./mqtt-others.cold";
export { newDay } from "./mqtt-day.cold";
export { rareAgain } from "./mqtt-topics-again.cold";
export { clearRetained } from "./mqtt-topics-end.cold";
export { sendRegister } from "./mqtt-register-send.cold";
