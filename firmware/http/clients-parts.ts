// What a client needs once, as tasks/shared.ts: it does not burden each of its events.
export { respond } from "./respond.cold";
