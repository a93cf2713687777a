// Rare parts of the on-chip controller's driver that several parts call: named here they stand once in the image.
export { recoverTwai } from "./can-twai-start.cold";
