// What the HTTP API needs: all that commands and the care for the device need.
import type { Needs as CareNeeds } from "../care/needs";
import type { Needs as CommandNeeds } from "../command/needs";

export interface Needs extends CommandNeeds, CareNeeds {
  commands: CommandNeeds["commands"];
  rates: CareNeeds["rates"];
}
