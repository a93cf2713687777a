// What a GX sees: which frames, how often, in which order, from the first to the last, and when the GX or the bus
// fails.
import assert from "node:assert/strict";
import { plugGx } from "../../tools/can/gx";
import { GX_IDENTITY, GX_KEEPALIVE } from "../../firmware/tables/frames";
import { BOOT_ORDER, startedOf, TASK_ORDER, traced } from "./boot-order";
import {
  ALARMS,
  boot,
  closeHosts,
  EACH_SECOND,
  hex,
  IDENTITY,
  imageText,
  LIMITS,
  MAKER,
  PLACES,
  running,
  sent,
  status,
  untilStatus,
} from "./rig";

const WATCHED_MS = 24000,
  SETTLED_MS = 4000,
  GRID_TOLERANCE_MS = 150,
  LONGEST_GAP_MS = 1500,
  MOST_FRAMES_A_SECOND = 40;

function gaps(times: number[]): number[] {
  return times.slice(1).map((at, i) => at - times[i]);
}

describe("system: CAN cadence", () => {
  before(imageText);
  afterEach(closeHosts);

  it("sends each frame once a second behind the limits, rarer ones after them, and nothing else", async () => {
    const host = await boot({ timeScale: 5 });
    await running(host);
    await host.wait(SETTLED_MS);
    // between the gateway's: a frame that loses the bus to it is not sent again
    host.gx().dueAt = sent(host, 0, LIMITS).at(-1)!.at + 1500;
    const from = host.clock.now();
    await host.wait(WATCHED_MS);
    const frames = sent(host, from),
      grid = frames.filter(({ id }) => id === LIMITS);
    const whole = frames.slice(frames.indexOf(grid[0]), frames.indexOf(grid.at(-1)!));
    const cycles = grid
      .slice(0, -1)
      .map((limits, i) =>
        whole
          .slice(whole.indexOf(limits), i + 2 < grid.length ? whole.indexOf(grid[i + 1]) : undefined)
          .map(({ id }) => id),
      );
    assert.ok(cycles.length >= 20, `${cycles.length} cycles`);
    for (const cycle of cycles) {
      assert.deepEqual(
        cycle.filter((id) => EACH_SECOND.includes(id)),
        EACH_SECOND,
        cycle.join(" "),
      );
    }
    const crowded = cycles.filter((cycle) => cycle.filter((id) => IDENTITY.includes(id)).length > 1);
    assert.deepEqual(crowded, [], "spread");
    for (const id of PLACES) assert.ok(sent(host, from, id).length >= WATCHED_MS / 2000 - 1, `0x${id.toString(16)}`);
    for (const id of IDENTITY) assert.ok(sent(host, from, id).length >= 2, `0x${id.toString(16)}`);
    const makers = sent(host, from, MAKER);
    assert.ok(makers.length === 2 || makers.length === 3, `${makers.length} of 0x35E`);
    const spacing = gaps(grid.map(({ at }) => at)),
      mean = spacing.reduce((sum, gap) => sum + gap, 0) / spacing.length;
    assert.ok(Math.abs(mean - 1000) < GRID_TOLERANCE_MS / spacing.length, `mean spacing ${mean} ms`);
    for (const gap of spacing) assert.ok(Math.abs(gap - 1000) < GRID_TOLERANCE_MS, `0x351 after ${gap} ms`);
    assert.deepEqual([...new Set(sent(host, from, ALARMS).map(hex))], ["A8AA8A02A8AA8202"]);
  });

  it("never floods the bus and never speaks for a GX", async () => {
    const host = await boot({ timeScale: 5 });
    await running(host);
    await host.wait(12000);
    const frames = sent(host, 0);
    for (const { at } of frames) {
      const second = frames.filter((other) => other.at >= at && other.at < at + 1000);
      assert.ok(second.length <= MOST_FRAMES_A_SECOND, `${second.length} frames in a second`);
    }
    assert.deepEqual([...new Set(frames.map(({ id }) => id))].sort(), [...EACH_SECOND, ...PLACES, ...IDENTITY].sort());
    assert.equal(host.gx().impostors, 0);
    assert.equal(host.gx().unknown, 0);
    assert.equal(
      host.can().sent.filter(({ frame }) => frame.id === GX_KEEPALIVE || frame.id === GX_IDENTITY).length,
      0,
    );
    assert.deepEqual(host.can().violations, []);
  });

  it("keeps silent until the first complete snapshot, then starts with the limits", async () => {
    const host = await boot({ timeScale: 5, settings: { mqtt: { enabled: false } } });
    host.simulator.faults.set("silence");
    host.reboot();
    await host.wait(20000);
    const before = await status(host);
    assert.equal(before.live_data.phase, "boot");
    assert.equal(before.live_data.age_ms, null);
    assert.equal(before.live_data.voltage, null);
    assert.deepEqual(
      [before.limits.cvl, before.limits.ccl, before.limits.dcl, before.limits.reason],
      [null, null, null, "boot"],
    );
    assert.equal(sent(host, 0).length, 0);
    host.simulator.faults.clear();
    await running(host);
    assert.equal(sent(host, 0)[0].id, LIMITS);
    assert.equal((await status(host)).live_data.phase, "normal");
  });

  it("starts what is urgent first, the hardware of a task before the task", async () => {
    const host = await boot({ imageText: traced(await imageText()) });
    const { tasks } = await status(host);
    assert.deepEqual(startedOf(host.console.map(({ line }) => line)), BOOT_ORDER);
    assert.deepEqual(
      tasks.map(({ name }) => name),
      TASK_ORDER,
    );
  });

  it("sends on while the GX restarts, and tells people that it is gone", async () => {
    const host = await boot();
    await running(host);
    await host.wait(2000);
    const from = host.clock.now(),
      bus = host.can().bus;
    plugGx(host.gx(), false);
    bus.partner = "ack"; // another node acknowledges: only the GX's own frames are missing
    assert.equal((await status(host)).can.keepalive_ok, true);
    const gone = await untilStatus(
      host,
      "the GX is missed",
      ({ can, alarms }) => !can.keepalive_ok && alarms.length > 0,
      13000,
    );
    assert.ok(host.clock.now() - from > 9000, "not before ten seconds without 0x305");
    assert.ok(gone.alarms.some(({ id, code }) => id === 45 && code === "CanKeepAliveLost"));
    await host.wait(2000);
    plugGx(host.gx(), true);
    await untilStatus(
      host,
      "the GX is back",
      ({ can, alarms }) => can.keepalive_ok && !alarms.some(({ id }) => id === 45),
      5000,
    );
    const longest = Math.max(...gaps(sent(host, from, LIMITS).map(({ at }) => at)));
    assert.ok(longest < LONGEST_GAP_MS, `${longest} ms without 0x351`);
  });

  it("comes back after bus-off and after a missing acknowledge", async () => {
    const host = await boot();
    await running(host);
    for (const partner of ["noEcho", "none", "stuckDominant"] as const) {
      host.can().bus.partner = partner;
      await host.wait(partner === "noEcho" ? 7500 : 4000); // each failed frame counts 8, 256 are bus-off
      host.can().bus.partner = "ack";
      const from = host.clock.now();
      await host.until(`frames after ${partner}`, () => sent(host, from, LIMITS).length >= 3, 12000);
      for (const id of EACH_SECOND) assert.ok(sent(host, from, id).length > 0, `0x${id.toString(16)} after ${partner}`);
      if (partner === "noEcho") assert.ok((await status(host)).can.bus_off > 0, "bus-off was counted");
    }
    assert.deepEqual(host.can().violations, []);
  });
});
