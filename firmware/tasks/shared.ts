// Rare parts that several rare parts call: named here they stand once in the image; imported from their own files they would be
// taken into each caller.
export { narrowLimits } from "../battery/external.cold";
export { settingsCheck } from "../bms/settings-check.cold";
export { settingsStep } from "../bms/settings-talk.cold";
export { clientEvent } from "../http/clients.cold";
export { parseObject } from "../kernel/json.cold";
export { quote } from "../kernel/quote.cold";
export { putConfig } from "./config-put.cold";
export { applyChanges } from "./configure.cold";
export { refuseChange } from "./login.cold";
