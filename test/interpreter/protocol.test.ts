// The protocol's cold functions as the build makes them, in the interpreter: each path gives there what it gives in
// node.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { root } from "../../tools/build/board";
import type { Image } from "../../tools/build/image";
import { COLD_BYTES } from "../../tools/build/sizes";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { buildProject } from "../build/project";
import { bmsVectors, bytes, framed, hex, toArrayBuffer } from "../fixtures/bytes";

/** Request and stream: all vectors but the longest, noise, cuts, damage, and answers that are none. */
function cases(): [string, string][] {
  const known = bmsVectors
    .filter((vector) => vector.response_hex.length < 450)
    .map((vector) => [bytes(vector.request_hex), bytes(vector.response_hex)]);
  const soc = framed("\xaa\x1a"),
    events = framed("\xaa\x11"),
    each = framed("\xaa\x09\x04\x24\x00\x25\x00"),
    block = framed("\xaa\x10\x01\x2c\x00\x01\x02\x0e\x42");
  const odd = [
    [soc, "\xaa\x55\xaa\xaa\xaa\x1a\x08\xf2" + framed("\xaa\x1a\x08\xf2\xfa\x04")],
    [soc, "\xaa"],
    [soc, "text only"],
    [soc, framed("\xaa\x01\x1a")],
    [soc, framed("\xaa\x00\x5a\x01")],
    [soc, framed("\xaa\x00\x5a\x00")],
    [soc, framed("\xaa\x00\x1a\x05")],
    [events, "\xaa\x11\xc8"],
    [events, "\xaa\x11\xff"],
    [events, framed("\xaa\x11\x06......")],
    [events, framed("\xaa\x11\x08........")],
    [each, framed("\xaa\x09\x08\x24\x00..\x25\x00..")],
    [each, framed("\xaa\x09\x08\x25\x00..\x24\x00..")],
    [each, "\xaa\x09\x41" + framed("\xaa\x09\x04....")],
    [block, framed("\xaa\x10\x01\x2c\x00\x01")],
    [block, framed("\xaa\x10\x01\x2d\x00\x01")],
    [framed("\xaa\x1c"), framed("\xaa\x1c\x04....")],
    [framed("\xaa\x1c"), framed("\xaa\x1c\x05.....")],
    [framed("\xaa\x1e"), framed("\xaa\x1e\x05.....")],
    [framed("\xaa\x1b"), framed("\xaa\x1b\x06......")],
    [framed("\xaa\x20"), framed("\xaa\x20............")],
    [framed("\xaa\x1d\x01\x00\x02"), framed("\xaa\x1d\x04....")],
    [framed("\xaa\x13"), framed("\xaa\x13")],
    [framed("\xaa\x07\x02\x24\x00"), framed("\xaa\x07\x04....") + "\xaa\x07"],
  ];
  return [...known, ...odd] as [string, string][];
}

const text = (value: string): string =>
  JSON.stringify(value)
    .replace(/[\x7f-\xff]/g, (char) => "\\x" + char.charCodeAt(0).toString(16).padStart(2, "0"))
    .replace(/\\u00/g, "\\x");

/** The program: prints one line for each use of a function. */
const program = (): string => `
import { journalOf } from "${root}firmware/battery/journal";
import { eventsAt, eventsInRegisters, eventsOf, eventsTake } from "${root}firmware/bms/events.cold";
import { receive } from "${root}firmware/bms/receive.cold";
import * as r from "${root}firmware/bms/requests.cold";
declare const E: { toArrayBuffer(text: string): ArrayBuffer };
function hexOf(text: string): string {
  let out = "", i = 0;
  for (; i < text.length; i++) out += (text.charCodeAt(i) + 256).toString(16).substr(1);
  return out;
}
function say(value: unknown): void {
  print("~" + JSON.stringify(value));
}
function received(request: string, rx: string, native: boolean): void {
  const found = receive(rx, request, native ? E.toArrayBuffer : null);
  say([found.outcome, found.final, hexOf(found.payload), found.words ? found.words.length : -1, found.words ? found.words[0] : -1, found.error, found.discarded, found.need]);
}
${cases()
  .map(([request, rx], i) => `received(${text(request)}, ${text(rx)}, ${i % 3 !== 0});`)
  .join("\n")}
say([r.askFor(0x11), r.askFor(0x20), r.askFor(0x13), r.askFor(1), r.readBlock(7, 36, 17), r.readBlock(3, 300, 29), r.readBlock(7, 0, 30), r.readBlock(4, 0, 1),
  r.readEach([36, 37, 500]), r.readEach([]), r.readEach([70000]), r.writeBlock(300, [3650, 2800]), r.writeBlock(399, [1, 2]), r.writeBlock(300, [1.5]),
  r.writeEach([328, 306], [40000, 28000]), r.writeEach([1], [1]), r.writeEach([300], []), r.readBounds(1, 29), r.readBounds(1, 30), r.askFor(0x12), r.readBounds(5, 1), r.control(5), r.control(3)].map(hexOf));
const log = ${text(bytes(bmsVectors.find(({ name }) => name === "all_events_49_full_log")!.response_hex).slice(3, -2))};
const journal = journalOf();
function packed(list: { id: number; time: number }[]): Uint32Array {
  return new Uint32Array(list.map(function (event) { return event.id * 0x1000000 + (event.time & 0xffffff); }));
}
function told(list: { id: number; time: number }[], now: number, wall: number, isLog: boolean): void {
  say([eventsTake(journal, packed(list), now, wall, isLog), journal.total, journal.history, journal.from, journal.active, journal.readAt, journal.known.join()]);
}
say(eventsOf(log).map(function (event) { return [event.id, event.time]; }));
say(eventsAt(log));
say(eventsInRegisters(new Uint16Array([5, 0x201, 0, 0, 4, 0x6100, 0]), 0x2000003).map(function (event) { return [event.id, event.time]; }));
say(eventsInRegisters(new Uint16Array([5, 0x201, 4, 0x61ff]), 0xfffffff0).map(function (event) { return [event.id, event.time]; }));
told(eventsOf(log), 2000, 0, true);
told(eventsOf(log), 2001, 0, true);
told(eventsOf(log).slice(-3).concat([{ id: 4, time: 2002 }, { id: 0x31, time: 2002 }, { id: 0x7a, time: 2003 }]), 2003, 1800000000, true);
told([{ id: 0x31, time: 2003 }, { id: 0x73, time: 2003 }, { id: 255, time: 0xffffff }], 2004, 0, false);
told([{ id: 0xaa, time: 2005 }], 2006, 0, false);
told([{ id: 0xaa, time: 2005 }], 2006, 0, false);
told([{ id: 0x61, time: 2005 }, { id: 0x0b, time: 2006 }], 2007, 0, false);
told([{ id: 0xaa, time: 2005 }, { id: 0x0e, time: 2009 }, { id: 0x61, time: 2005 }, { id: 0x0b, time: 2006 }], 2007, 0, true);
told([{ id: 2, time: 9 }], 10, 1800000010, false);
told([{ id: 2, time: 9 }], 10, 1800000010, true);
const reply = new Uint16Array(E.toArrayBuffer("\\x05\\x00\\x00\\x00\\x04\\x00\\x00\\x8b\\x01\\x02"));
say(new Uint32Array(reply.buffer, 4, (reply.length - 3) / 2)[0]);
const whole = new Uint16Array(100);
whole.set([1, 0xff02], 94);
say(new Uint32Array(whole.buffer, 0, 49).indexOf(0xff020001));
say([new Uint16Array([1, 65535, 3]).join(), new Uint16Array([1, 65535, 3]).join() === whole.join()]);
say([journal.ids[5], journal.times[5], journal.walls[5], journal.walls[4], journal.walls[0]]);
print("~end");
`;

describe("the protocol in the interpreter", () => {
  let interpreter: string, image: Image;
  before(async function () {
    const found = findInterpreter();
    if (!found) {
      console.log(NO_INTERPRETER);
      this.skip();
    }
    interpreter = found;
    image = await buildProject({ "main.ts": program() });
  });

  it("its functions are short enough to be read at each call", () => {
    const cold = image.functions.filter((one) => one.cold);
    for (const name of ["receive", "askFor", "writeEach", "eventsOf", "eventsTake"])
      assert.ok(
        cold.some((one) => one.name === name && one.bytes <= COLD_BYTES),
        name,
      );
  });

  it("every command, cuts, noise and damage; requests; events and journal: as in node", async () => {
    const lines: string[] = [],
      directory = temporaryDirectory();
    runInNewContext(image.code, { print: (line: string) => lines.push(line), E: { toArrayBuffer } });
    assert.ok(lines.length > 90 && lines.at(-1) === "~end");
    try {
      writeFileSync(join(directory.path, "script.js"), image.code, "latin1");
      const printed = await runScript({ interpreter }, directory.path, join(directory.path, "script.js"));
      assert.doesNotMatch(printed, /Uncaught|ERROR/);
      assert.deepEqual(
        [...printed.matchAll(/~.*/g)].map(([line]) => line.trim()),
        lines,
      );
    } finally {
      directory.remove();
    }
    assert.ok(lines.some((line) => line.includes(hex(framed("\xaa\x02\x05")))));
  });
});
