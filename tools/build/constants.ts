// Numbers that have a name in the sources stand as numbers in the image: a name is looked up at each use, and takes a
// place in the scope that every look-up of another name passes.
import {
  parse,
  type Expression,
  type FunctionDeclaration,
  type Identifier,
  type Node,
  type PrivateIdentifier,
  type VariableDeclaration,
} from "acorn";
import { ancestor, full } from "acorn-walk";
import MagicString from "magic-string";
import type { Plugin } from "rollup";
import { moduleBody } from "./sizes";

/** A number as short as code can say it; longer ones keep their name. */
const LONGEST = 11;

/** The value of a constant expression of numbers and names that are known, else undefined. */
function valueOf(node: Expression | PrivateIdentifier, known: Map<string, number>): number | undefined {
  if (node.type === "Literal") return typeof node.value === "number" ? node.value : undefined;
  if (node.type === "Identifier") return known.get(node.name);
  if (node.type === "UnaryExpression" && node.operator === "-") {
    const value = valueOf(node.argument, known);
    return value === undefined ? undefined : -value;
  }
  if (node.type !== "BinaryExpression") return undefined;
  const left = valueOf(node.left, known),
    right = valueOf(node.right, known);
  if (left === undefined || right === undefined) return undefined;
  if (node.operator === "+") return left + right;
  if (node.operator === "-") return left - right;
  if (node.operator === "*") return left * right;
  return node.operator === "/" ? left / right : undefined;
}

/** The names that a function declares anywhere inside: there they may mean something else. */
function declaredIn(tree: Node): Set<string> {
  const names = new Set<string>();
  const add = (node: Node | null | undefined): void => {
    if (node?.type === "Identifier") names.add((node as Identifier).name);
  };
  full(tree, (node) => {
    const { id, params, param } = node as Node & { id?: Node | null; params?: Node[]; param?: Node | null };
    if (/^Function|ArrowFunction|VariableDeclarator/.test(node.type)) add(id);
    params?.forEach(add);
    if (node.type === "CatchClause") add(param);
  });
  return names;
}

/**
 * Names that `node` declares inside: anywhere in it they may mean something else. (The lint keeps a module from
 * shadowing its own names, but a name of another module may be a local's here.)
 */
export function innerNames(node: Node): Set<string> {
  const names = new Set<string>();
  const bodies =
    node.type === "FunctionDeclaration"
      ? [...(node as FunctionDeclaration).params, (node as FunctionDeclaration).body]
      : node.type === "VariableDeclaration"
        ? (node as VariableDeclaration).declarations.flatMap(({ init }) => init ?? [])
        : [node];
  for (const body of bodies) {
    if (body.type === "Identifier") names.add((body as Identifier).name);
    declaredIn(body).forEach((name) => names.add(name));
  }
  return names;
}

/** The named numbers of the module scope. */
function constantsOf(body: Node[]): Map<string, number> {
  const known = new Map<string, number>();
  for (const statement of body) {
    if (statement.type !== "VariableDeclaration" || (statement as VariableDeclaration).kind !== "const") continue;
    for (const { id, init } of (statement as VariableDeclaration).declarations) {
      const value = init && id.type === "Identifier" ? valueOf(init, known) : undefined;
      if (value !== undefined && String(value).length <= LONGEST) known.set((id as Identifier).name, value);
    }
  }
  return known;
}

/** `code` with numbers in the place of the names of numbers; the declarations stay for the minifier to drop. */
export function inlineConstants(code: string): MagicString {
  const text = new MagicString(code),
    tree = parse(code, { ecmaVersion: 2022, sourceType: "module" }),
    body = moduleBody(tree);
  const known = constantsOf(body),
    inside = new Map(body.map((node) => [node, innerNames(node)]));
  ancestor(tree, {
    Identifier(node, _state, ancestors) {
      const value = known.get(node.name),
        around = ancestors[ancestors.length - 2]!;
      const shadowed = ancestors.some((one) => inside.get(one)?.has(node.name));
      if (value === undefined || shadowed) return;
      const short = around.type === "Property" && (around as Node & { shorthand: boolean }).shorthand;
      text.overwrite(
        node.start,
        node.end,
        (short ? `${node.name}: ` : "") + (value < 0 ? `(${value})` : String(value)),
      );
    },
  });
  return text;
}

/** The rollup plugin; it stands before the minifier. */
export function constants(): Plugin {
  return {
    name: "constants",
    renderChunk(code) {
      const text = inlineConstants(code);
      return { code: text.toString(), map: text.generateMap({ hires: true }) };
    },
  };
}
