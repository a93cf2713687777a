// The project's own rules, as far as a program can see them: who imports whom, dead and stale files, lengths, the lint.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { ESLint } from "eslint";
import * as prettier from "prettier";
import ts from "typescript";
import { root } from "../tools/build/board";
import { authoredTables as tables } from "../tools/build/tables";

/**
 * The rooms of the firmware, the lowest first: a room imports itself and rooms of lower floors. Only main names
 * drivers.
 */
const FLOORS = [
  ["kernel", "tables"],
  ["drivers", "battery", "config", "mqtt", "http"],
  ["time"],
  ["log"],
  ["bms", "charge"],
  ["victron"],
  ["publish"],
  ["settings"],
  ["command"],
  ["care"],
  ["api"],
  ["app"],
  ["main"],
];
/** Papers that this was planned with and that nobody else has: a file of such a name, or a number in one of them. */
const UNKNOWN_SOURCE = new RegExp(
  "\\b(charge-control|decisions|requirements|victron-can|victron-gx|tinybms|home-assistant|twai|twai-model|espruino|" +
    "toolchain|architecture)\\.md\\b|\\b([Dd]ecisions?|[Rr]equirements?|[Aa]rchitecture|spec) [A-Z]?\\d|\\bS[0-4]-\\d",
);
const LINE_LENGTH = 120;

/** Files below `folder`, as paths from the project's root; not what was generated or installed. */
function filesOf(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? (entry.name === "node_modules" ? [] : filesOf(path)) : [path];
  });
}

/** Lines (from 0) that are too long, but for what strings, templates and regular expressions in them take. */
function longLines(path: string, text: string): number[] {
  if (!text.split("\n").some((line) => line.length > LINE_LENGTH)) return [];
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest),
    literals: [number, number][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isTemplateLiteral(node) || ts.isRegularExpressionLiteral(node))
      literals.push([node.getStart(file), node.getEnd()]);
    else ts.forEachChild(node, visit);
  };
  visit(file);
  const starts = file.getLineStarts();
  return text.split("\n").flatMap((line, i) => {
    const from = starts[i]!,
      to = from + line.length;
    const quoted = literals.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0);
    return line.length > LINE_LENGTH && (quoted === 0 || line.length - quoted > LINE_LENGTH) ? [i] : [];
  });
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const sources = ["firmware", "boards", "tools", "test"].flatMap(filesOf).filter((path) => /\.(ts|mjs|js)$/.test(path));
const firmware = sources.filter((path) => path.startsWith("firmware/") && !path.endsWith(".d.ts"));

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

/** The imports of a firmware module; `to` is a path below firmware/ without its ending, or "board". */
function importsOf(path: string): Import[] {
  const from = relative("firmware", path).replace(/\.ts$/, "");
  return ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest).statements.flatMap((node) => {
    if (!ts.isImportDeclaration(node) && !(ts.isExportDeclaration(node) && node.moduleSpecifier)) return [];
    const name = (node.moduleSpecifier as ts.StringLiteral).text;
    const clause = ts.isImportDeclaration(node) ? node.importClause : undefined;
    const named =
      clause?.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : undefined;
    const typeOnly = ts.isExportDeclaration(node)
      ? node.isTypeOnly
      : !!clause?.isTypeOnly || (!clause?.name && !!named?.length && named.every((one) => one.isTypeOnly));
    return [
      {
        from,
        to: name.startsWith(".") ? join(dirname(from), name).replace(/^\.\.\/boards\/.*/, "board") : name,
        typeOnly,
      },
    ];
  });
}

const imports = firmware.flatMap(importsOf);
const folderOf = (module: string): string => module.split("/")[0]!;
const floorOf = (module: string): number => FLOORS.findIndex((rooms) => rooms.includes(folderOf(module)));

/** Why this import may not be; "" when it may. */
function importFault({ from, to, typeOnly }: Import): string {
  if (tables.includes(from)) return "";
  if (tables.includes(to)) return typeOnly ? "" : `${from} imports the authored table ${to}`;
  const [own, other] = [from, to].map(floorOf);
  if (own! >= 0 && folderOf(from) === folderOf(to)) return "";
  if (to === "board" && own! >= 0) return "";
  if (folderOf(to) === "drivers" && from !== "main") return `${from} imports ${to}: only main names drivers`;
  return other! >= 0 && other! < own! ? "" : `${from} imports ${to}`;
}

describe("tidy", () => {
  it("rooms import only what lies below them", () => {
    assert.deepEqual(
      imports.map(importFault).filter((fault) => fault),
      [],
    );
  });

  it("notices an import that may not be", () => {
    const fault = (from: string, to: string, typeOnly = false): string => importFault({ from, to, typeOnly });
    assert.match(fault("kernel/a", "battery/b"), /kernel\/a imports battery\/b/);
    assert.match(fault("mqtt/a", "http/b"), /imports/);
    assert.match(fault("bms/a", "publish/b", true), /imports/);
    assert.match(fault("care/a", "drivers/b"), /only main/);
    assert.match(fault("battery/a", "tables/registers"), /authored table/);
    assert.match(fault("new/a", "kernel/b"), /imports/);
    assert.match(fault("kernel/a", "lodash"), /imports/);
    assert.equal(
      fault("battery/a", "tables/registers", true) +
        fault("main", "drivers/b") +
        fault("drivers/a", "board") +
        fault("kernel/a", "kernel/b"),
      "",
    );
  });

  it("no firmware module is dead: the image or a host tool runs it", () => {
    const tools = sources
      .filter((path) => path.startsWith("tools/"))
      .flatMap(importsOf)
      .filter(({ typeOnly }) => !typeOnly);
    const reached = new Set(["main", ...tables, ...tools.map(({ to }) => to.replace(/^(\.\.\/)+firmware\//, ""))]);
    for (const module of reached) for (const { from, to } of imports) if (from === module) reached.add(to);
    assert.deepEqual(
      firmware.map((path) => relative("firmware", path).replace(/\.ts$/, "")).filter((module) => !reached.has(module)),
      [],
    );
  });

  it("baked files are what the tables say", async () => {
    const { bakeAll } = await import("../tools/bake");
    const stale = Object.entries(bakeAll())
      .filter(([path, text]) => !existsSync(join(root, path)) || read(path) !== text)
      .map(([path]) => path);
    assert.deepEqual(stale, [], "run `npm run bake`");
    const baked = new Set(Object.keys(bakeAll()));
    assert.deepEqual(
      firmware.filter((path) => path.includes(".baked.") && !baked.has(path)),
      [],
      "baked by nothing",
    );
  });

  it("lines are short, without trailing blanks, and nothing is put off", () => {
    const putOff = new RegExp("\\b(TO" + "DO|FIX" + "ME)\\b");
    const faults = sources.flatMap((path) => {
      const long = path.includes(".baked.") ? [] : longLines(path, read(path));
      return read(path)
        .split("\n")
        .flatMap((line, i) => {
          const fault = long.includes(i)
            ? `${line.length} characters`
            : /\s$/.test(line)
              ? "trailing blank"
              : putOff.test(line)
                ? "put off"
                : "";
          return fault ? [`${path}:${i + 1} ${fault}`] : [];
        });
    });
    assert.deepEqual(faults, []);
  });

  it("notices a long line, and lets literals be", () => {
    const x = "x".repeat(LINE_LENGTH);
    const long = (text: string): number[] => longLines("a.ts", text);
    assert.deepEqual(long(`const a = 1;\n// ${x}\nconst ${x} = 1; // "b"\nf("a"); // ${x}\n`), [1, 2, 3]);
    assert.deepEqual(long(`f("${x}", /${x}/);\nconst b = \`\n${x}${x}\n\`;\n`), []);
  });

  it("comments cite what a reader can open: a document of others with its section, or a file that is here", () => {
    const faults = [
      ...sources,
      ...["firmware", "tools", "test", "boards"].flatMap(filesOf).filter((path) => path.endsWith(".md")),
    ]
      .filter((path) => path !== "test/tidy.test.ts")
      .flatMap((path) =>
        read(path)
          .split("\n")
          .flatMap((line, i) => (UNKNOWN_SOURCE.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])),
      );
    assert.deepEqual(faults, []);
    for (const bad of ["(charge-control.md 5)", "decisions 60, 64", "Requirements S2-6", "(S0-34)", "twai.md 10.8"])
      assert.match(bad, UNKNOWN_SOURCE);
    for (const good of ["charge/README.md", "Rev D, 3.4", "MQTT 3.1.1, 4.4", "S3 and S2", "decides 4 times"])
      assert.doesNotMatch(good, UNKNOWN_SOURCE);
  });

  it("comments name files that are there", () => {
    const names = new Set(["firmware", "boards", "tools", "test"].flatMap(filesOf).map((path) => basename(path)));
    const faults = firmware.flatMap((path) =>
      [...read(path).matchAll(/^\s*(?:\/\/|\/?\*).*$/gm)]
        .flatMap(([line]) => [...line.matchAll(/(?<![\w*./-])[\w./-]+\.ts\b/g)].map(([name]) => name))
        .filter((name) => !names.has(basename(name)))
        .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(faults, []);
  });

  it("each firmware and tools file says at its head what it is for", () => {
    const mute = sources.filter(
      (path) => /^(firmware|tools)\//.test(path) && !/^(#!.*\n)?(\/\/|\/\*)/.test(read(path)),
    );
    assert.deepEqual(mute, []);
  });

  it("eslint has nothing to say", async () => {
    const eslint = new ESLint({ cwd: root });
    const results = await eslint.lintFiles(["."]);
    const said = results.flatMap(({ filePath, messages }) =>
      messages.map(({ line, message }) => `${relative(root, filePath)}:${line} ${message}`),
    );
    assert.deepEqual(said, []);
  });

  it("prettier has nothing to change", async () => {
    const options = JSON.parse(read(".prettierrc.json")) as prettier.Options;
    const stale = [];
    for (const path of [...sources, "eslint.config.mjs", "rollup.config.mjs"]) {
      const { ignored } = await prettier.getFileInfo(join(root, path), { ignorePath: join(root, ".prettierignore") });
      if (!ignored && !(await prettier.check(read(path), { ...options, filepath: path }))) stale.push(path);
    }
    assert.deepEqual(stale, [], "run `npm run format`");
  });

  it("the types hold: firmware without node, tools and tests with it", () => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], {
      cwd: root,
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
  });
});
