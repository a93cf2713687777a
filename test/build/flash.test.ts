// The espruino CLI takes the image offline and without a warning. `npm run flash` has its own way to the flash: against
// a device that loses and damages what it is sent, and against an interpreter on a pseudo terminal and over TCP.
import assert from "node:assert/strict";
import { spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../tools/build/board";
import { buildImage } from "../../tools/build/image";
import { flashFile } from "../../tools/flash";
import { openConsole } from "../../tools/flash/console";
import { BLOCK_BYTES, imageFault, type Teller, upload } from "../../tools/flash/upload";
import {
  findExecutable,
  findInterpreter,
  launchInterpreter,
  NO_INTERPRETER,
  stopProcess,
  temporaryDirectory,
} from "../../tools/rig/interpreter";
import { until } from "../../tools/rig/wait";
import { servePty } from "../../tools/simulator/serve";
import { fakeDevice, type FakeFaults } from "./flash-device";

/** An image of many blocks, each of them different. */
const IMAGE = `!function(){\n${Array.from({ length: 500 }, (_, i) => `function f${i}(){\nreturn "line ${i} \\\\ \\x10~"}\n`).join("")}print("boot"+"ed")}();\n`;
const BLOCKS = Math.ceil(IMAGE.length / BLOCK_BYTES);

interface Told extends Teller {
  lines: string[];
  at: number[];
}
function told(): Told {
  const lines: string[] = [],
    at: number[] = [];
  return { lines, at, say: (line) => lines.push(line), progress: (bytes) => at.push(bytes) };
}

describe("the boards of npm run flash", () => {
  const flash = (...args: string[]): string => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "tools/flash.ts", ...args], {
      cwd: root,
      encoding: "utf8",
    });
    return stdout + stderr;
  };

  it("are those with a flash: not `host`", () => {
    assert.doesNotMatch(flash("--help"), /\bhost\b[,)]/);
    assert.match(flash("--port", "none", "--board", "host"), /--board.*must be one of esp32-devkit/);
  });
});

describe("boards/ESP32.json", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tinybms-cli-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = (
    input: string,
    board = "boards/ESP32.json",
  ): { status: number | null; printed: string; output: string } => {
    const cli = join(root, "node_modules/espruino/bin/espruino-cli.js"),
      output = join(folder, "out.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "--board", board, input, "-o", output], {
      cwd: root,
      encoding: "utf8",
    });
    return { status, printed: stdout + stderr, output: readFileSync(output, "latin1") };
  };

  it("lets the CLI take the image as it is, with no internet and no warning", async () => {
    const file = join(folder, "image.js"),
      { code } = await buildImage({ output: file });
    const { status, printed, output } = run(file);
    assert.equal(status, 0);
    assert.doesNotMatch(printed, /warn|error|not found|No list|unable/i);
    assert.ok(output.includes(code), "the image, unchanged");
  });

  it("is not needed: the board by its name has no file without internet, and the image needs none", async () => {
    const file = join(folder, "named.js"),
      { code } = await buildImage({ output: file });
    const { status, printed, output } = run(file, "ESP32");
    assert.equal(status, 0);
    assert.doesNotMatch(printed, /Module \S+ not found|\/modules\//, "none is looked for");
    assert.ok(output.includes(code), "the image, unchanged");
  });

  it("has settings for the Web IDE in a link that it takes, and each with a value that it has", () => {
    const page = readFileSync(join(root, "boards/README.md"), "utf8"),
      link = /\((https:\/\/www\.espruino\.com\/ide\/\?settings=[^)]*)\)/.exec(page)!,
      settings = JSON.parse(new URL(link[1]).searchParams.get("settings")!) as Record<string, string | number>;
    assert.deepEqual(settings, { BAUD_RATE: 115200, SAVE_ON_SEND: 1, MINIFICATION_LEVEL: "", PRETOKENISE: 0 });
    const cli = join(root, "node_modules/espruino/bin/espruino-cli.js"),
      { stdout } = spawnSync(process.execPath, [cli, "--listconfigs"], { encoding: "utf8" });
    for (const [key, value] of Object.entries(settings)) {
      const [, told = ""] = stdout.split(`(${key})\n`),
        [choices] = told.split("Default:");
      assert.match(choices, new RegExp(value === "" ? "No Minification" : `\\b${value}\\b`), key);
    }
  });

  it("is why: a module that is not in it is missed", () => {
    const file = join(folder, "foreign.js");
    writeFileSync(file, 'require("no-such-module");\n');
    assert.match(run(file).printed, /no-such-module not found/);
  });
});

describe("flash", () => {
  it("takes no image that a console would change", () => {
    assert.equal(imageFault("print(1);\n"), "");
    assert.match(imageFault(""), /empty/);
    assert.match(imageFault("a\x11b"), /byte 17 at 1/);
  });

  it("sends every block, reads it back, and starts the device anew", async () => {
    const device = fakeDevice(),
      tell = told();
    await upload(openConsole(device.port), IMAGE, tell);
    await until("the start", 1000, () => device.calls.includes("reboot"));
    assert.equal(device.bootCode(), IMAGE);
    assert.deepEqual(
      [device.writes, device.calls],
      [BLOCKS, ["watchdog 120", "reset", "poke 3ff4804c 54424d53", "reboot"]],
    );
    assert.deepEqual(tell.lines, ["Espruino 2v29 answers"]);
    assert.equal(tell.at.at(-1), IMAGE.length);
    assert.ok(
      tell.at.every((bytes, i) => i === 0 || bytes >= tell.at[i - 1]!),
      `${tell.at}`,
    );
  });

  const lossy: [what: string, faults: FakeFaults, writes: number, said: RegExp | null][] = [
    [
      "blocks that are answered and not there",
      { blank: (n) => [0, 3, 4].includes(n) },
      BLOCKS + 3,
      /^3 of \d+ blocks are missing/,
    ],
    ["blocks that come damaged", { damage: (n) => n === 1 }, BLOCKS + 1, /^1 of \d+ blocks are missing/],
    [
      "the same block again and again",
      { blank: (n) => n === 2 || (n >= BLOCKS && n < BLOCKS + 2) },
      BLOCKS + 3,
      /^1 of/,
    ],
  ];
  for (const [what, faults, writes, said] of lossy) {
    it(`sends again ${what}`, async () => {
      const device = fakeDevice(faults),
        tell = told();
      await upload(openConsole(device.port), IMAGE, tell);
      assert.equal(device.bootCode(), IMAGE);
      assert.equal(device.writes, writes);
      assert.match(tell.lines[1] ?? "", said!);
    });
  }

  it("asks again when a line is swallowed", async () => {
    const device = fakeDevice({ swallow: (n) => n === 1 });
    await upload(openConsole(device.port), IMAGE.slice(0, 3 * BLOCK_BYTES), told());
    assert.equal(device.bootCode(), IMAGE.slice(0, 3 * BLOCK_BYTES));
    assert.equal(device.writes, 4);
  }).timeout(20000);

  it("refuses what it cannot verify, and leaves no boot code", async () => {
    for (const faults of [{ stuckAt: 5000 }, { blank: () => true }]) {
      const device = fakeDevice(faults);
      await assert.rejects(upload(openConsole(device.port), IMAGE, told()), /could not be verified in 3 attempts/);
      assert.equal(device.bootCode(), undefined);
      assert.ok(!device.calls.includes("reboot"));
    }
  });

  it("switches Bluetooth off first, because that erases the boot code", async () => {
    const device = fakeDevice({ bluetooth: true }),
      tell = told();
    await upload(openConsole(device.port), IMAGE, tell);
    assert.deepEqual(device.calls.slice(0, 2), ["bluetooth off", "watchdog 120"]);
    assert.match(tell.lines[1]!, /Bluetooth is on/);
  });

  it("warns of an Espruino that is not known to work", async () => {
    const tell = told();
    await upload(openConsole(fakeDevice({ version: "2v25" }).port), IMAGE, tell);
    assert.equal(tell.lines[1], "warning: Espruino 2v25 is too old: take 2v26 or newer");
  });

  it("says so when nobody answers, and when nothing listens", async () => {
    const mute = { ...fakeDevice().port, write: () => undefined };
    await assert.rejects(openConsole(mute).ask("1", 10), /no Espruino answers/);
    await assert.rejects(flashFile(join(root, "package.json"), "tcp://127.0.0.1:9", told()), /nothing listens there/);
  });
});

describe("flash, to an interpreter", () => {
  const MOST_TRIES = 3,
    listeners = new Set<(data: Buffer) => void>();
  const cleanUps: (() => unknown)[] = [];
  let folder: string, file: string, device: ChildProcess, printed: string, launch: () => void;

  before(function () {
    if (!findInterpreter()) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
  });
  beforeEach(() => {
    const directory = temporaryDirectory();
    folder = mkdtempSync(join(tmpdir(), "tinybms-flash-"));
    file = join(folder, "image.js");
    writeFileSync(file, IMAGE);
    launch = () => {
      device = launchInterpreter({ interpreter: findInterpreter()! }, directory.path);
      printed = "";
      device.stdout!.on("data", (data: Buffer) => {
        printed += data.toString("latin1");
        for (const listener of listeners) listener(data);
      });
    };
    launch();
    cleanUps.push(
      () => rmSync(folder, { recursive: true }),
      directory.remove,
      () => stopProcess(device, "SIGKILL"),
    );
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  /**
   * Flashes it. On Linux two threads use the interpreter's queue of input without a lock (src/jsdevices.c,
   * jshPushIOCharEvents): now and then its console takes in old bytes and is out of memory for ever. Then it starts
   * anew.
   */
  async function flash(to: string, tell: Told): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await flashFile(file, to, tell);
      } catch (error) {
        if (tries === MOST_TRIES || !printed.includes("OUT OF MEMORY")) throw error;
        await stopProcess(device, "SIGKILL");
        launch();
      }
    }
  }

  /** The device's boot code is the image, and it runs. */
  async function assertFlashed(tell: Told): Promise<void> {
    await until("the image runs", 60000, () => printed.includes("booted"));
    assert.equal(tell.at.at(-1), IMAGE.length);
  }

  it("over a serial port", async function () {
    if (!findExecutable("socat")) this.skip();
    const path = join(folder, "tty"),
      tell = told();
    const wire = {
      receive: (bytes: Uint8Array) => void device.stdin!.write(bytes),
      onSend: (receiver: (bytes: Uint8Array) => void) => {
        listeners.add(receiver);
        return () => void listeners.delete(receiver);
      },
    };
    const line = await servePty(wire, path);
    cleanUps.push(() => line.close());
    await flash(path, tell);
    await assertFlashed(tell);
  });

  it("over TCP", async () => {
    const tell = told();
    const server = createServer((socket: Socket) => {
      const toClient = (data: Buffer): void => void socket.write(data);
      listeners.add(toClient);
      socket.on("data", (data) => device.stdin!.write(data));
      socket.on("error", () => undefined);
      socket.on("close", () => listeners.delete(toClient));
    });
    cleanUps.push(() => server.close());
    await new Promise<void>((up) => server.listen(0, "127.0.0.1", up));
    await flash(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, tell);
    await assertFlashed(tell);
  });
});
