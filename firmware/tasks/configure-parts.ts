// As `shared.ts`: once in the image.
export { configureOthers } from "./configure-others.cold";
export { configureBattery } from "./configure-battery.cold";
