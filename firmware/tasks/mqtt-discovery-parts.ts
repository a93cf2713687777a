// What Home Assistant's discovery calls, as `shared.ts`: each stands once in the image.
export { sessionFail } from "../mqtt/session-life.cold";
export { discoveryWork } from "./mqtt-discovery-work.cold";
export { discoveryPlan } from "./mqtt-discovery.cold";
