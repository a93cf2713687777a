// The order of names in the image: hot ones first, and the program does what it did before.
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { parse } from "acorn";
import { ordered } from "../../tools/build/order";
import { moduleBody } from "../../tools/build/sizes";

const HOTTEST = ["room/can", "room/uart"];

/** Modules as rollup gives them, in the order in which it lays them out, and the image that they make in this order. */
function imageOf(modules: Record<string, string>): string {
  const chunk = {
    modules: Object.fromEntries(Object.entries(modules).map(([id, code]) => [`/firmware/room/${id}`, { code }])),
  };
  return ordered(
    `!function () {\n${Object.values(modules).join("\n")}\n}();\n`,
    chunk as Parameters<typeof ordered>[1],
    HOTTEST,
  ).toString();
}

function printed(code: string): unknown[] {
  const lines: unknown[] = [];
  runInNewContext(code, { print: (line: unknown) => lines.push(line) });
  return lines;
}

/** Names in the order in which the image declares them. */
const declared = (code: string): string[] =>
  moduleBody(parse(code, { ecmaVersion: 2022 })).flatMap(
    (node) => /^(?:function|const|let) (\w+)/.exec(code.slice(node.start, node.end))?.[1] ?? [],
  );

describe("order", () => {
  it("has the functions of the hottest modules first, by their rank, and within a module as they were written", () => {
    const code = imageOf({
      "main.ts": "function boot() {}",
      "uart.ts": "function read() {}\nfunction write() {}",
      "can.ts": "function send() {}",
    });
    assert.deepEqual(declared(code), ["send", "read", "write", "boot"]);
  });

  it("has constants of no function before all functions, those of functions after them", () => {
    const code = imageOf({
      "main.ts":
        'const table = [step];\nfunction step() { return name; }\nconst name = "n";\nconst made = name + 1;\nprint(made + table[0]());',
    });
    assert.deepEqual(declared(code), ["name", "made", "step", "table"]);
    assert.deepEqual(printed(code), ["n1n"]);
  });

  it("has what runs at once in the order in which it was written, behind all functions", () => {
    const code = imageOf({
      "state.ts": "let count = next(0);\nfunction next(x) { return x + 1; }",
      "can.ts": "count = next(count);\nconst first = next(count);\nprint(first);",
      "uart.ts": "const second = next(first);\nprint(second);\nconst free = 5;\nprint(free);",
    });
    assert.deepEqual(declared(code), ["free", "next", "count", "first", "second"]);
    assert.deepEqual(printed(code), [3, 4, 5]);
  });

  it("keeps a constant behind the call that its value needs", () => {
    const code = imageOf({
      "main.ts":
        "let n = 0;\nfunction take() { n++; return n; }\nconst a = take(), b = a + 1;\nconst c = b;\nprint(c);",
    });
    assert.deepEqual(declared(code), ["n", "take", "a", "c"]);
    assert.deepEqual(printed(code), [2]);
  });

  it("gives cold functions names of their own, behind the hot ones, wherever they are called", () => {
    const code = imageOf({
      "boot.cold.ts": "function boot() { return help() + 1; }",
      "help.cold.ts": "function help() { return 1; }",
      "main.ts": "function step() { return boot; }\nconst entry = { boot: help };\nprint(step()() + entry.boot());",
    });
    assert.deepEqual(declared(code), ["step", "cold_boot", "cold_help", "entry"]);
    assert.deepEqual(printed(code), [3]);
  });

  it("leaves a local or a parameter with the name of a cold function", () => {
    const code = imageOf({
      "boot.cold.ts": "function boot(x) { return x; }",
      "main.ts":
        "function pass(boot) { return boot; }\nfunction own() { const boot = 4; return boot; }\nprint(pass(3) + own() + boot(1));",
    });
    assert.ok(
      code.includes("function pass(boot) { return boot; }") && code.includes("const boot = 4; return boot;"),
      code,
    );
    assert.deepEqual(printed(code), [8]);
  });

  it("keeps a member's name that is written as a shorthand", () => {
    const code = imageOf({
      "boot.cold.ts": "function boot(x) { return x; }",
      "main.ts": "const driver = { boot };\nprint(driver.boot(3));",
    });
    assert.match(code, /boot: /);
    assert.deepEqual(printed(code), [3]);
  });

  it("leaves an image of nothing", () => {
    assert.equal(ordered("", { modules: {} }, HOTTEST).toString(), "");
  });
});
