// The built image in an Espruino for Linux, as tests start, ask and end it. Where there is no interpreter the suite
// says that it skips.
import { startTimeServer, type TimeServer } from "../../tools/host/time-server";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System, type SystemOptions } from "../../tools/rig/system";
import { until } from "../../tools/rig/wait";
import { builtImage } from "../fixtures/image";

/** GET /api/status, as far as these tests read it. */
export interface Status {
  live_data: { phase: string; age_ms: number; voltage: number };
  uart: { seq: number };
  mqtt: { connected: boolean };
  memory: { used: number };
  espruino: { version: string; warning: string | null };
  time: string | null;
  uptime_ms: number;
  clock: { syncs: number; failures: number };
  replay: { pending: number };
}

export interface InterpreterBench {
  /** Boots the image; the end of the test takes it down. */
  start(options?: Partial<SystemOptions>): Promise<System>;
  system(): System;
  /** The image's error lines. A refused connection prints one by itself, which does not count. */
  errors(): string[];
  status(): Promise<Status>;
  /** Waits until the status is as wanted, at most `limit_ms`; an image that boots is asked again. */
  untilStatus(what: string, limit_ms: number, is: (status: Status) => boolean): Promise<Status>;
}

const REFUSED = /^ERROR: Connect failed/;

/** A bench for the suite that calls this in its `describe`. `shared`: an image lives until the last test is over. */
export function interpreterBench({ shared = false } = {}): InterpreterBench {
  let image = "",
    system: System | undefined;
  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    image = (await builtImage("host")).code;
  });
  (shared ? after : afterEach)(async () => {
    await system?.stop();
    system = undefined;
  });
  const status = async (): Promise<Status> => JSON.parse((await system!.http("/api/status")).text) as Status;
  return {
    status,
    start: async (options) => (system = await startSystem({ image, ...options })),
    system: () => system!,
    errors: () => system!.errors().filter((line) => !REFUSED.test(line)),
    untilStatus: (what, limit_ms, is) =>
      until(what, limit_ms, async () => {
        const now = await status().catch(() => null);
        return now && is(now) ? now : null;
      }),
  };
}

export interface TimeBench extends InterpreterBench {
  /** Where the image asks for the time. */
  server(): TimeServer;
  /** Waits until the image has taken the time so often. */
  synced(count: number): Promise<Status>;
}

/** The same with a time server that tells `now_s` (s since 1970), and a clock in the interpreter that can be set. */
export function timeBench(now_s: number): TimeBench {
  const bench = interpreterBench();
  let server: TimeServer;
  beforeEach(async () => {
    server = await startTimeServer(() => now_s);
  });
  afterEach(() => server.close());
  return {
    ...bench,
    start: ({ settings, ...options } = {}) =>
      bench.start({ settings: { time: { server: `127.0.0.1:${server.port}` }, ...settings }, ...options }),
    server: () => server,
    synced: (count) => bench.untilStatus(`time ${count}`, 40000, ({ clock }) => clock.syncs === count),
  };
}
