// Everything that runs: what all rooms need, in one object, made once by main.ts.
import type { Needs } from "./api/needs";

export type App = Needs;
