// The tool for a real battery, as its user calls it, against the simulator over TCP and on a pseudo terminal.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { events as eventTable } from "../../firmware/tables/events";
import { runBms } from "../../tools/bms/cli";
import { change, changesFrom, readSettings, undoOf } from "../../tools/bms/settings";
import { linkOf } from "../../tools/tinybms/link";
import { openPort } from "../../tools/tinybms/port";
import { rows, valuesOf } from "../../tools/tinybms/values";
import { realClock } from "../../tools/simulator/clock";
import { servePty, serveTcp, type Service } from "../../tools/simulator/serve";
import { createSimulator, type Simulator, type SimulatorOptions } from "../../tools/simulator/simulator";

const MAIN = fileURLToPath(new URL("../../tools/bms/main.ts", import.meta.url));
const hasSocat = spawnSync("socat", ["-V"]).status === 0;

interface Told {
  status: number | null;
  out: string;
  err: string;
}

/** Everything that one test needs, and how to take it away. */
interface Rig {
  simulator: Simulator;
  where: string;
  folder: string;
  bms(...words: string[]): Promise<Told>;
  json(...words: string[]): Promise<Record<string, unknown>>;
}

const closing: (() => unknown)[] = [];

const plain = (text: string): string => stripVTControlCharacters(text).replace(/ +$/gm, "");

/** The tool in this process: what it prints, and the exit status that it asks for. */
async function inProcess(words: string[]): Promise<Told> {
  const { log, error } = console,
    before = process.exitCode,
    told: Told = { status: 0, out: "", err: "" };
  console.log = (line: string) => {
    told.out += plain(line) + "\n";
  };
  console.error = (line: string) => {
    told.err += plain(line) + "\n";
  };
  process.exitCode = 0;
  try {
    await runBms(words);
    told.status = Number(process.exitCode);
  } finally {
    Object.assign(console, { log, error });
    process.exitCode = before;
  }
  return told;
}

/** The tool as a program of its own; Ctrl-C some time after its first output. */
function run(folder: string, words: string[], stopAfter_ms = 0): Promise<Told> {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...words], {
    env: { ...process.env, XDG_STATE_HOME: join(folder, "state") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "",
    err = "";
  child.stdout.on("data", (text) => (out += text));
  child.stderr.on("data", (text) => (err += text));
  if (stopAfter_ms) child.stdout.once("data", () => setTimeout(() => child.kill("SIGINT"), stopAfter_ms));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, out, err })));
}

/** A simulated BMS on a free TCP port, its battery at rest, and a folder of its own. */
async function rig(options: SimulatorOptions = {}): Promise<Rig> {
  const simulator = createSimulator({ scenario: "idle", auto: false, ...options }),
    service = await serveTcp(simulator, 0);
  const folder = mkdtempSync(join(tmpdir(), "bms-tool-"));
  closing.push(async () => {
    simulator.close();
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  });
  simulator.step(1);
  process.env.XDG_STATE_HOME = join(folder, "state");
  const bms = (...words: string[]): Promise<Told> => inProcess(["--port", service.where, ...words]);
  return {
    simulator,
    where: service.where,
    folder,
    bms,
    async json(...words) {
      const { status, out, err } = await bms("--json", ...words);
      assert.deepEqual([status, err], [0, ""], out);
      return JSON.parse(out) as Record<string, unknown>;
    },
  };
}

const block = ({ battery }: Simulator): number[] => Array.from(battery.words.slice(300, 400));
const oneLine = (text: string): void => assert.match(text, /^error: [^\n]+\n$/);

describe("bms tool", () => {
  const state = process.env.XDG_STATE_HOME;
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    if (state === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = state;
  });

  it("shows what it reads, as tables and as JSON", async () => {
    const r = await rig({ cells: 14 }),
      { words } = r.simulator.battery;
    const live = (await r.json("live", "--once")).values as Record<string, unknown>;
    const { pack_power, cell_spread, ...plain } = live;
    assert.deepEqual(
      plain,
      valuesOf(Object.fromEntries(Array.from({ length: 17 }, (_, i) => [36 + i, words[36 + i]]))),
    );
    assert.equal(typeof pack_power, "number");
    assert.equal(cell_spread, words[41] - words[40]);
    assert.match(
      (await r.bms("live", "--once")).out,
      /Battery pack voltage +\d+\.\d{3} +V\n[^]*BMS online status +idle\n/,
    );

    const cells = (await r.json("cells")) as {
      cells: { cell: number; register: number; voltage_mV: number; balancing: boolean }[];
      moved: boolean;
    };
    assert.deepEqual(
      cells.cells.map(({ cell, register, voltage_mV }) => [cell, register, voltage_mV]),
      Array.from({ length: 14 }, (_, i) => [i + 1, i + 2, words[i + 2] / 10]),
    );
    assert.equal(cells.moved, false);
    assert.equal((await r.json("cells", "--cell-order", "low")).moved, true);
    assert.match((await r.bms("cells")).out, /\n14 cells, /);

    const statistics = (await r.json("statistics")).values as Record<string, unknown>;
    assert.ok(rows.filter(({ at, bits }) => at >= 100 && at < 118 && !bits).every(({ key }) => key in statistics));

    const { events, now_s } = (await r.json("events")) as {
      now_s: number;
      events: { time_s: number; name: string; severity: string; id: number; active: boolean; at: string }[];
    };
    assert.deepEqual(
      events.map(({ id }) => id),
      r.simulator.battery.events.slots.map(({ id }) => id).reverse(),
    );
    assert.ok(
      events.every(({ id, name, severity, time_s, at }) => {
        const row = eventTable.find((one) => one.id === id)!;
        return row.name === name && row.severity === severity && time_s <= now_s && !isNaN(Date.parse(at));
      }),
    );
    assert.match((await r.bms("events")).out, /^Time +Ago +Severity +Event +Id\n[^]*system_started/);
  });

  it("shows active faults in the event log", async () => {
    const r = await rig({ scenario: "cold-morning" });
    r.simulator.step(60);
    const log = r.simulator.battery.events.slots.map(({ id }) => id);
    const { events } = (await r.json("events")) as { events: { id: number; active: boolean }[] };
    const shown = events.filter(({ active }) => active).map(({ id }) => id);
    assert.equal(shown.includes(0x37), log.includes(0x37) && !log.includes(0x74));
    assert.ok(log.includes(0x37), "the scenario has a warning");
  });

  it("shows all settings with limits, defaults and what differs", async () => {
    const r = await rig(),
      { settings } = (await r.json("settings")) as { settings: Record<string, unknown>[] };
    const of = (key: string): unknown => settings.find((one) => one.key === key);
    assert.deepEqual(of("over_voltage_cutoff"), {
      register: 315,
      key: "over_voltage_cutoff",
      label: "Cell over-voltage cutoff",
      value: 3650,
      raw: 3650,
      unit: "mV",
      min: 3560,
      max: 4500,
      default: 4200,
      changed: true,
      limits_from: "bms",
    });
    assert.deepEqual(of("charger_type"), {
      register: 330,
      key: "charger_type",
      label: "Charger type and discharge over-current timeout: charger type",
      value: "cc_cv",
      raw: 1,
      unit: "",
      min: 0,
      max: 2,
      default: "cc_cv",
      changed: false,
      limits_from: "table",
    });
    assert.deepEqual(
      [of("low_temp_charger_cutoff"), of("set_state_of_charge")].map((one) => Object.values(one as object).slice(3)),
      [
        [1, "degC", 1, -40, 10, 1, false, "bms"],
        [65535, "%", null, 0, 100, null, null, "bms"],
      ],
    );
    assert.match((await r.bms("settings")).out, /\n315 +over_voltage_cutoff +3650 +mV +3560 +4500 +4200 +changed\n/);
    assert.match((await r.bms("settings")).out, /when two of them change together, the printed range counts/);
  });

  it("keeps, changes, compares, restores and undoes", async () => {
    const r = await rig(),
      before = block(r.simulator),
      file = join(r.folder, "backup.json");
    assert.equal((await r.bms("settings", "backup", file)).status, 0);
    oneLine((await r.bms("settings", "backup", file)).err);
    const three = ["over_voltage_cutoff=3700", "charger_type=can_reserved", "low_temp_charger_cutoff=-5"];
    const dry = await r.bms("settings", "set", ...three);
    assert.deepEqual([dry.status, dry.err], [1, "error: nothing was written; add --confirm to write this\n"]);
    assert.match(dry.out, /over_voltage_cutoff +3650 +3700 +mV/);
    assert.deepEqual(block(r.simulator), before);

    const set = await r.json("settings", "set", ...three, "--confirm");
    const changes = [
      ["over_voltage_cutoff", 3650, 3700],
      ["low_temp_charger_cutoff", 1, -5],
      ["charger_type", "cc_cv", "can_reserved"],
    ];
    assert.deepEqual(
      (set.changes as Record<string, unknown>[]).map(({ key, from, to }) => [key, from, to]),
      changes,
    );
    assert.ok(existsSync(set.undo as string));
    assert.equal(r.simulator.battery.words[330], 0x0302, "the timeout in the same word stays");

    const { differences } = (await r.json("settings", "compare", file)) as { differences: Record<string, unknown>[] };
    assert.deepEqual(
      differences.map(({ key, backup, bms }) => [key, backup, bms]),
      changes,
    );
    assert.match((await r.bms("settings", "compare", file)).out, /3 settings differ/);
    assert.equal((await r.bms("settings", "restore", file)).status, 1);
    assert.equal((await r.bms("settings", "restore", file, "--confirm")).status, 0);
    assert.deepEqual(block(r.simulator), before);
    assert.deepEqual(await r.json("settings", "compare", file), { same: true, differences: [] });

    const shown = await r.bms("settings", "undo");
    assert.deepEqual([shown.status, shown.err], [0, ""], "without --confirm it is a look at it");
    assert.match(shown.out, /over_voltage_cutoff +3650 +3700 +mV[^]*Nothing was written; add --confirm/);
    assert.deepEqual(block(r.simulator), before);
    assert.equal((await r.bms("settings", "undo", "--confirm")).status, 0);
    assert.equal(r.simulator.battery.words[315], 3700, "the restore is undone");
    const again = await r.bms("settings", "undo", "--confirm");
    assert.match(again.out, /does it again/);
    assert.deepEqual(block(r.simulator), before);
    assert.match((await r.bms("settings", "set", "over_heat_cutoff=60", "--confirm")).out, /^Nothing to change/);
  });

  it("refuses with the reason, and leaves or brings everything as it was", async () => {
    const r = await rig(),
      before = block(r.simulator);
    const set = (...pairs: string[]): Promise<Told> => r.bms("settings", "set", ...pairs, "--confirm");
    const expect = async (reason: RegExp, ...pairs: string[]): Promise<void> => {
      const { status, out, err } = await set(...pairs);
      oneLine(err);
      assert.deepEqual([status, out], [1, ""]);
      assert.match(err, reason);
      assert.deepEqual(block(r.simulator), before);
    };
    await expect(
      /over_voltage_cutoff: 3555 is below fully_charged_voltage 3550 \+ 10 mV/,
      "over_voltage_cutoff=3555",
      "over_heat_cutoff=50",
    );
    await expect(
      /fully_charged_voltage: 950 is below the minimum 1200 mV as printed/,
      "fully_discharged_voltage=900",
      "fully_charged_voltage=950",
      "under_voltage_cutoff=850",
      "over_voltage_cutoff=1000",
    );
    await expect(/nonsense: is no setting/, "nonsense=1");
    await expect(/must be KEY=VALUE/, "over_heat_cutoff");
    r.simulator.faults.set("locked");
    await expect(
      /over_heat_cutoff: the BMS refuses it \(CMD ERROR\); it may be locked; nothing was changed/,
      "over_heat_cutoff=50",
    );
    r.simulator.faults.clear();
    r.simulator.faults.set("altered-write", { times: 2 });
    await expect(
      /over_voltage_cutoff: reads back 3701 instead of 3700; all settings are as before/,
      "over_voltage_cutoff=3700",
      "over_heat_cutoff=50",
    );
    assert.match((await r.bms("settings", "undo", "--confirm")).err, /nothing to undo/);
    const { status, out, err } = await r.bms("--json", "settings", "set", "over_heat_cutoff=500", "--confirm");
    assert.deepEqual(
      [status, JSON.parse(out), err],
      [1, { error: "over_heat_cutoff: 500 is above the maximum 90 degC" }, ""],
    );
  });

  it("keeps the undo before it writes, so that a dead line does not lose it", async () => {
    const r = await rig(),
      before = block(r.simulator),
      link = linkOf(await openPort(r.where));
    try {
      const { write } = r.simulator.battery;
      r.simulator.battery.write = (writes) => {
        r.simulator.faults.set("lost-reply");
        return write(writes);
      };
      await assert.rejects(
        change(link, changesFrom(["over_heat_cutoff=50"]), true),
        /over_heat_cutoff: the BMS does not answer; and then: the BMS does not answer; look with/,
      );
      r.simulator.battery.write = write;
      r.simulator.faults.clear();
      assert.equal(r.simulator.battery.words[319], 50);
      assert.deepEqual(
        (await change(link, await undoOf(link), true)).changes.map(({ key, to }) => [key, to]),
        [["over_heat_cutoff", 60]],
      );
      assert.deepEqual(block(r.simulator), before);
      r.simulator.battery.words[319] = 70;
      await assert.rejects(undoOf(link), /over_heat_cutoff: is 70 now, not 60 as the last change left it/);
    } finally {
      await link.port.close();
    }
  });

  it("sets the state of charge alone, which cannot be undone, and restarts only when told", async () => {
    const r = await rig();
    assert.match((await r.bms("settings", "set", "set_state_of_charge=55", "--confirm")).out, /It cannot be undone/);
    assert.match((await r.bms("clear", "events")).err, /add --confirm/);
    assert.ok(r.simulator.battery.events.slots.length > 0);
    assert.equal((await r.bms("clear", "events", "--confirm")).status, 0);
    assert.match((await r.bms("events")).out, /empty/);
    const { restarts } = r.simulator.battery;
    assert.equal((await r.bms("restart", "--confirm")).status, 0);
    assert.equal(r.simulator.battery.restarts, restarts + 1);
  });

  it("wakes a sleeping BMS, and survives a change that restarts it", async () => {
    let offset = 0;
    const r = await rig({ now: () => realClock.now() + offset });
    offset = 20_000;
    assert.ok(r.simulator.isAsleep());
    assert.equal((await r.bms("live", "--once")).status, 0);
    const told = await r.bms("settings", "set", "operation_mode=single_port", "over_heat_cutoff=50", "--confirm");
    assert.match(told.out, /The BMS restarts itself/);
    assert.deepEqual([r.simulator.battery.words[340], r.simulator.battery.words[319]], [1, 50]);
  });

  it("reads by 0x03 from a unit that answers 0x07 in packets", async () => {
    const r = await rig();
    r.simulator.faults.set("multi-packet");
    assert.equal((await r.bms("cells")).status, 0);
  });

  it("records every byte, and decodes it again to the same values", async () => {
    const r = await rig(),
      file = join(r.folder, "line.txt"),
      live = (await r.json("live", "--once")).values as Record<string, unknown>;
    const settings = (await r.json("settings")).settings as { key: string; value: unknown }[];
    const told = await r.json("record", file, "--seconds", "1", "--every", "300");
    assert.ok((told.exchanges as number) >= 12 && told.failed === 0, JSON.stringify(told));
    assert.ok(
      readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .slice(1)
        .every((line) => /^\d+ [<>] [0-9a-f]+$/.test(line)),
    );
    const { status, out } = await inProcess(["replay", file, "--json"]);
    assert.equal(status, 0);
    const played = out
      .trim()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(line) as {
            cmd: string;
            outcome: string;
            values: Record<string, unknown>;
            registers: Record<string, number>;
          },
      );
    assert.equal(played.length, told.exchanges);
    const fast = played.find(({ registers }) => "36" in registers)!.values,
      { pack_power: _p, cell_spread: _s, ...same } = live;
    assert.deepEqual(fast, same);
    const [low, high] = ["300", "343"].map(
        (at) => played.find(({ cmd, registers }) => cmd === "0x03" && at in registers)!,
      ),
      block300 = { ...low.values, ...high.values };
    for (const { key, value } of settings) assert.deepEqual(block300[key], value, key);
    const text = await inProcess(["replay", file]);
    assert.match(text.out, new RegExp(`${told.exchanges as number} exchanges: ${told.exchanges as number} ok\n$`));
    writeFileSync(file, "12 > zz\n");
    assert.match((await inProcess(["replay", file])).err, /line\.txt:1: must be <ms> < or > <hex>/);
  });

  it("goes on until Ctrl-C", async () => {
    const r = await rig();
    const { status, out } = await run(r.folder, ["--port", r.where, "live", "--json", "--every", "50"], 600);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(status, 0);
    assert.ok(lines.length > 2 && lines.every((line) => typeof line.time === "string"));
    const file = join(r.folder, "log.txt");
    assert.equal((await run(r.folder, ["--port", r.where, "record", file], 700)).status, 0);
    assert.match(readFileSync(file, "utf8"), /\n\d+ < /);
  });

  it("says in one line what is wrong, with status 1", async () => {
    const r = await rig(),
      deaf = createServer(() => undefined).listen(0, "127.0.0.1"),
      backup = join(r.folder, "b.json");
    closing.push(() => deaf.close());
    await new Promise((resolve) => deaf.once("listening", resolve));
    writeFileSync(backup, "{}");
    writeFileSync(join(r.folder, "c.json"), '{"format":"tinybms-settings","version":1,"settings":{"frob":1}}');
    const silent = `tcp://127.0.0.1:${(deaf.address() as { port: number }).port}`,
      port = ["--port", r.where];
    const cases: [string[], RegExp][] = [
      [["cells"], /--port: is missing/],
      [["--port", "/dev/no-such-port", "cells"], /there is no such port/],
      [["--port", "tcp://127.0.0.1:1", "cells"], /connection refused/],
      [["--port", silent, "cells"], /no answer from the BMS in 2\.5 s, wake-up included; check/],
      [["--port", "tcp://nowhere", "cells"], /must be tcp:\/\/HOST:PORT/],
      [["--port", join(r.folder, "b.json"), "cells"], /cannot be opened as a serial port/],
      [[...port, "settings", "compare", join(r.folder, "none")], /none: cannot be read: there is no such file/],
      [[...port, "settings", "restore", backup], /is no backup of TinyBMS settings/],
      [[...port, "settings", "compare", join(r.folder, "c.json")], /settings\.frob: is no setting/],
      [
        [...port, "settings", "backup", join(r.folder, "no", "b.json")],
        /cannot be written: there is no such file or folder/,
      ],
      [[...port, "record", backup], /exists already/],
    ];
    for (const [words, message] of cases) {
      const { status, out, err } = await inProcess(words);
      oneLine(err);
      assert.deepEqual([status, out], [1, ""], err);
      assert.match(err, message);
    }
    const { status, err } = await run(r.folder, ["frob"]);
    assert.deepEqual([status, /unknown command/.test(err)], [1, true]);
    const { out, ...refused } = await run(r.folder, ["--json", "--port", "tcp://nowhere", "cells"]);
    assert.deepEqual(
      [JSON.parse(out), refused],
      [{ error: "tcp://nowhere: must be tcp://HOST:PORT" }, { status: 1, err: "" }],
    );
  });

  describe("on a serial port", () => {
    let simulator: Simulator, service: Service, folder: string, path: string;
    before(async function () {
      if (!hasSocat) this.skip();
      folder = mkdtempSync(join(tmpdir(), "bms-pty-"));
      path = join(folder, "tty");
      simulator = createSimulator({ scenario: "idle" });
      service = await servePty(simulator, path);
      process.env.XDG_STATE_HOME = join(folder, "state");
    });
    after(async () => {
      if (!service) return;
      simulator.close();
      await service.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it("reads, writes and says when it is busy", async () => {
      const port = await openPort(path);
      const busy = await inProcess(["--port", path, "cells"]);
      const link = linkOf(port),
        found = await readSettings(link);
      await port.close();
      assert.equal(busy.status, 1);
      oneLine(busy.err);
      assert.match(busy.err, /the port is busy; another program has it open/);
      assert.equal(found.length, 40);
      assert.equal(
        (await inProcess(["--port", path, "settings", "set", "over_heat_cutoff=50", "--confirm"])).status,
        0,
      );
      assert.equal(simulator.battery.words[319], 50);
    });

    it("says when the port goes away", async () => {
      const gone = join(folder, "gone"),
        other = createSimulator({ scenario: "idle" }),
        unplugged = await servePty(other, gone);
      const running = inProcess(["--port", gone, "live", "--every", "100"]);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await unplugged.close();
      other.close();
      const { status, err } = await running;
      assert.equal(status, 1);
      assert.match(err, /the port is gone; was the cable pulled\?/);
    });
  });
});
