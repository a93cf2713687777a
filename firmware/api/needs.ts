// What the HTTP API needs: all that commands and the care for the device need, and who may change things.
import type { Needs as CareNeeds } from "../care/needs";
import type { Needs as CommandNeeds } from "../command/needs";

export interface Needs extends CommandNeeds, CareNeeds {
  commands: CommandNeeds["commands"];
  rates: CareNeeds["rates"];
  /** The token that allows changes by HTTP. */
  token: string;
  /** What a browser that was logged in is known by: a random word of its own. */
  mark: string;
}
