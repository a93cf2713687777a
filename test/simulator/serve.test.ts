// The simulator for other processes: TCP, pseudo terminal, command line. Real sockets, real socat, real time.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ReadStream } from "node:tty";
import { fileURLToPath } from "node:url";
import { servePty, serveTcp } from "../../tools/simulator/serve";
import { createSimulator } from "../../tools/simulator/simulator";
import { isGood, request } from "./bench";

const MAIN = fileURLToPath(new URL("../../tools/simulator/main.ts", import.meta.url));
const STATUS = request(0x18);
const hasSocat = spawnSync("socat", ["-V"]).status === 0;

/** Asks over TCP and resolves with the first `count` bytes. */
async function askTcp(port: number, bytes: Uint8Array, count: number): Promise<Uint8Array> {
  const socket = connect(port, "127.0.0.1");
  let heard = Buffer.alloc(0);
  socket.write(bytes);
  try {
    while (heard.length < count) heard = Buffer.concat([heard, (await once(socket, "data"))[0] as Buffer]);
  } finally {
    socket.destroy();
  }
  return heard;
}

function start(...options: string[]): ChildProcess & { text(): string } {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (text += part));
  return Object.assign(child, { text: () => text });
}

async function says(child: ChildProcess & { text(): string }, pattern: RegExp): Promise<RegExpMatchArray> {
  for (;;) {
    const found = child.text().match(pattern);
    if (found) return found;
    if (child.exitCode !== null) throw new Error(`it ended and said: ${child.text()}`);
    await wait(20);
  }
}

async function statusOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, "exit");
  return child.exitCode;
}

describe("simulator on TCP", () => {
  it("answers several clients, survives one that leaves, frees the port", async () => {
    const simulator = createSimulator();
    const service = await serveTcp(simulator, 0);
    const silent = connect(service.port, "127.0.0.1");
    await once(silent, "connect");
    assert.ok(isGood(await askTcp(service.port, STATUS, 6)));
    assert.ok(isGood(await askTcp(service.port, request(0x07, 17, 36, 0), 39)));
    silent.on("error", () => undefined);
    await assert.rejects(serveTcp(simulator, service.port), /in use/);
    await service.close();
    simulator.close();
    const free = createServer().listen(service.port, "127.0.0.1");
    await once(free, "listening");
    free.close();
  });
});

describe("simulator on a pseudo terminal", function () {
  const folder = mkdtempSync(join(tmpdir(), "simulator-"));
  const path = join(folder, "bms");
  before(function () {
    if (!hasSocat) this.skip();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("answers every program that opens it in turn, and removes the link", async () => {
    const simulator = createSimulator();
    const service = await servePty(simulator, path);
    for (let round = 0; round < 3; round++) {
      const fd = openSync(path, "r+");
      const terminal = new ReadStream(fd);
      writeSync(fd, STATUS);
      let heard = Buffer.alloc(0);
      while (heard.length < 6) heard = Buffer.concat([heard, (await once(terminal, "data"))[0] as Buffer]);
      assert.ok(isGood(heard));
      terminal.destroy();
      // A moment without any user must not end the terminal.
      await once(terminal, "close");
      await wait(100);
    }
    await service.close();
    simulator.close();
    assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined);
  });
  it("refuses a path that holds a file, and says what socat can't do", async () => {
    const simulator = createSimulator();
    const file = join(folder, "file");
    writeFileSync(file, "keep");
    await assert.rejects(servePty(simulator, file), /no link/);
    await assert.rejects(servePty(simulator, join(folder, "missing", "bms")), /socat/);
    assert.ok(existsSync(file));
    simulator.close();
  });
  it("says clearly that socat is missing", async () => {
    const simulator = createSimulator();
    const { PATH } = process.env;
    process.env.PATH = folder;
    try {
      await assert.rejects(servePty(simulator, path), /socat is not installed/);
    } finally {
      process.env.PATH = PATH;
      simulator.close();
    }
  });
});

describe("simulator on the command line", () => {
  it("serves on TCP until Ctrl-C", async () => {
    const child = start("--tcp", "0", "--scenario", "high-cell", "--cells", "8", "--fault", "late=0.1");
    const port = Number((await says(child, /tcp:\/\/127\.0\.0\.1:(\d+)/))[1]);
    await says(child, /high-cell, 8 cells.*late/);
    assert.equal((await askTcp(port, request(0x1c), 21))[2], 16);
    child.kill("SIGINT");
    assert.equal(await statusOf(child), 0);
  });
  it("makes a pseudo terminal and takes it away on Ctrl-C", async function () {
    if (!hasSocat) this.skip();
    const folder = mkdtempSync(join(tmpdir(), "simulator-"));
    const path = join(folder, "bms");
    const child = start("--pty", path);
    await says(child, /Ctrl-C ends it/);
    assert.ok(existsSync(path));
    child.kill("SIGINT");
    assert.equal(await statusOf(child), 0);
    assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined);
    rmSync(folder, { recursive: true });
  });
  it("ends with 1 and a clear message for a busy port and wrong options", async () => {
    const busy = createServer().listen(0, "127.0.0.1");
    await once(busy, "listening");
    const { port } = busy.address() as AddressInfo;
    const wrong: [RegExp, string[]][] = [
      [new RegExp(`port ${port} is in use`), ["--tcp", String(port)]],
      [/no scenario is called "nope"[^]*cold-morning/, ["--scenario", "nope"]],
      [/no fault is called "nope"[^]*bad-crc/, ["--tcp", "0", "--fault", "nope"]],
      [/0 to 1/, ["--fault", "late=7"]],
      [/4 to 16/, ["--cells", "3"]],
    ];
    await Promise.all(
      wrong.map(async ([message, options]) => {
        const child = start(...options);
        assert.equal(await statusOf(child), 1);
        assert.match(child.text(), message);
      }),
    );
    busy.close();
  });
});
