// Faults that somebody might make in the firmware, each with a story in which the oracle sees it (README 13).
// test/soak/seen.soak.ts puts them into the image one at a time.
import type { SeededFault } from "../fixtures/image";
import type { Focus } from "./story";

/** A fault, and the story: its seed, what it is about, and how long until it is seen, s. */
export interface SeenFault extends SeededFault {
  name: string;
  seed: number;
  focus: Focus;
  seconds: number;
}

export const seenFaults: SeenFault[] = [
  {
    name: "fault 3 does not block the charge",
    file: "battery/alarms.baked.ts",
    from: "export const CHARGE_FAULTS = 64764;",
    to: "export const CHARGE_FAULTS = 64756;",
    focus: "events",
    seed: 26,
    seconds: 97,
  },
  {
    name: "fault 3 leaves the voltage where it was",
    file: "charge/control.ts",
    from: "const FLOOR_FAULTS = 0x8c8;",
    to: "const FLOOR_FAULTS = 0x8c0;",
    focus: "events",
    seed: 112,
    seconds: 97,
  },
  {
    name: "fault 5 does not block the discharge",
    file: "charge/prepare.cold.ts",
    from: "const DISCHARGE_FAULTS = 0xfcb4;",
    to: "const DISCHARGE_FAULTS = 0xfc94;",
    focus: "events",
    seed: 1,
    seconds: 213,
  },
  {
    name: "own over-voltage block 40 mV late",
    file: "charge/prepare.cold.ts",
    from: "set[setting.blockTop] = v[valueSlot.overVoltageCutoff] - 20;",
    to: "set[setting.blockTop] = v[valueSlot.overVoltageCutoff] + 20;",
    focus: "cells",
    seed: 8,
    seconds: 148,
  },
  {
    name: "own under-voltage block 40 mV late",
    file: "charge/prepare.cold.ts",
    from: "set[setting.blockBottom] = v[valueSlot.underVoltageCutoff] + 20;",
    to: "set[setting.blockBottom] = v[valueSlot.underVoltageCutoff] - 20;",
    focus: "settings",
    seed: 53,
    seconds: 97,
  },
  {
    name: "own block released 40 mV early",
    file: "charge/prepare.cold.ts",
    from: "set[setting.freeTop] = full - 50;",
    to: "set[setting.freeTop] = full - 10;",
    focus: "cells",
    seed: 8,
    seconds: 192,
  },
  {
    name: "the hard zone does not bypass the filter",
    file: "charge/control.ts",
    from: "(raw > pf || over <= set[settingSlot.hard])",
    to: "true",
    focus: "cells",
    seed: 2,
    seconds: 20,
  },
  {
    name: "a current rises at once",
    file: "charge/control.ts",
    from: "held > set[settingSlot.recHold] &&",
    to: "held > 0 &&",
    focus: "line",
    seed: 1,
    seconds: 69,
  },
  {
    name: "a current rises twice as fast",
    file: "charge/control.ts",
    from: "out += largest * set[settingSlot.recRate] * s[memory.dt];",
    to: "out += largest * set[settingSlot.recRate] * 2 * s[memory.dt];",
    focus: "line",
    seed: 3,
    seconds: 74,
  },
  {
    name: "the voltage rises at once after a block",
    file: "charge/control.ts",
    from: "(s[memory.sinceLow] >= set[settingSlot.cvlUpHold] ||",
    to: "(s[memory.sinceLow] >= 0 ||",
    focus: "cells",
    seed: 28,
    seconds: 83,
  },
  {
    name: "the voltage rises twice as fast",
    file: "charge/control.ts",
    from: "last + set[settingSlot.cvlUpRate] * dt",
    to: "last + set[settingSlot.cvlUpRate] * 2 * dt",
    focus: "line",
    seed: 3,
    seconds: 125,
  },
  {
    name: "cells above the limit do not lower the voltage",
    file: "charge/control.ts",
    from: "if (mv > limit) raw += limit - mv;",
    to: "if (mv > limit) raw += 0;",
    focus: "cells",
    seed: 15,
    seconds: 23,
  },
  {
    name: "warning 0x37 does not block the charge",
    file: "charge/control.ts",
    from: "if (warnings & TOO_COLD || s[memory.chargeFactor] === 0)",
    to: "if (s[memory.chargeFactor] === 0)",
    focus: "events",
    seed: 61,
    seconds: 116,
  },
  {
    name: "a second that fails is seen after 30 s",
    file: "victron/task.ts",
    from: "const SECOND_STALE_MS = 3000;",
    to: "const SECOND_STALE_MS = 30000;",
    focus: "restarts",
    seed: 2,
    seconds: 67,
  },
  {
    name: "a second that fails says nothing in 0x35A",
    file: "charge/late.cold.ts",
    from: "v[slot.alarmBits] = v[slot.warningBits] = LOST_BITS;",
    to: "v[slot.alarmBits] = v[slot.warningBits] = 0;",
    focus: "restarts",
    seed: 2,
    seconds: 64,
  },
];
