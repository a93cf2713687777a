// The espruino CLI: it takes the image offline and without a warning, and `npm run flash` notices what it does not tell.
import assert from "node:assert/strict";
import { spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../tools/build/board";
import { buildImage } from "../../tools/build/image";
import { cliArguments, cliFault, flashFile, parseStored, runCli, storedFault } from "../../tools/flash";
import { crc32 } from "../../tools/host/crc32";
import { findInterpreter, launchInterpreter, NO_INTERPRETER, stopProcess, temporaryDirectory } from "../../tools/rig/interpreter";

describe("boards/ESP32.json", () => {
  let folder: string;
  before(() => { folder = mkdtempSync(join(tmpdir(), "tinybms-cli-")); });
  after(() => rmSync(folder, { recursive: true }));

  const run = (input: string): { status: number | null; printed: string; output: string } => {
    const cli = join(root, "node_modules/espruino/bin/espruino-cli.js"), output = join(folder, "out.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "--board", "boards/ESP32.json", input, "-o", output], { cwd: root, encoding: "utf8" });
    return { status, printed: stdout + stderr, output: readFileSync(output, "latin1") };
  };

  it("lets the CLI take the image as it is, with no internet and no warning", async () => {
    const file = join(folder, "image.js"), { code } = await buildImage({ output: file });
    const { status, printed, output } = run(file);
    assert.equal(status, 0);
    assert.doesNotMatch(printed, /warn|error|not found|No list|unable/i);
    assert.ok(output.includes(code), "the image, unchanged");
  });

  it("is why: a module that is not in it is missed", () => {
    const file = join(folder, "foreign.js");
    writeFileSync(file, 'require("no-such-module");\n');
    assert.match(run(file).printed, /no-such-module not found/);
  });
});

describe("flash", () => {
  it("calls the CLI with the port, the baud rate and the board's file", () => {
    const words = cliArguments({ port: "/dev/ttyUSB0", baud: 115200 }, ["image.js"]).join(" ");
    assert.match(words, /^-p \/dev\/ttyUSB0 -b 115200 --no-ble --board \S*boards\/ESP32\.json image\.js$/);
  });

  it("tells what went wrong from what the CLI printed", () => {
    assert.equal(cliFault("Connected\n--] >\nUpload Complete\n"), "");
    assert.match(cliFault("Unable to connect!\n"), /cannot open the port/);
    assert.match(cliFault("You have pre-1v96 firmware. Upload size is limited"), /no Espruino answers/);
    assert.match(cliFault('Module MQTT not found\n'), /requires MQTT/);
  });

  it("finds the read-back between the device's own lines, not in the echo", () => {
    assert.deepEqual(parseStored('--] >print("~image "+(function(c)...\n--] phase normal\n--] ~image 41234 3738837499\n--] =undefined'), { length: 41234, crc: 3738837499 });
    assert.equal(parseStored('--] >print("~image "+x)'), null);
  });

  it("compares length and CRC", () => {
    const image = Buffer.from("print(1);\n"), good = { length: image.length, crc: crc32(image) };
    assert.equal(storedFault(image, good), "");
    assert.match(storedFault(image, { ...good, length: 8 }), /8 bytes of 10/);
    assert.match(storedFault(image, { ...good, crc: good.crc ^ 1 }), /CRC/);
    assert.match(storedFault(image, null), /did not answer/);
  });
});

describe("flash, over TCP to an interpreter", () => {
  const cleanUps: (() => unknown)[] = [];
  let port: string, device: ChildProcess;

  /** The interpreter as a device: it stays on while the CLI comes and goes. */
  function serve(child: ChildProcess): Server {
    let client: Socket | undefined;
    child.stdout!.on("data", (data: Buffer) => client?.write(data));
    return createServer((socket) => {
      client = socket;
      socket.on("data", (data) => child.stdin!.write(data));
      socket.on("error", () => undefined);
      socket.on("close", () => { if (client === socket) client = undefined; });
    });
  }

  before(async function () {
    const interpreter = findInterpreter();
    if (!interpreter) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    const directory = temporaryDirectory();
    device = launchInterpreter({ interpreter }, directory.path);
    const server = serve(device);
    cleanUps.push(() => server.close(), () => stopProcess(device, "SIGKILL"), directory.remove);
    await new Promise<void>((up) => server.listen(0, "127.0.0.1", up));
    port = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => { for (const cleanUp of cleanUps) await cleanUp(); });

  it("sends an image to flash, reads it back, and the device runs it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tinybms-flash-")), file = join(folder, "image.js");
    let printed = "";
    device.stdout!.on("data", (data: Buffer) => { printed += data.toString("latin1"); });
    try {
      const filler = Array.from({ length: 80 }, (_, i) => `function f${i}(){\nreturn "\\x10~${i}"}\n`).join("");
      writeFileSync(file, `!function(){\n${filler}print("boot"+"ed")}();\n`);
      const said: string[] = [];
      await flashFile(file, { port, baud: 115200 }, (line) => said.push(line));
      assert.match(said[0]!, /^sending \d+ bytes to tcp:/);
      assert.match(printed, /booted/);
      const stored = parseStored(await runCli({ port, baud: 115200 }, ["-e", 'print("~image "+require("Storage").read(".bootcde").length+" 0")']));
      assert.equal(stored!.length, readFileSync(file).length);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("says so when nothing listens there", async () => {
    await assert.rejects(flashFile(join(root, "package.json"), { port: "tcp://127.0.0.1:9", baud: 115200 }, () => undefined), /cannot open the port/);
  });
});
