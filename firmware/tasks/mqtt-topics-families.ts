// The families of rare topics, as `shared.ts`: each stands once in the image.
export { publishAlarms } from "./mqtt-topics-alarms.cold";
export { publishMirror } from "./mqtt-topics-mirror.cold";
export { publishSlow } from "./mqtt-topics-slow.cold";
export { publishStates } from "./mqtt-topics-state.cold";
export { publishGx } from "./mqtt-topics-gx.cold";
export { publishOnce } from "./mqtt-topics-once.cold";
