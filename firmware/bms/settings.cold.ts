// The settings block (registers 300..343, command 0x03) into the snapshot, and where it says the cells are.
// Enepaq "TinyBMS Communication Protocols" Rev D, 3.4; cells of packs with fewer than 16: user manual, wiring rule.
import { chargeOverCurrentCutoff, dischargeOverCurrentCutoff, seriesCells } from "../battery/registers.baked";
import { MOST_CURRENT_A, type Snapshot } from "../battery/snapshot";
import { decodeSettings } from "./settings.baked.cold";

const MOST_CELLS = 16, FEWEST_CELLS = 4;

/** Take the settings, words as numbers. A number of cells that cannot be leaves the group as old as it was. */
export function acceptSettings(snapshot: Snapshot, words: Uint16Array, now: number): void {
  decodeSettings(words, snapshot.values);
  const cutoff = Math.max(snapshot.values[dischargeOverCurrentCutoff], snapshot.values[chargeOverCurrentCutoff]);
  snapshot.mostCurrent = cutoff > 0 ? cutoff * 1.5 : MOST_CURRENT_A;
  const cells = snapshot.expectedCells || snapshot.values[seriesCells];
  if (cells >= FEWEST_CELLS && cells <= MOST_CELLS) {
    snapshot.cells = cells;
    snapshot.firstCell = snapshot.lowOrder !== snapshot.cellsMoved ? 0 : MOST_CELLS - cells;
    snapshot.settingsAt = now;
  } else {
    snapshot.dropped++;
  }
}
