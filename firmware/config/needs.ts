// What reading and writing the settings needs: the flash, the board's presets (JSON), natives for the checksum.
import type { Natives, StorePort } from "../kernel/ports";

export interface Needs {
  natives: Natives;
  store: StorePort;
  presets: string;
}
