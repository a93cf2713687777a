// From a bare chip to a gateway that works: a release of Espruino judged, written by esptool-js to a model of the boot
// loader, then image and settings to an interpreter on the same line; and each failure on the way with its sentence.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withChip } from "../../tools/flash/chip";
import { type CourseOptions, goCourse, type Surroundings } from "../../tools/flash/course";
import { judgeVersion, readRelease } from "../../tools/flash/release";
import { readFiles } from "../../tools/rig/flash";
import { findExecutable, findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import type { Asker } from "../../tools/setup/questions";
import { openPort } from "../../tools/tinybms/port";
import { servePty } from "../../tools/simulator/serve";
import { type BoardOnALine, type BoardOptions, boardOnALine, REBOOTS } from "./board-on-a-line";
import { ESP32_S3 } from "./rom-loader";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Bytes that do not compress, as a program's do. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0, x = 1; i < length; i++) bytes[i] = (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 24;
  return bytes;
}

interface ReleaseFiles {
  version?: string;
  chip?: number;
  left?: string;
}

/** A folder with the files of a release. */
function release({ version = "2v29", chip = 0, left = "" }: ReleaseFiles = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "tinybms-release-")),
    inner = join(folder, "espruino_esp32"),
    program = Buffer.concat([noise(60_000), Buffer.from(`\0${version}\0`), noise(40_000)]);
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  program[0] = 0xe9;
  program[12] = chip;
  mkdirSync(inner);
  const files = {
    "bootloader.bin": noise(20_001),
    "partitions_espruino.bin": noise(3072),
    "espruino_esp32.bin": program,
  };
  for (const [name, data] of Object.entries(files)) if (name !== left) writeFileSync(join(inner, name), data);
  return folder;
}

async function board(options?: BoardOptions): Promise<BoardOnALine> {
  const made = await boardOnALine(options);
  cleanUps.push(made.close);
  return made;
}

/** A course whose words are kept. */
function course(where: string, more: Partial<CourseOptions> = {}, around: Partial<Surroundings> = {}) {
  const said: string[] = [],
    told: number[] = [];
  const bar = {
    say: (line: string) => void said.push(line),
    progress: (n: number) => void told.push(n),
    end: () => undefined,
  };
  const surroundings: Surroundings = {
    asker: null,
    say: (line) => void said.push(line),
    bar: () => bar,
    image: "",
    patience: { boot_ms: 60_000, network_ms: 20_000, refused_ms: 500, look_ms: 100 },
    ...around,
  };
  return { said, told, go: () => goCourse({ port: where, ...more }, surroundings) };
}

describe("an Espruino release", () => {
  it("is a folder or the archive of it, and tells its version", () => {
    const folder = release(),
      archive = join(folder, "espruino.tgz");
    spawnSync("tar", ["-czf", archive, "-C", folder, "espruino_esp32"]);
    for (const where of [folder, join(folder, "espruino_esp32"), archive]) {
      const { version, parts } = readRelease(where);
      assert.equal(version, "2v29");
      assert.deepEqual(
        parts.map(({ address, data }) => [address, data.length]),
        [
          [0x1000, 20_001],
          [0x8000, 3072],
          [0x10000, 100_006],
        ],
      );
    }
  });

  it("is refused when it is for another chip, has not all files, or is one file alone", () => {
    assert.throws(() => readRelease(release({ chip: 5 })), /for an ESP32-C3, not for an ESP32/);
    assert.throws(() => readRelease(release({ left: "bootloader.bin" })), /bootloader\.bin is missing/);
    assert.throws(() => readRelease(release({ left: "espruino_esp32.bin" })), /holds no espruino_esp32\.bin/);
    assert.throws(() => readRelease("package.json"), /give the \.tgz/);
    assert.throws(() => readRelease("nowhere.tgz"), /there is no such file/);
  });

  it("has a version of the firmware's table, or is refused; a newer one is warned of", () => {
    assert.deepEqual(judgeVersion("2v29"), { refused: "", warning: "" });
    assert.match(judgeVersion("2v25").refused, /too old: take 2v26 or newer/);
    assert.match(judgeVersion("").refused, /does not say/);
    assert.match(judgeVersion("2v31").warning, /newer than any/);
  });
});

describe("the chip", () => {
  it("gets what it does not hold yet, and reads it back", async () => {
    const { where, rom } = await board(),
      { parts } = readRelease(release()),
      done: number[] = [];
    await withChip(where, async (chip) => {
      assert.match(chip.name, /ESP32/);
      assert.equal(await chip.holds(parts[2]!), false);
      await chip.write(parts, (bytes) => done.push(bytes));
      for (const part of parts) assert.ok(await chip.holds(part), part.name);
    });
    for (const { address, data } of parts)
      assert.ok(data.equals(rom.flash.subarray(address, address + data.length)), `${address}`);
    assert.equal(done.at(-1), 123_079);
    rom.flash.fill(0xff); // nothing to start
  }).timeout(30000);

  it("that is another one is left alone", async () => {
    const { where, rom } = await board({ magic: ESP32_S3 });
    await assert.rejects(
      withChip(where, () => Promise.resolve()),
      /this is an ESP32-S3; the gateway needs an ESP32 .* Nothing was written/,
    );
    assert.equal(rom.blocks, 0);
  });

  it("whose cable is pulled at 30 % says so at once, and how to go on", async () => {
    const options = release(),
      made: BoardOnALine = await board({ onBlock: (blocks) => blocks < 3 || void made.pull() === null }),
      { go, said, told } = course(made.where, { espruino: options, only: "espruino", yes: true });
    await assert.rejects(
      go(),
      /^Error: write Espruino 2v29: tcp:\S+ the connection was closed\. Mend that and run the same command again/,
    );
    assert.ok(said.includes("to be written: Espruino 2v29"), said.join("\n"));
    assert.ok(told.at(-1)! > 20_000 && told.at(-1)! < 60_000, `${told}`);
  }).timeout(30000);

  it("on a port that another program has open is told by its name", async function () {
    if (!findExecutable("socat")) this.skip();
    const folder = mkdtempSync(join(tmpdir(), "tinybms-busy-")),
      path = join(folder, "tty");
    cleanUps.push(() => rmSync(folder, { recursive: true }));
    const pty = await servePty({ receive: () => undefined, onSend: () => () => undefined }, path);
    cleanUps.push(() => pty.close());
    const other = await openPort(path);
    cleanUps.push(() => other.close());
    await assert.rejects(
      course(path).go(),
      /look at what is there: .*tty: the port is busy; another program has it open/,
    );
  });
});

/** What the ESP32's build of Espruino has and Linux's has not, as far as these ways touch it. */
const chipText = (ip: string, station: string): string =>
  `global.poke32=function(){};global.ESP32={reboot:function(){print("${REBOOTS}")},getState:function(){return{BLE:false}}};` +
  `Modules.addCached("Wifi",function(){exports.getIP=function(){return{ip:"${ip}"}};` +
  `exports.getStatus=function(){return{station:"${station}"}}});`;
/** A program that says what a gateway says when it starts. */
const IMAGE = `print("tinybms-gateway 0.1.0 ESP32-A1B2C3 on esp32-devkit");print("login: admin, password: 7qk2-x0fd-9wnt");${"// filler\n".repeat(500)}`;

describe("the way from a bare chip to a gateway", () => {
  let folder: string, image: string, config: string;
  before(function () {
    if (!findInterpreter()) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "tinybms-way-"));
    image = join(folder, "image.js");
    config = join(folder, "config.json");
    writeFileSync(image, IMAGE);
    writeFileSync(config, '{"wifi":{"ssid":"home","pass":"long enough"},"battery":{"chemistry":"lfp"}}');
  });
  after(() => folder && rmSync(folder, { recursive: true }));

  it("is gone in one run: Espruino, image, settings, label", async () => {
    const made = await board({ files: { ".boot0": chipText("192.168.1.23", "connected") } }),
      { go, said } = course(made.where, { espruino: release(), config, yes: true }, { image });
    await go();
    const all = said.join("\n");
    assert.deepEqual(
      said.filter((line) => line.startsWith("== ")),
      [
        "== look at what is there",
        "== write Espruino 2v29",
        "== wait for Espruino",
        "== write the gateway's image",
        "== write the settings",
        "== start the gateway",
      ],
      all,
    );
    assert.match(all, /http:\/\/192\.168\.1\.23\//);
    assert.match(all, /password: 7qk2-x0fd-9wnt/);
    const files = await readFiles({ interpreter: findInterpreter()! }, made.folder, [".bootcde", "cfg.a"]);
    assert.equal(files[".bootcde"], IMAGE);
    assert.match(String(files["cfg.a"]), /"ssid":"home"/);
  }).timeout(120_000);

  it("keeps the settings of a gateway that is there, and says what to do with a wrong password of the network", async () => {
    const made = await board({ files: { ".boot0": chipText("0.0.0.0", "4WAY_HANDSHAKE_TIMEOUT") } }),
      first = course(made.where, { espruino: release(), config, yes: true }, { image }),
      refused =
        /start the gateway: home refuses the password: give the right one .*\. Then: npm run setup -- --port tcp/;
    await assert.rejects(first.go(), refused);
    const nobody: Asker = {
      text: () => assert.fail("nothing is asked"),
      secret: () => assert.fail("nothing is asked"),
      choose: () => assert.fail("nothing is asked"),
      yes: (words) => Promise.resolve(words === "write it?"),
    };
    const again = course(made.where, { espruino: release() }, { image, asker: nobody });
    await assert.rejects(again.go(), refused);
    assert.match(again.said.join("\n"), /settings of a gateway, which stay/);
    const files = await readFiles({ interpreter: findInterpreter()! }, made.folder, ["cfg.a", "cfg.b"]);
    assert.match(String(files["cfg.a"]), /"ssid":"home"/);
    assert.equal(files["cfg.b"], undefined, "written once");
  }).timeout(180_000);

  it("does not begin with a wrong Espruino, nor without one", async () => {
    const made = await board();
    await assert.rejects(
      course(made.where, { espruino: release({ version: "2v25" }) }, { image }).go(),
      /Espruino 2v25 is too old: take 2v26 or newer \(--force writes it all the same\); nothing was written/,
    );
    await assert.rejects(course(made.where, {}, { image }).go(), /no Espruino on the chip: download a release/);
    assert.equal(made.rom.blocks, 0);
  }).timeout(120_000);
});
