// As `shared.ts`: once in the image.
export { configureBattery } from "./configure-battery.cold";
