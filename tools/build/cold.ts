// Cold modules (*.cold.ts): what runs rarely should not take memory while it does not. A function inside a function
// exists only while the outer one runs, so the private parts of such a module move into each exported function that
// needs them.
import {
  parse,
  type FunctionDeclaration,
  type ModuleDeclaration,
  type Node,
  type Pattern,
  type Statement,
  type VariableDeclaration,
} from "acorn";
import { simple } from "acorn-walk";
import MagicString from "magic-string";
import type { Plugin } from "rollup";
import { root } from "./board";

/** A private statement of the module: what it declares, and every name in it. */
interface Part {
  node: Node;
  declares: string[];
  names: Set<string>;
}

const nameOf = (pattern: Pattern): string => (pattern.type === "Identifier" ? pattern.name : `a ${pattern.type}`);
const namesOf = (declaration: VariableDeclaration): string[] => declaration.declarations.map(({ id }) => nameOf(id));

/** Every identifier in `node` that stands for a value; a local of the same name does no harm. */
function namesIn(node: Node): Set<string> {
  const names = new Set<string>();
  simple(node, { Identifier: (id) => void names.add(id.name) });
  return names;
}

function partOf(node: Statement): Part {
  if (node.type === "FunctionDeclaration") return { node, declares: [node.id.name], names: namesIn(node) };
  if (node.type !== "VariableDeclaration")
    throw new Error(`a statement of its own (${node.type}): only functions and constants`);
  if (node.kind !== "const")
    throw new Error(`module state (${node.kind} ${namesOf(node).join(", ")}): it would start anew at each call`);
  return { node, declares: namesOf(node), names: namesIn(node) };
}

type Export = Exclude<ModuleDeclaration, { type: "ImportDeclaration" }>;

/** The function that a statement exports; null for an empty export, which TypeScript leaves of types. */
function exportedBy(node: Export): FunctionDeclaration | null {
  if (node.type === "ExportDefaultDeclaration") throw new Error("a default export: give the function a name");
  if (node.type === "ExportAllDeclaration") throw new Error("export *: a cold module exports functions of its own");
  const { declaration } = node;
  if (declaration?.type === "FunctionDeclaration") return declaration;
  if (!declaration && node.specifiers.length === 0) return null;
  if (!declaration) throw new Error("an export list: write `export function`");
  const names = declaration.type === "VariableDeclaration" ? namesOf(declaration) : [declaration.id.name];
  throw new Error(`exports ${names.join(", ")}, which is not a function declaration`);
}

/** The parts that `exported` needs, itself or through other parts, in the module's order. */
function neededBy(exported: FunctionDeclaration, parts: Part[]): Part[] {
  const needed = new Set<Part>();
  const visit = (names: Set<string>): void => {
    for (const part of parts) {
      if (needed.has(part) || !part.declares.some((name) => names.has(name))) continue;
      needed.add(part);
      visit(part.names);
    }
  };
  visit(namesIn(exported));
  return parts.filter((part) => needed.has(part));
}

/** Names that a private part may not have, because it will stand at the beginning of this function's body. */
function localsOf(exported: FunctionDeclaration): Set<string> {
  const locals = new Set(exported.params.map(nameOf));
  for (const node of exported.body.body) {
    if (node.type === "FunctionDeclaration") locals.add(node.id.name);
    if (node.type === "VariableDeclaration") namesOf(node).forEach((name) => locals.add(name));
  }
  return locals;
}

/**
 * A string at the head of a cold function, by which the later steps of the build know it and its name as it was
 * written.
 */
export const COLD_MARK = "~";
const coldMark = (name: string): string => `"${COLD_MARK}${name}";`;

/**
 * `code`, a JavaScript module, with its private parts inside its exported functions. Throws an Error with the reason it
 * can't.
 */
export function wrapCold(code: string): MagicString {
  const text = new MagicString(code),
    parts: Part[] = [],
    exported: FunctionDeclaration[] = [];
  for (const node of parse(code, { ecmaVersion: 2022, sourceType: "module" }).body) {
    if (node.type === "ImportDeclaration") continue;
    if (!node.type.startsWith("Export")) {
      parts.push(partOf(node as Statement));
      continue;
    }
    const one = exportedBy(node as Export);
    if (one) exported.push(one);
  }
  if (exported.length === 0) throw new Error("exports no function");
  for (const one of exported) {
    const needed = neededBy(one, parts),
      locals = localsOf(one);
    const both = needed.flatMap((part) => part.declares).filter((name) => locals.has(name));
    if (both.length) throw new Error(`${both.join(", ")}: also a parameter or local of ${one.id.name}`);
    text.appendRight(
      one.body.start + 1,
      `\n${coldMark(one.id.name)}` + needed.map(({ node }) => "\n" + code.slice(node.start, node.end)).join(""),
    );
  }
  for (const { node } of parts) text.remove(node.start, node.end);
  return text;
}

/** The rollup plugin; it stands after TypeScript. */
export function cold(): Plugin {
  return {
    name: "cold",
    transform(code, id) {
      if (!id.endsWith(".cold.ts")) return null;
      try {
        const text = wrapCold(code);
        return { code: text.toString(), map: text.generateMap({ hires: true }) };
      } catch (error) {
        return this.error(`${id.startsWith(root) ? id.slice(root.length) : id}: ${(error as Error).message}`);
      }
    },
  };
}
