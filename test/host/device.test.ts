// The realm and the natives that the host gives to the image.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { BOOT_FILE } from "../../tools/host/device";
import { patientClock } from "../../tools/host/clock";
import { bootSmall, closeRigs } from "./rig";

/** Names that `firmware/espruino.d.ts` declares as globals. */
function declaredGlobals(): string[] {
  const text = readFileSync("firmware/espruino.d.ts", "utf8");
  return [...text.matchAll(/^declare (?:const|function) (\w+)/gm)].map((match) => match[1]);
}

const LANGUAGE =
  `Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Date Promise RegExp Error
  ReferenceError SyntaxError TypeError JSON Math ArrayBuffer Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array
  Float32Array Float64Array Uint8ClampedArray DataView decodeURIComponent encodeURIComponent eval isFinite isNaN`.split(
    /\s+/,
  );

describe("host device", () => {
  afterEach(closeRigs);

  it("has exactly the globals of firmware/espruino.d.ts, three UARTs, clearTimeout, atob and btoa", async () => {
    const rig = await bootSmall("");
    const extra = ["Serial1", "Serial2", "Serial3", "clearTimeout", "atob", "btoa"];
    const names = Object.getOwnPropertyNames(rig.device.global).filter((name) => !LANGUAGE.includes(name));
    assert.deepEqual(names.sort(), [...new Set([...declaredGlobals(), ...extra])].sort());
  });

  it("lacks what Espruino lacks", async () => {
    const rig = await bootSmall(`
      print([typeof Map, typeof Symbol, typeof console, typeof globalThis, typeof [].flat, typeof [].lastIndexOf, typeof Array.from,
        typeof "".at, typeof Math.trunc, typeof Number.isInteger, typeof new Uint8Array(1).entries, typeof Object.freeze,
        typeof new ArrayBuffer(1).slice].join() );
      var sum = 0; for (var byte of new Uint8Array([1, 2])) sum += byte; print(sum);`);
    assert.deepEqual(rig.lines, [Array(13).fill("undefined").join(), "3"]);
  });

  it("converts between byte strings and bytes of its own realm", async () => {
    const rig = await bootSmall(`
      var bytes = E.toUint8Array("A\\xff");
      print(bytes instanceof Uint8Array, bytes[1], E.toString([66, 255]) === "B\\xff", E.toArrayBuffer("abc").byteLength);
      print(E.CRC32("hello"), E.CRC32(""), E.sum([1, 2, 3]), E.toString(bytes).length);
      try { E.CRC32(5); } catch (error) { print(error instanceof Error); }`);
    assert.deepEqual(rig.lines, ["true 255 true 3", "907060870 0 6 2", "true"]);
  });

  it("reads its image as bytes, and finds it in its flash", async () => {
    const source = Buffer.from(`print("é".length, require("Storage").read("${BOOT_FILE}").length);`, "utf8").toString(
      "latin1",
    );
    const rig = await bootSmall(source);
    assert.deepEqual(rig.lines, ["2 " + source.length]);
  });

  it("counts time in seconds from power-up", async () => {
    const rig = await bootSmall("print(getTime() < 1); setTimeout(function () { print(getTime()); }, 50);");
    const [atBoot, later] = await rig.printed(2);
    assert.equal(atBoot, "true");
    assert.ok(Number(later) >= 0.049 && Number(later) < 1, later);
  });

  it("runs faster on a clock with a scale", async () => {
    const rig = await bootSmall("setTimeout(function () { print(getTime() >= 60); }, 60000);", {
      clock: patientClock(1000),
    });
    assert.deepEqual(await rig.printed(1), ["true"]);
  });

  it("does not know its memory, which JSON says as null", async () => {
    const rig = await bootSmall("print(JSON.stringify(process.memory(false)));");
    assert.deepEqual(rig.lines, ['{"usage":null,"total":null,"free":null}']);
  });

  it("has the same random numbers at each boot until they are seeded; the hardware register differs", async () => {
    const source =
      "print(Math.random(), E.hwRand()); E.srand(5); print(Math.random()); print(peek32(0x3ff75144) >>> 0);";
    const first = await bootSmall(source),
      second = await bootSmall(source);
    assert.deepEqual(first.lines.slice(0, 2), second.lines.slice(0, 2));
    assert.notEqual(first.lines[2], second.lines[2]);
  });

  it("has the same hardware random numbers at each boot too until a network that it asked for is there", async () => {
    const source = `
      const wifi = require("Wifi");
      function tell() { print(wifi.getIP().ip, peek32(0x3ff75144) >>> 0, peek32(0x3ff75144) >>> 0); }
      wifi.connect("home", {}, tell);
      tell();`;
    const first = await (await bootSmall(source)).printed(2),
      second = await (await bootSmall(source)).printed(2);
    assert.equal(first[0], second[0]);
    assert.match(first[0]!, /^0\.0\.0\.0 (\d+) (?!\1)\d+$/);
    assert.match(first[1]!, /^127\.0\.0\.1 /);
    assert.notEqual(first[1], second[1]);
  });

  it("passes registers and pins on to the model", async () => {
    const calls: unknown[][] = [];
    const note =
      (name: string) =>
      (...values: unknown[]): number =>
        calls.push([name, ...values]);
    const rig = await bootSmall(
      "poke32(0x3ff6b000, 1); pinMode(32, 'output'); digitalWrite(32, 1); print(peek32(0x3ff6b008));",
      { registers: { peek32: note("peek"), poke32: note("poke"), pinMode: note("mode"), digitalWrite: note("pin") } },
    );
    assert.deepEqual(calls, [
      ["poke", 0x3ff6b000, 1],
      ["mode", 32, "output"],
      ["pin", 32, 1],
      ["peek", 0x3ff6b008, undefined],
    ]);
    assert.deepEqual(rig.lines, ["4"]);
  });

  it("gives UART data as byte strings of at most 64, never inside the writer's call", async () => {
    const rig = await bootSmall(
      `
      Serial1.setup(115200, { rx: 16, tx: 17 });
      Serial1.on("data", function (data) { print(data.length, data.charCodeAt(0)); });
      Serial1.write("\\xaa\\u0155");`,
      { espruino: "newest" },
    );
    assert.deepEqual(rig.sent, [0xaa, 0x55]);
    rig.device.receive(new Uint8Array(100).fill(0xfe));
    assert.deepEqual(rig.lines, []);
    assert.deepEqual(await rig.printed(2), ["64 254", "36 254"]);
  });

  it("drops UART data that nobody listens to beyond 512 bytes, with an error flag", async () => {
    const rig = await bootSmall(
      `
      E.on("errorFlag", function (flags) { print(flags.join()); });
      Serial1.setup(115200, { rx: 16, tx: 17 });
      var got = 0;
      setTimeout(function () { Serial1.on("data", function (data) { got += data.length; if (got === 512) print(got); }); }, 20);`,
      { espruino: "newest" },
    );
    rig.device.receive(new Uint8Array(600));
    assert.deepEqual(await rig.printed(2), ["BUFFER_FULL", "512"]);
  });

  it("dies when its watchdog is not fed, and not while it is", async () => {
    const rig = await bootSmall(`
      E.enableWatchdog(0.1, false);
      var n = 0, id = setInterval(function () { if (++n < 8) E.kickWatchdog(); else { clearInterval(id); print("hungry"); } }, 50);
      setTimeout(function () { print("alive"); }, 2000);`);
    assert.deepEqual(await rig.printed(2), ["hungry", "Task watchdog got triggered."]);
    assert.deepEqual(rig.deaths, ["watchdog"]);
    assert.ok(rig.device.isDead());
  });

  it("answers pings, looks names up, and does neither when told", async () => {
    const source = `var wifi = require("Wifi");
      wifi.getHostByName("127.0.0.1", function (ip) {
        print("ip", ip);
        wifi.ping(ip, function (answer) { print(answer.totalBytes, answer.error); });
        wifi.ping(0, null);
        setTimeout(print, 2000, "over");
      });`;
    const espruino = "newest";
    const rig = await bootSmall(source, { clock: patientClock(20), espruino });
    assert.deepEqual(await rig.printed(3), ["ip 127.0.0.1", "32 0", "over"]);
    const network = { ...rig.device.network, ping: "silent" as const };
    const silent = await bootSmall(source, { clock: patientClock(20), network, espruino });
    assert.deepEqual(await silent.printed(2), ["ip 127.0.0.1", "over"]);
    const nameless = await bootSmall(source, { network: { ...network, dns: "fails" }, espruino });
    assert.deepEqual((await nameless.printed(1))[0], "ip null");
  });

  it("breaks when an echo is answered while JavaScript runs", async () => {
    const rig = await bootSmall(`require("Wifi").ping("127.0.0.1", function () { print("answered"); });`);
    assert.deepEqual(await rig.printed(1), ["Guru Meditation Error: an echo was answered while JavaScript ran"]);
    assert.deepEqual(rig.deaths, ["panic"]);
  });

  it("tells no address by a name up to 2v29: null, or the place where it lies", async () => {
    const rig = await bootSmall(`var wifi = require("Wifi");
      ["localhost", "localhost", "127.0.0.1"].forEach(function (name) {
        wifi.getHostByName(name, function (ip) { print(name, ip); });
      });`);
    assert.deepEqual(await rig.printed(3), ["localhost null", "localhost 160.217.251.63", "127.0.0.1 160.217.251.63"]);
  });

  it("loses and regains its Wi-Fi", async () => {
    const source = `var wifi = require("Wifi");
      wifi.on("connected", function () { print("connected", wifi.getIP().ip); });
      wifi.on("disconnected", function () {
        print("disconnected", wifi.getIP().ip);
        wifi.connect("net", {}, function (error) { print("error", error); });
      });
      wifi.connect("net", { password: "secret12" }, function (error) { print("joined", error); });`;
    const begin = ["connected 127.0.0.1", "joined null", "disconnected 0.0.0.0", "disconnected 0.0.0.0"];
    for (const [espruino, then] of [
      ["2v29", "disconnected 0.0.0.0"], // nobody calls back
      ["newest", "error no ap found"],
    ] as const) {
      const rig = await bootSmall(source, { espruino });
      await rig.printed(2);
      rig.device.wifi.setUp(false);
      assert.deepEqual((await rig.printed(5)).slice(0, 5), [...begin, then]);
    }
  });

  it("says which module there is not", async () => {
    const rig = await bootSmall(`try { require("http"); } catch (error) { print(error.message); }`);
    assert.deepEqual(rig.lines, ['Module "http" not found']);
  });

  it("is silent after it was disposed of", async () => {
    const rig = await bootSmall("setInterval(function () { print('tick'); }, 5);");
    await rig.printed(1);
    rig.device.dispose();
    const before = rig.lines.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(rig.lines.length, before);
  });
});
