// One exchange as an object and the decode tool: every vector, what no vector shows, and every way in which the input
// is bad.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fc from "fast-check";
import { readBlock, readEach } from "../../firmware/bms/requests.cold";
import { root } from "../../tools/build/board";
import { decode, decodeLine } from "../../tools/decode/main";
import { answer } from "../../tools/simulator/codec";
import { exchangeOf, requestFault } from "../../tools/tinybms/exchange";
import { hexFault, hexOf } from "../../tools/tinybms/hex";
import { rows, valuesOf } from "../../tools/tinybms/values";
import { bmsVectors, bytes, framed, wordBytes } from "../fixtures/bytes";
import { rawUnit } from "../simulator/bench";

/** What a vector says beyond the answer itself. */
const COMMENTS = ["advice", "tolerantDecoder", "addresses"];
const known = bmsVectors.filter(({ sequence, decoded }) => !sequence && decoded.outcome !== "requestOnly");
const ask = (body: string, reply: string): ReturnType<typeof exchangeOf> =>
  exchangeOf(framed("\xaa" + body), reply && framed("\xaa" + reply));

/** Checks that `found` says all that the vector says; values may say more. */
function agrees(found: Record<string, unknown>, decoded: Record<string, unknown>, name: string): void {
  for (const [key, value] of Object.entries(decoded)) {
    if (COMMENTS.includes(key)) continue;
    const mine = found[key] as Record<string, unknown>;
    if (key !== "values") assert.deepEqual(mine, value, `${name}: ${key}`);
    else
      for (const [one, expected] of Object.entries(value as object))
        assert.deepEqual(mine[one], expected, `${name}: ${one}`);
  }
}

/** Runs the tool as a person does. */
async function run(args: string[], input = ""): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "tools/decode/main.ts", ...args], { cwd: root });
  let out = "",
    err = "";
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (err += data));
  child.stdin.end(input);
  const code = await new Promise<number | null>((done) => child.on("close", done));
  return { code, out, err };
}

describe("an exchange as an object", () => {
  for (const vector of known) {
    it(vector.name, () => {
      const found = decode(vector.request_hex, vector.response_hex);
      agrees(found as unknown as Record<string, unknown>, vector.decoded, vector.name);
      assert.equal(
        found.discardedBytes,
        vector.decoded.discardedBytes ?? (vector.decoded.outcome === "unsupported" ? found.discardedBytes : 0),
      );
      assert.equal(found.warning, undefined);
    });
  }

  it("no reply is a timeout, to any request", () => {
    for (const vector of bmsVectors)
      agrees(
        { ...decode(vector.request_hex, "") },
        { outcome: "error", error: "timeout", registers: {}, values: {}, discardedBytes: 0 },
        vector.name,
      );
  });

  it("0x1C: cells in the order of the reply; fewer than 16 are the last registers", () => {
    const all = ask("\x1c", "\x1c\x20" + wordBytes(Array.from({ length: 16 }, (_, i) => 33000 + i))),
      four = ask("\x1c", "\x1c\x08" + wordBytes([33000, 33001, 33002, 33003]));
    assert.deepEqual(
      [Object.keys(all.registers).length, all.registers[0], all.values.cell_16_voltage],
      [16, 33000, 3301.5],
    );
    assert.deepEqual(
      [four.registers, four.cells],
      [{ 12: 33000, 13: 33001, 14: 33002, 15: 33003 }, [3300, 3300.1, 3300.2, 3300.3]],
    );
    assert.deepEqual(four.values, {
      cell_13_voltage: 3300,
      cell_14_voltage: 3300.1,
      cell_15_voltage: 3300.2,
      cell_16_voltage: 3300.3,
    });
  });

  it("0x1B without sensors, 0x1E, 0x20 beyond 16 bits", () => {
    assert.deepEqual(ask("\x1b", "\x1b\x06\xf6\xff\x00\x80\x00\x80").values, {
      external_temp_1: null,
      external_temp_2: null,
      internal_temp: -1,
    });
    assert.equal(ask("\x1b", "\x1b\x06\x00\x80\x00\x80\x00\x80").values.internal_temp, null);
    assert.deepEqual(ask("\x1e", "\x1e\x05\x02\x01\x03\xfe\x00").values, {
      hardware_version: 2,
      hardware_changes_version: 1,
      firmware_public_version: 3,
      firmware_internal_version: 254,
    });
    assert.deepEqual(ask("\x20", "\x20\x00\x00\xc0\x7f\x01\x00\x01\x00\xff\xff\xff\xff").values, {
      speed: null,
      distance_left: 65537,
      estimated_time_left: 4294967295,
    });
  });

  it("0x1D: limits are no values of the settings, present ones are", () => {
    const of = (option: string): ReturnType<typeof ask> =>
      ask(`\x1d${option}\x00\x02`, "\x1d\x04" + wordBytes([3650, 2800]));
    assert.deepEqual(
      [of("\x01").registers, of("\x01").values, of("\x04").values],
      [{ 300: 3650, 301: 2800 }, {}, { fully_charged_voltage: 3650, fully_discharged_voltage: 2800 }],
    );
  });

  it("events: as they came, and sorted with the whole time and names", () => {
    const found = ask(
      "\x12",
      "\x12\x10\x05\x00\x00\x02" + "\x04\x00\x00\x7b" + "\x06\x00\x00\x02" + "\x05\x00\x00\x08",
    );
    assert.deepEqual(
      [found.bmsTime, found.events],
      [
        0x2000005,
        [
          { timestamp: 4, id: 123 },
          { timestamp: 6, id: 2 },
          { timestamp: 5, id: 8 },
        ],
      ],
    );
    assert.deepEqual(found.log, [
      { time: 0x1000006, id: 2, severity: "fault", name: "under_voltage_cutoff" },
      { time: 0x2000004, id: 123, severity: "info", name: "recovered_under_voltage_fault" },
      { time: 0x2000005, id: 8, severity: "fault", name: "event_8" },
    ]);
  });

  it("what was refused was not written; an unknown reason keeps its number", () => {
    const found = ask("\x0d\x04\x48\x01\x40\x9c", "\x00\x0d\x05");
    assert.deepEqual(
      [found.outcome, found.errorCode, found.error, found.written, found.values],
      ["nack", 5, "unknown_error", undefined, {}],
    );
  });

  it("a request with a wrong CRC is told, and its refusal decoded", () => {
    const found = decode("AA 14 7F 1E", hexOf(framed("\xaa\x00\x14\x01")));
    assert.deepEqual([found.outcome, found.error, found.warning], ["nack", "crc_error", "the request has a wrong CRC"]);
  });

  it("requests of the right length pass, cut or longer ones do not", () => {
    for (const vector of bmsVectors) {
      const request = bytes(vector.request_hex);
      assert.equal(requestFault(request), "", vector.name);
      for (let end = 0; end < request.length - 2; end++)
        assert.notEqual(requestFault(request.slice(0, end)), "", `${vector.name} ${end}`);
      assert.notEqual(requestFault(request + "\0"), "", vector.name);
    }
  });

  it("never throws but for a reason, whatever it is given", () => {
    const any = fc.string({ unit: "binary" }),
      hex = fc.uint8Array().map((list) => Buffer.from(list).toString("hex"));
    fc.assert(
      fc.property(
        fc.oneof(any, hex, fc.constant("AA 14 7F 1F"), fc.constant("AA 12 FF 1D")),
        fc.oneof(any, hex),
        (request, reply) => {
          const found = decodeLine(JSON.stringify({ request, reply }));
          assert.ok("outcome" in found || found.error.length > 10);
        },
      ),
    );
    fc.assert(fc.property(any, (line) => assert.ok("error" in decodeLine(line))));
  });
});

describe("every register through the simulator", () => {
  const byteString = (frame: Uint8Array): string => Buffer.from(frame).toString("latin1");
  for (const row of rows) {
    it(`${row.key}: any words, by 0x03, 0x07 and 0x09`, () => {
      const count = row.words ?? 1,
        addresses = Array.from({ length: count }, (_, i) => row.at + i);
      fc.assert(
        fc.property(fc.array(fc.nat(0xffff), { minLength: count, maxLength: count }), (words) => {
          const registers = Object.fromEntries(addresses.map((address, i) => [address, words[i]])),
            unit = rawUnit(registers);
          for (const request of [readBlock(3, row.at, count), readBlock(7, row.at, count), readEach(addresses)]) {
            const found = exchangeOf(
              request,
              byteString(answer(unit, { command: request.charCodeAt(1), frame: Buffer.from(request, "latin1") })),
            );
            assert.deepEqual([found.outcome, found.registers, found.values], ["ok", registers, valuesOf(registers)]);
            assert.ok(Object.keys(found.values).length > 0);
          }
        }),
        { numRuns: 20 },
      );
    });
  }
});

describe("hex", () => {
  it("may have blanks between bytes", () => {
    assert.deepEqual(["", "AA", "aa14 7F1f", " AA  14\t7f\n"].map(hexFault), ["", "", "", ""]);
    assert.deepEqual(decode("aa147f1f", "aa14b81e5f42d575").values, { pack_voltage: 55.78 });
  });
  it("says what is wrong with it", () => {
    assert.match(hexFault("AA 1G"), /"G" at character 5/);
    assert.match(hexFault("AA 1"), /"1" has an odd number/);
    assert.match(hexFault("0xAA"), /"x" at character 2/);
    assert.match(hexFault("A".repeat(31)), /"A{12}\.\.\." has an odd/);
  });
});

describe("npm run decode", () => {
  it("--stdin: a result a line, in order; status 0", async () => {
    const { code, out, err } = await run(
      ["--stdin"],
      known.map((vector) => JSON.stringify({ request: vector.request_hex, reply: vector.response_hex })).join("\r\n") +
        "\n\n",
    );
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.length, known.length);
    known.forEach((vector, i) => agrees(lines[i], vector.decoded, vector.name));
    assert.deepEqual([code, err], [0, ""]);
  });

  it("--stdin: bad lines say why, the others go on; status 1", async () => {
    const given = [
      '{"request":"AA 14 7F 1F","reply":""}',
      "x",
      "[]",
      "7",
      '{"request":"AA 14 7F 1F"}',
      '{"request":1,"reply":""}',
      '{"request":"AA","reply":""}',
      '{"request":"","reply":""}',
      '{"request":"BB 14","reply":""}',
      '{"request":"AA 13 00 00","reply":""}',
      '{"request":"AA 14 7F 1F","reply":"A"}',
      '{"request":"AA147F1F","reply":"AA14B81E5F42D575"}',
    ];
    const { code, out } = await run(["--stdin"], given.join("\n"));
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { outcome?: string; error?: string });
    const reasons = [
      /^timeout$/,
      /not JSON/,
      /must be/,
      /must be/,
      /reply: is missing/,
      /request: must be a text/,
      /request: breaks off/,
      /request: is empty/,
      /does not begin with AA/,
      /unknown command, 0x13/,
      /reply: "A" has an odd number/,
    ];
    reasons.forEach((reason, i) => assert.match(lines[i].error ?? "", reason));
    assert.deepEqual([lines.length, lines[0].outcome, lines.at(-1)?.outcome, code], [12, "error", "ok", 1]);
  });

  for (const [args, reason] of [
    [["AA 14 7F 1F", "AA 14 G"], /^decode: reply: "G" .*\n$/],
    [["AA 14 7F 1F"], /^decode: reply: is missing.*\n$/],
    [[], /^decode: give a request.*\n$/],
    [["AA 14", "", "--stdin"], /^decode: give either.*\n$/],
  ] as [string[], RegExp][]) {
    it(`${args.join(" | ") || "nothing"}: one line of reason, status 1`, async () => {
      const { code, out, err } = await run(args);
      assert.match(err, reason);
      assert.deepEqual([code, out], [1, ""]);
    });
  }

  it("one exchange on the command line", async () => {
    const { code, out } = await run(["AA 14 7F 1F", "AA 55 AA AA 14 B8 1E 5F 42 D5 75"]);
    assert.deepEqual(
      [code, JSON.parse(out)],
      [
        0,
        {
          outcome: "ok",
          cmd: "0x14",
          registers: { 36: 7864, 37: 16991 },
          values: { pack_voltage: 55.78 },
          discardedBytes: 3,
        },
      ],
    );
  });
});
