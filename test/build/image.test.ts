// The built image: one for each board, the same from the command line and from code, and refused when something is
// wrong.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { boardNames, root } from "../../tools/build/board";
import { checkImage } from "../../tools/build/check-image";
import { farPlaces } from "../../tools/build/far";
import { buildImage } from "../../tools/build/image";
import { imageKey } from "../../tools/build/kept";
import { TEXT_START, WATCHDOG } from "../../tools/build/options";
import { COLD_BYTES, oversize } from "../../tools/build/sizes";
import { builtImage } from "../fixtures/image";
import { buildProject } from "./project";

/** What an image prints when node runs it. */
function printed(code: string): unknown[] {
  const lines: unknown[] = [];
  runInNewContext(code, { print: (line: unknown) => lines.push(line) });
  return lines;
}

describe("the image", () => {
  for (const board of boardNames()) {
    it(`is built for ${board}`, async () => {
      const { code, bytes, functions } = await builtImage(board);
      assert.equal(bytes, Buffer.byteLength(code, "latin1"));
      assert.deepEqual(
        checkImage(code.replace("eval(_txt", "String(_txt")),
        [],
        "but for the one eval that makes cold functions",
      );
      assert.ok(code.includes(board), "the board's name");
      const text = readFileSync(root + "firmware/image.text", "latin1");
      assert.ok(code.startsWith(WATCHDOG + TEXT_START + text), "the watchdog before all else, then the text");
      assert.equal(code.includes("stopAP"), board !== "esp32-emulator", "one board of tests leaves an access point on");
      assert.ok(
        functions.some(({ name, cold }) => name === "updatePhase" && cold),
        "cold functions under their own names",
      );
      const places = farPlaces(code).sort((one, other) => one.at - other.at),
        ends = places.map(({ at, length }) => at + length + 1);
      assert.deepEqual(
        [...places.map(({ at }) => at), code.indexOf("*/\n")],
        [WATCHDOG.length + TEXT_START.length + text.length, ...ends],
        "each stands in the comment at the head, one behind the other, and nothing else",
      );
      assert.equal(functions.filter(({ cold }) => cold).length, places.length);
      assert.deepEqual(oversize(functions), []);
    });
  }

  it("comes out of `rollup -c` the same, where IMAGE says, with its source map", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tinybms-image-"));
    try {
      const rollup = join(root, "node_modules/rollup/dist/bin/rollup");
      const image = join(folder, "image.js");
      const run = spawnSync(process.execPath, [rollup, "-c"], {
        cwd: root,
        env: { ...process.env, BOARD: "host", IMAGE: image },
        encoding: "utf8",
      });
      assert.equal(run.status, 0, run.stderr);
      assert.equal(readFileSync(image, "latin1"), (await builtImage("host")).code);
      assert.ok(JSON.parse(readFileSync(image + ".map", "utf8")).sources.length > 10);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is kept for the next who asks, until a source changes", async () => {
    const first = await buildImage({ board: "host" });
    let builds = 0;
    assert.deepEqual(await buildImage({ board: "host" }, () => builds++), first);
    assert.equal(builds, 0);
    assert.notEqual(imageKey({ board: "host" }), imageKey({ board: "esp32-devkit" }));
  });

  it("is refused with a syntax error, by file and line", async () => {
    await assert.rejects(buildProject({ "main.ts": "print(1);\nprint(;\n" }), /main\.ts:2: Unexpected/);
  });

  it("names the boards when there is none of that name", async () => {
    await assert.rejects(buildImage({ board: "esp99" }), /unknown board "esp99"; BOARD may be .*esp32-devkit.*host/);
    await assert.rejects(buildImage({ board: "board" }), /unknown board "board"/);
  });

  it("keeps the meaning of the sources", async () => {
    const { code } = await buildProject({
      "main.ts":
        'import { twice } from "./twice";\nimport { name } from "board";\nlet sum = 0;\nfor (const value of [1, 2, 3]) {\n  if (value === 2) continue;\n' +
        "  sum += twice(value);\n}\nprint(sum);\nprint(`${sum}\\xe9`);\nprint(name);\n",
      "twice.ts": "export function twice(value: number): number {\n  return value * 2;\n}\n",
    });
    assert.deepEqual(printed(code), [8, "8\xe9", "esp32-devkit"]);
    assert.match(code, /^[\n -~]*$/);
  });

  it("puts functions before their use, which the device does not do by itself", async () => {
    const { code } = await buildProject({
      "main.ts": "for (let i = 0; i < 2; i++) late(i);\nfunction late(x: number): void {\n  print(x);\n}\nlate(7);\n",
    });
    assert.deepEqual(printed(code), [0, 1, 7]);
    assert.ok(code.indexOf("print(") < code.indexOf("for("), code);
  });

  it("shortens property names, but those in quotes and the device's own", async () => {
    const main =
      'const state = { counted: 1, "published": 2, length: 3 };\nfor (const x of [1, 2]) state.counted += x;\nprint(JSON.stringify(state));\n';
    const { code } = await buildProject({ "main.ts": main });
    assert.match(printed(code)[0] as string, /^\{"\w{1,2}":4,"published":2,"length":3\}$/);
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ["a builtin that the device lacks", { "main.ts": "print(new Map());\n" }, /Map does not exist on the device/],
    ["node", { "main.ts": "print(Buffer.from([1]));\n" }, /Buffer does not exist on the device/],
    [
      "an import cycle",
      {
        "main.ts": 'import { a } from "./a";\nprint(a());\n',
        "a.ts": 'import { b } from "./b";\nexport function a(): number { return b() + 1; }\n',
        "b.ts": 'import { a } from "./a";\nexport function b(): number { return typeof a === "function" ? 1 : 0; }\n',
      },
      /[Cc]ircular dependency/,
    ],
    [
      "a module that is not there",
      { "main.ts": 'import { a } from "./a";\nprint(a());\n' },
      /Could not resolve ".\/a"/,
    ],
    [
      "a construct of the list",
      { "main.ts": "function f(x = 1): number { return x; }\nprint(f(), f(2));\n" },
      /cannot run on the device[^]*default values/,
    ],
    [
      "a cold module that is none",
      {
        "main.ts": 'import { state } from "./a.cold";\nprint(state);\n',
        "a.cold.ts": "export const state = { x: 1 };\n",
      },
      /a\.cold\.ts: exports state, which is not a function/,
    ],
  ];
  for (const [name, files, reason] of wrong) {
    it(`is refused with ${name}`, async () => {
      await assert.rejects(buildProject(files), reason);
    });
  }

  it("is refused when a cold function is too long", async () => {
    const text = Array.from({ length: COLD_BYTES / 16 }, (_, i) => `  print("line ${i} of it");\n`).join("");
    const files = (name: string): Record<string, string> => ({
      "main.ts": `import { long } from "./${name}";\nlong();\nlong();\n`,
      [name + ".ts"]: `export function long(): void {\n${text}}\n`,
    });
    await assert.rejects(buildProject(files("a.cold")), ({ message }: Error) =>
      /^ {2}\S*a\.cold\.ts: long has \d+ bytes; a cold function may have 3700: move a part of it into .*$/m.test(
        message,
      ),
    );
    assert.ok((await buildProject(files("a"))).bytes > COLD_BYTES);
  });
});
