// `npm run -s encode` and `npm run -s candump`, as a person calls them.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseLine } from "../../tools/can/candump";
import { candumpLine } from "../../tools/candump";
import { encodeLine } from "../../tools/encode";
import { canVectors } from "../fixtures/bytes";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tool = (
  name: string,
  input: string,
  args: string[] = [],
): { status: number | null; out: string[]; err: string[] } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", `tools/${name}.ts`, ...args], {
    cwd: root,
    input,
    encoding: "utf8",
  });
  return { status, out: stdout.split("\n").filter(Boolean), err: stderr.split("\n").filter(Boolean) };
};
const encode = (id_hex: string, inputs: object): string => encodeLine(JSON.stringify({ id_hex, inputs }));

describe("encode", () => {
  it("gives every vector, and - for the frame of the GX", () => {
    const { status, out, err } = tool(
      "encode",
      canVectors.map(({ id_hex, inputs }) => JSON.stringify({ id_hex, inputs })).join("\n") + "\n",
    );
    assert.deepEqual(
      out,
      canVectors.map(({ id_hex: id, data_hex: data }) =>
        id === "0x307" ? "-" : `${id.slice(2).toUpperCase()}#${data}`,
      ),
    );
    assert.deepEqual(
      [status, err.filter((line) => !/(note|chars|all_fields): is no input/.test(line))],
      [
        0,
        [
          "line 27: soc_pct: 100.4 cannot be said, the frame has 100.00 %",
          "line 49: energy_in_Wh: 429496729.8 cannot be said, the frame has 0.2 kWh",
        ],
      ],
      "nothing is told of what is only rounded",
    );
  });

  it("- for what is never sent and for a needed value that is null", () => {
    for (const id of ["0x305", "0x307", "0x359", "0x35C", "0x123"]) assert.equal(encode(id, { text: "x" }), "-", id);
    assert.equal(encode("0x351", { cvl_V: 55.2, ccl_A: null, dcl_A: 1, discharge_voltage_V: 1 }), "-");
    for (const cvl_V of [0, 0.05, -3])
      assert.equal(encode("0x351", { cvl_V, ccl_A: 1, dcl_A: 1, discharge_voltage_V: 1 }), "-", "CVL is never 0");
    for (const id of ["0x351", "0x355", "0x356", "0x35E", "0x378", "0x379", "0x382"])
      assert.equal(encode(id, {}), "-", id);
    assert.equal(encode("0x356", { voltage_V: 50, current_A: 1, temperature_C: null }), "-");
    assert.equal(encode("0x355", { soc_pct: null, soh_pct: 100 }), "-");
    assert.equal(encode("0x373", { min_mV: null, max_mV: 3300, tmin_C: 1, tmax_C: 1 }), "-");
    for (const [id, inputs] of [
      ["0x374", { text: null }],
      ["0x380", { text: null }],
      ["0x378", { energy_in_Wh: null, energy_out_Wh: 1 }],
      ["0x379", { capacity_Ah: null }],
    ] as const) {
      assert.equal(encode(id, inputs), "-", id);
    }
  });

  it("takes the natural forms of a value", () => {
    assert.equal(encode("0x373", { min_mV: 3400, max_mV: 3485 }), "373#480D9D0D", "DLC 4 without temperatures");
    assert.equal(
      encode("0x355", { soc_pct: 50, soh_pct: null, soc_hires_pct: 50.35 }),
      "355#32006400AB130000",
      "SoH unknown: 100",
    );
    assert.equal(
      encode("0x355", { soc_pct: 49.499999, soh_pct: 100 }),
      "355#3100640056130000",
      "the nearest, of the finest SoC too",
    );
    assert.equal(encode("35f", { model: 258, firmware: "1.7", online_capacity_Ah: 279.9 }), "35F#0201010717010000");
    assert.equal(encode("0x379", { reg306_raw: 28000 }), "379#1801000000000000");
    assert.equal(encode("0x376", { text: "INT" }), "376#494E540000000000");
    assert.equal(encode("0x377", { sensor: 2 }), "377#5432000000000000");
    assert.equal(encode("0x374", { cell: 16 }), "374#4331360000000000");
    assert.equal(encode("0x375", { text: "M1-C7" }), "375#4D312D4337000000");
    assert.equal(encode("0x382", { text: "LFP16S" }), encode("0x382", { chemistry: "lfp", cells: 16 }));
    assert.equal(encode("0x381", { text: "SN1234" }), "381#0000000000000000");
    assert.equal(
      encode("0x35A", { alarms: ["low_voltage"], warnings: ["low_voltage"] }),
      "35A#98AA8A0298AA8202",
      "the firmware's support",
    );
    assert.equal(
      encode("0x351", { cvl_V: 46.199999999999996, ccl_A: 9999, dcl_A: -1, discharge_voltage_V: 0 }),
      "351#CE01FF7F00000000",
    );
  });

  it("refuses what is nearly right", () => {
    for (const firmware of [1.7, "1.", "1", "256.0", "x"])
      assert.throws(() => encode("0x35F", { model: 1, firmware, online_capacity_Ah: 1 }), /^Error: firmware: must be/);
    for (const word of ["0x1xyz", 1.5, -1, 65536])
      assert.throws(() => encode("0x380", { regs504_507: [word, 2, 3, 4] }), /^Error: regs504_507: .* is no word/);
    assert.throws(() => encode("0x35A", { system_status_bits: 1.5 }), /^Error: system_status_bits: must be 0 to 3/);
    assert.throws(() => encode("0x35E", { manufacturer: "X" }), /^Error: inputs: needs text$/);
  });

  it("names line, field and reason of a bad line, and goes on", () => {
    const lines = [
      "{",
      '{"id_hex":"0x351"}',
      '{"id_hex":"zz","inputs":{}}',
      '{"id_hex":"0x356","inputs":{"voltage_V":"x","current_A":1,"temperature_C":1}}',
      '{"id_hex":"0x351","inputs":{"cvl":1}}',
      '{"id_hex":"0x351","inputs":{"CVL":1}}',
      '{"id_hex":"0x35A","inputs":{"alarms":["fire"]}}',
      '{"id_hex":"0x35E","inputs":{"text":"A"}}',
    ];
    const { status, out, err } = tool("encode", lines.join("\n"));
    assert.equal(status, 1);
    const faults = err.map((line) => JSON.stringify({ error: line.replace(/^line \d: /, "") }));
    assert.deepEqual(
      out,
      [...faults.slice(0, 4), "-", ...faults.slice(4), "35E#4100000000000000"],
      "one line for each, so that they pair",
    );
    assert.deepEqual(
      err.map((line) => line.slice(0, 34)),
      [
        "line 1: is not JSON",
        "line 2: inputs: must be an object",
        "line 3: id_hex: must be an 11-bit i",
        "line 4: voltage_V: must be a numbe",
        "line 6: inputs: needs cvl_V, cvl, ",
        "line 7: alarms: there is no field ",
      ].map((line) => line.slice(0, 34)),
    );
  });
});

describe("encode tells", () => {
  const told = (id_hex: string, inputs: object): string[] => {
    const notes: string[] = [];
    encodeLine(JSON.stringify({ id_hex, inputs }), (note) => notes.push(note));
    return notes;
  };

  it("what a frame cannot say", () => {
    const limits = { cvl_V: 99999, ccl_A: 135, dcl_A: -1, discharge_voltage_V: 46.4 };
    assert.deepEqual(told("0x351", limits), [
      "cvl_V: 99999 cannot be said, the frame has 6553.5 V",
      "dcl_A: -1 cannot be said, the frame has 0.0 A",
    ]);
    assert.deepEqual(told("0x355", { soc_pct: 120, soh_pct: 100, soc_hires_pct: 50.35 }), [
      "soc_pct: 120 cannot be said, the frame has 100 %",
    ]);
  });

  it("names that mean nothing in the frame, and each name once where none is right", () => {
    assert.deepEqual(told("0x356", { voltage_V: 50, current_A: 1, temperature_C: 20, temprature_C: 1 }), [
      "temprature_C: is no input of this frame and has no effect",
    ]);
    assert.deepEqual(told("0x356", { volt_V: 50, current_A: 1, temperature_C: 20 }), [
      "volt_V: is no input of this frame and has no effect",
    ]);
    assert.deepEqual(told("0x35A", { alarms: ["low_voltage"], supported_alarms: ["low_voltage"] }), []);
    for (const id of ["0x355", "0x374"])
      assert.throws(
        () => encode(id, { none: 1 }),
        ({ message }: Error) => {
          const names = message.replace("inputs: needs ", "").split(", ");
          return new Set(names).size === names.length;
        },
      );
  });

  it("its inputs with their units, on --help", () => {
    const { out } = tool("encode", "", ["--help"]);
    for (const wanted of [
      /cvl_V or cvl .*\(V\)/,
      /energy_in_Wh \[Wh\].*\(kWh\)/,
      /min_V \[V\].*\(mV\)/,
      /alarms, warnings: .*low_voltage/,
    ])
      assert.match(out.join("\n"), wanted);
  });
});

describe("a reader that goes", () => {
  const lines: [name: string, args: string[], line: string][] = [
    ["candump", ["-"], "(1700000000.250000) can0 351#280246050807D001"],
    ["encode", [], '{"id_hex":"0x374","inputs":{"cell":16}}'],
    ["whatif", [], '{"cells":[3.3,3.3,3.3,3.3]}'],
    ["decode/main", ["--stdin"], '{"request":"AA147F1F","reply":"AA14B81E5F42D575"}'],
  ];
  for (const [name, args, line] of lines) {
    it(`ends ${name} without a word, as \`| head\` does`, async () => {
      const child = spawn(process.execPath, ["--import", "tsx", `tools/${name}.ts`, ...args], { cwd: root });
      let err = "";
      child.stderr.on("data", (text) => (err += text));
      child.stdin.on("error", () => undefined); // it ends before all is written
      const ended = new Promise((resolve) => child.on("close", resolve));
      await new Promise((resolve) => {
        child.stdout.once("data", resolve);
        child.stdin.write((line + "\n").repeat(10));
      });
      child.stdout.destroy();
      const more = setInterval(() => child.stdin.write((line + "\n").repeat(1000)), 5);
      const status = await ended;
      clearInterval(more);
      assert.deepEqual([status, err], [0, ""]);
    });
  }
});

describe("candump", () => {
  it("reads both forms, with and without a time", () => {
    const limits = "351 Limits: CVL 55.2 V, CCL 135.0 A, DCL 180.0 A, Discharge voltage 46.4 V";
    assert.equal(candumpLine("(1700000000.250000) can0 351#280246050807D001"), `(1700000000.250000) can0 ${limits}`);
    assert.equal(candumpLine("  can0  351   [8]  28 02 46 05 08 07 D0 01"), `can0 ${limits}`);
    assert.equal(
      candumpLine(" (012.345678)  can0  351   [8]  28 02 46 05 08 07 D0 01   '(.F.....'"),
      `(12.345678) can0 ${limits}`,
    );
    assert.equal(candumpLine(" can0  305   [0]"), "can0 305 GX keepalive: ");
    assert.equal(candumpLine(" can0  00000351   [1]  01"), "can0 00000351 extended frame: 01");
    assert.equal(candumpLine(" can0  351   [8]  remote request"), "can0 351 remote request");
    assert.equal(candumpLine(" can0  RX - -  351   [8]  28 02 46 05 08 07 D0 01"), `can0 ${limits}`);
    assert.equal(
      candumpLine(" (2026-11-21 10:11:12.500000)  can0  TX B E  351   [8]  28 02 46 05 08 07 D0 01"),
      `(${(new Date(2026, 10, 21, 10, 11, 12, 500).getTime() / 1000).toFixed(6)}) can0 ${limits}`,
    );
    assert.match(
      candumpLine(" can0  373   [8]  00 00 FF FF 12 01 13 01")!,
      /Lowest cell unsupported, Highest cell unsupported, Coldest sensor 274 K/,
    );
    assert.equal(candumpLine("# comment"), null);
    for (const bad of ["can0 351 [8] 28 02", "nonsense", "can0 351 [2] 28 02 03", "(1.5) can0 351#2"])
      assert.throws(() => candumpLine(bad), /is no frame/, bad);
    assert.equal(parseLine(" can0 351 [1] 01")!.seconds, null);
  });

  it("names error frames by their class, in both forms", () => {
    const plain = " can0  20000040   [8]  00 00 00 00 00 00 00 00   ERRORFRAME";
    assert.equal(candumpLine(plain), "can0 20000040 error frame: bus off");
    assert.equal(
      candumpLine("(1.000000) can0 20000204#0010000000008000"),
      "(1.000000) can0 20000204 error frame: controller (error passive by receive errors), " +
        "error counters (transmit 128, receive 0)",
    );
    assert.match(
      candumpLine("(1.000000) can0 2000000A#050004190000")!,
      /lost arbitration \(at bit 5\), protocol violation \(bit stuffing\)/,
    );
    assert.equal(candumpLine("\tbus-off"), null, "what candump -e prints below it");
    assert.deepEqual(JSON.parse(candumpLine(plain, { json: true })!).errors, ["bus off"]);
    assert.throws(() => candumpLine("(1.000000) can0 40000040#00"), /is no frame/);
  });

  it("as JSON too", () => {
    const { fields, id, seconds } = JSON.parse(candumpLine("(12.000000) can0 355#5900640000000000", { json: true })!);
    assert.deepEqual([id, seconds, fields[0]], ["355", 12, { label: "SoC", value: 89, unit: "%", raw: 89 }]);
  });

  it("ends with 1 and the line of what it cannot read, or the file that is not there", () => {
    const { status, out, err } = tool("candump", "can0 305 [0]\nbad\ncan0 123 [1] AB\n", ["-"]);
    assert.deepEqual(
      [status, out, err],
      [1, ["can0 305 GX keepalive: ", "can0 123 unknown frame: AB"], ["- line 2: is no frame: bad"]],
    );
    const none = tool("candump", "", ["none.log"]);
    assert.deepEqual([none.status, none.err], [1, ["none.log: there is no such file"]]);
  });
});
