// The project's own rules, as far as a program can see them: who imports whom, dead and stale files, lengths, the lint.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ESLint } from "eslint";
import ts from "typescript";
import { root } from "../tools/build/board";
import { authoredTables as tables } from "../tools/build/tables";

/** Who may import whom (architecture 5); each folder may import itself, and everybody types. */
const cores = ["kernel", "battery", "config"];
const allowed: Record<string, string[]> = {
  kernel: [], config: ["kernel"], battery: ["kernel", "config"], bms: cores, victron: cores, mqtt: cores, http: cores, drivers: ["kernel", "board"],
  tasks: [...cores, "bms", "victron", "mqtt", "http", "board", "version"],
  main: [...cores, "bms", "victron", "mqtt", "http", "drivers", "tasks", "board", "version"],
};
const LINE_LENGTH = 150;

/** Files below `folder`, as paths from the project's root; not what was generated or installed. */
function filesOf(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? (entry.name === "node_modules" ? [] : filesOf(path)) : [path];
  });
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const sources = ["firmware", "boards", "tools", "test"].flatMap(filesOf).filter((path) => /\.(ts|mjs|js)$/.test(path));
const firmware = sources.filter((path) => path.startsWith("firmware/") && !path.endsWith(".d.ts"));

interface Import { from: string; to: string; typeOnly: boolean }

/** The imports of a firmware module; `to` is a path below firmware/ without its ending, or "board". */
function importsOf(path: string): Import[] {
  const from = relative("firmware", path).replace(/\.ts$/, "");
  return ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest).statements.flatMap((node) => {
    if (!ts.isImportDeclaration(node) && !(ts.isExportDeclaration(node) && node.moduleSpecifier)) return [];
    const name = (node.moduleSpecifier as ts.StringLiteral).text;
    const clause = ts.isImportDeclaration(node) ? node.importClause : undefined;
    const named = clause?.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : undefined;
    const typeOnly = ts.isExportDeclaration(node) ? node.isTypeOnly : !!clause?.isTypeOnly || !clause?.name && !!named?.length && named.every((one) => one.isTypeOnly);
    return [{ from, to: name.startsWith(".") ? join(dirname(from), name).replace(/^\.\.\/boards\/.*/, "board") : name, typeOnly }];
  });
}

const imports = firmware.flatMap(importsOf);
const folderOf = (module: string): string => module.split("/")[0]!;

/** Why this import may not be; "" when it may. */
function importFault({ from, to, typeOnly }: Import): string {
  if (typeOnly || tables.includes(from)) return "";
  if (tables.includes(to)) return `${from} imports the authored table ${to}`;
  if (folderOf(from) === folderOf(to) || allowed[folderOf(from)]?.includes(folderOf(to))) return "";
  return `${from} imports ${to}`;
}

describe("tidy", () => {
  it("folders import only what they may", () => {
    assert.deepEqual(imports.map(importFault).filter((fault) => fault), []);
  });

  it("notices an import that may not be", () => {
    const fault = (from: string, to: string, typeOnly = false): string => importFault({ from, to, typeOnly });
    assert.match(fault("kernel/a", "battery/b"), /kernel\/a imports battery\/b/);
    assert.match(fault("mqtt/a", "http/b"), /imports/);
    assert.match(fault("tasks/a", "drivers/b"), /imports/);
    assert.match(fault("battery/a", "battery/registers"), /authored table/);
    assert.match(fault("new/a", "kernel/b"), /imports/);
    assert.match(fault("kernel/a", "lodash"), /imports/);
    assert.equal(fault("battery/a", "battery/registers", true) + fault("main", "drivers/b") + fault("drivers/a", "board") + fault("kernel/a", "kernel/b"), "");
  });

  it("no firmware module is dead: the image or a host tool runs it", () => {
    const tools = sources.filter((path) => path.startsWith("tools/")).flatMap(importsOf).filter(({ typeOnly }) => !typeOnly);
    const reached = new Set(["main", ...tables, ...tools.map(({ to }) => to.replace(/^(\.\.\/)+firmware\//, ""))]);
    for (const module of reached) for (const { from, to } of imports) if (from === module) reached.add(to);
    assert.deepEqual(firmware.map((path) => relative("firmware", path).replace(/\.ts$/, "")).filter((module) => !reached.has(module)), []);
  });

  it("baked files are what the tables say", async () => {
    const { bakeAll } = await import("../tools/bake");
    const stale = Object.entries(bakeAll()).filter(([path, text]) => !existsSync(join(root, path)) || read(path) !== text).map(([path]) => path);
    assert.deepEqual(stale, [], "run `npm run bake`");
    const baked = new Set(Object.keys(bakeAll()));
    assert.deepEqual(firmware.filter((path) => path.includes(".baked.") && !baked.has(path)), [], "baked by nothing");
  });

  it("lines are short, without trailing blanks, and nothing is put off", () => {
    const putOff = new RegExp("\\b(TO" + "DO|FIX" + "ME)\\b");
    const faults = sources.flatMap((path) => read(path).split("\n").flatMap((line, i) => {
      const data = path.startsWith("test/") || path.includes(".baked.") || path === "firmware/battery/registers.ts"; // vectors, rows
      const fault = line.length > LINE_LENGTH && !data ? `${line.length} characters` : /\s$/.test(line) ? "trailing blank" : putOff.test(line) ? "put off" : "";
      return fault ? [`${path}:${i + 1} ${fault}`] : [];
    }));
    assert.deepEqual(faults, []);
  });

  it("each firmware and tools file says at its head what it is for", () => {
    const mute = sources.filter((path) => /^(firmware|tools)\//.test(path) && !/^(#!.*\n)?(\/\/|\/\*)/.test(read(path)));
    assert.deepEqual(mute, []);
  });

  it("eslint has nothing to say", async () => {
    const eslint = new ESLint({ cwd: root });
    const results = await eslint.lintFiles(["."]);
    const said = results.flatMap(({ filePath, messages }) => messages.map(({ line, message }) => `${relative(root, filePath)}:${line} ${message}`));
    assert.deepEqual(said, []);
  });

  it("the types hold: firmware without node, tools and tests with it", () => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root, encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });
});
