// Makes the rare part resident once: who imports it from here does not carry a copy of its text.
export { takeUri } from "./uri.cold";
