// What commands leave to be done later, as `shared.ts`: each stands once in the image.
export { finish } from "./command-finish.cold";
export { sayGoodbye } from "./command-restart.cold";
export { settingsTopics } from "./command-settings.cold";
export { mqttTest } from "./mqtt-test.cold";
