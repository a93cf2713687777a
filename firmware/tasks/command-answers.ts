// How a command that was answered later is answered, as `shared.ts`.
export { acknowledge } from "./mqtt-commands.cold";
