// One exchange with a TinyBMS from a host: retries, wake-up, replies that come twice or late, and what is said when
// nothing comes.
import assert from "node:assert/strict";
import { askFor, readBounds } from "../../firmware/bms/requests.cold";
import { ask, linkOf, talk } from "../../tools/tinybms/link";
import { openPort, serialFailure, tcpFailure, type Port } from "../../tools/tinybms/port";
import { framed, wordBytes } from "../fixtures/bytes";

/** A port on which `answer` says what comes for the n-th request (from 1), as pieces with their delay in ms. */
function fakePort(
  answer: (count: number, request: string) => [number, string][],
): Port & { sent: { at: number; bytes: string }[]; end(reason: string): void } {
  let hear: (bytes: string) => void = () => undefined,
    end: (reason: string) => void = () => undefined;
  const sent: { at: number; bytes: string }[] = [];
  return {
    where: "fake",
    sent,
    end: (reason) => end(reason),
    write(bytes) {
      sent.push({ at: performance.now(), bytes });
      for (const [delay, piece] of answer(sent.length, bytes)) setTimeout(() => hear(piece), delay);
    },
    onData: (receiver) => {
      hear = receiver;
    },
    onEnd: (ended) => {
      end = ended;
    },
    close: () => Promise.resolve(),
  };
}

const STATUS = askFor(0x18),
  IDLE = framed("\xaa\x18\x97\x00");
const bounds = (option: number): string => framed("\xaa\x1d\x04" + wordBytes([option, option]));

describe("exchange with a BMS", () => {
  it("takes a reply in pieces and tells a witness every byte", async () => {
    const seen: string[] = [],
      port = fakePort(() => [
        [1, "x" + IDLE.slice(0, 3)],
        [8, IDLE.slice(3)],
      ]);
    const reply = await ask(linkOf(port, { witness: (_, direction, bytes) => seen.push(direction + bytes) }), STATUS);
    assert.deepEqual([reply.outcome, reply.payload, reply.bytes, port.sent.length], ["ok", "\x97\x00", "x" + IDLE, 1]);
    assert.deepEqual(
      [
        seen[0],
        seen
          .slice(1)
          .map((line) => line.slice(1))
          .join(""),
      ],
      [">" + STATUS, "x" + IDLE],
    );
  });

  it("wakes a sleeping BMS, which does not answer the first command", async () => {
    for (const deaf of [1, 4]) {
      const port = fakePort((count) => (count > deaf ? [[1, IDLE]] : []));
      assert.equal((await ask(linkOf(port), STATUS)).outcome, "ok");
      assert.equal(port.sent.length, deaf + 1);
      assert.ok(
        port.sent.every(({ bytes }) => bytes === STATUS),
        "the same bytes again",
      );
      assert.ok(port.sent[1].at - port.sent[0].at >= 240, "not at once: the check for traffic comes once a second");
    }
  });

  it("gives up after 2.5 s at the earliest, with what to check", async () => {
    const port = fakePort(() => []),
      began = performance.now();
    await assert.rejects(
      ask(linkOf(port), STATUS),
      /^Error: fake: no answer from the BMS in 2\.5 s, wake-up included; check that TX and RX are crossed/,
    );
    assert.ok(performance.now() - began >= 2500);
    assert.ok(port.sent.length >= 10);
  });

  it("repeats soon while the BMS is awake", async () => {
    const port = fakePort((count) => (count === 2 ? [] : [[1, IDLE]])),
      link = linkOf(port);
    await ask(link, STATUS);
    await ask(link, STATUS);
    assert.equal(port.sent.length, 3);
    assert.ok(port.sent[2].at - port.sent[1].at < 200);
  });

  it("repeats after a damaged reply, not for ever, and says that something answers", async () => {
    const once = fakePort((count) => [[1, count === 1 ? IDLE.slice(0, -1) + "x" : IDLE]]);
    assert.equal((await ask(linkOf(once), STATUS)).outcome, "ok");
    const always = fakePort(() => [[1, IDLE.slice(0, -1) + "x"]]);
    await assert.rejects(ask(linkOf(always), STATUS), /something answers, but not as a TinyBMS \(crc_mismatch\)/);
    assert.equal(always.sent.length, 5);
  });

  it("takes a refusal at once, a refusal for a wrong CRC not", async () => {
    const port = fakePort(() => [[1, framed("\xaa\x00\x18\x00")]]);
    await assert.rejects(ask(linkOf(port), STATUS), /the BMS refuses the command \(CMD ERROR\)/);
    assert.equal(port.sent.length, 1);
    const damaged = fakePort((count) => [[1, count === 1 ? framed("\xaa\x00\x58\x01") : IDLE]]);
    assert.equal((await ask(linkOf(damaged), STATUS)).outcome, "ok");
  });

  it("does not take a second copy of a reply for the next one", async () => {
    const twice = fakePort((_, request) => [
        [1, bounds(request.charCodeAt(2))],
        [3, bounds(request.charCodeAt(2))],
      ]),
      link = linkOf(twice);
    for (const option of [1, 2, 3])
      assert.equal((await ask(link, readBounds(option, 2))).payload.charCodeAt(0), option);
  });

  it("does not take late replies to earlier copies for the next one", async () => {
    const late = fakePort((_, request) => [[400, bounds(request.charCodeAt(2))]]),
      link = linkOf(late);
    for (const option of [1, 2]) assert.equal((await ask(link, readBounds(option, 2))).payload.charCodeAt(0), option);
  });

  it("ends at once when the line is lost", async () => {
    const port = fakePort(() => []),
      link = linkOf(port);
    setTimeout(() => port.end("fake: gone"), 20);
    await assert.rejects(talk(link, STATUS), /^Error: fake: gone$/);
    assert.ok(port.sent.length < 5, `${port.sent.length} tries, one each quarter of a second`);
    await assert.rejects(talk(link, STATUS), /gone/);
  });
});

describe("what is said when a port cannot be opened", () => {
  it("names the reason and the remedy", () => {
    const said = (text: string): string => serialFailure("/dev/ttyUSB9", text);
    assert.match(
      said("Error: No such file or directory, cannot open /dev/ttyUSB9"),
      /^\/dev\/ttyUSB9: there is no such port/,
    );
    assert.match(
      said("Error: Permission denied, cannot open /dev/ttyUSB9"),
      /no permission; add your user to the group dialout \(sudo usermod -aG dialout/,
    );
    assert.match(said("Error Resource temporarily unavailable Cannot lock port"), /busy/);
    assert.match(said("Error: Device or resource busy, cannot open"), /busy/);
    assert.match(tcpFailure("tcp://a:1", "ECONNREFUSED"), /^tcp:\/\/a:1: connection refused/);
    assert.match(tcpFailure("tcp://a:1", "ENOTFOUND"), /no host of this name/);
    assert.match(tcpFailure("tcp://a:1", "ETIMEDOUT"), /does not answer/);
  });

  it("refuses what is no address", async () => {
    for (const where of ["tcp://", "tcp://host", "tcp://host:", "tcp://host:99999", "tcp://:4001"]) {
      await assert.rejects(openPort(where), /must be tcp:\/\/HOST:PORT/);
    }
  });
});
