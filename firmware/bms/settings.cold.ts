// The settings block (registers 300..343, command 0x03) into the snapshot, and where it says the cells are.
// Enepaq "TinyBMS Communication Protocols" Rev D, 3.4; cells of packs with fewer than 16: user manual, wiring rule.
import { chargeOverCurrentCutoff, dischargeOverCurrentCutoff, seriesCells } from "../battery/registers.baked";
import { MOST_CURRENT_A, type Snapshot } from "../battery/snapshot";
import { decodeSettings } from "./settings.baked.cold";

const MOST_CELLS = 16, FEWEST_CELLS = 4;

/** The words of a 0x03 reply, which travel high byte first, as numbers. */
function swapped(words: Uint16Array): Uint16Array {
  const out = new Uint16Array(words.length - 1);
  let i = 0;
  for (; i < out.length; i++) out[i] = words[i] >> 8 | (words[i] & 255) << 8;
  return out;
}

/** Take the settings; the words as numbers. A number of cells that cannot be leaves the group as old as it was. */
export function acceptSettings(snapshot: Snapshot, words: Uint16Array, now: number): Uint16Array {
  const numbers = swapped(words);
  decodeSettings(numbers, snapshot.values);
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
  return numbers;
}
