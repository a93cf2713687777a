// The order of names in the image. Espruino looks a name up from the first that was declared to the last, and natives
// only after all of them: so functions and constants of what runs each second come first, then the cold functions, then
// what runs at boot.
import { parse, type FunctionDeclaration, type Node, type VariableDeclaration } from "acorn";
import { base, simple } from "acorn-walk";
import MagicString from "magic-string";
import type { Plugin, RenderedChunk } from "rollup";
import { innerNames } from "./constants";
import { moduleBody } from "./sizes";

const isCold = (id: string): boolean => id.endsWith(".cold.ts");

/** Names that a statement declares at the level it stands on. */
function declaredBy(node: Node): string[] {
  if (node.type === "FunctionDeclaration") return [(node as FunctionDeclaration).id.name];
  if (node.type !== "VariableDeclaration") return [];
  return (node as VariableDeclaration).declarations.map(({ id }) => (id.type === "Identifier" ? id.name : ""));
}

/** What runs when a statement does: not the bodies of the functions in it. */
const atOnce = { ...base, Function: () => undefined };

/** A constant whose value needs nothing to have run before, but for functions and such constants. */
function isPlain(node: Node, after: Set<string>, ours: (name: string) => boolean): boolean {
  let plain = node.type === "VariableDeclaration";
  simple(
    node,
    {
      Identifier: ({ name }) => {
        if (after.has(name)) plain = false;
      },
      CallExpression: ({ callee }) => {
        if (callee.type === "Identifier" && ours(callee.name)) plain = false;
      },
    },
    atOnce,
  );
  return plain;
}

/** Rank of a module: its place in the list of hot ones (`room/file` without its ending), else behind them. */
function rankIn(hottest: string[], id: string): number {
  const at = hottest.findIndex((path) => id.endsWith(`/${path}.ts`));
  return at < 0 ? hottest.length : at;
}

/** Which module each top-level name comes from. */
function originsOf(chunk: Pick<RenderedChunk, "modules">): Map<string, string> {
  const origins = new Map<string, string>();
  for (const [id, { code }] of Object.entries(chunk.modules)) {
    if (!code) continue;
    for (const node of parse(code, { ecmaVersion: 2022, sourceType: "module" }).body)
      declaredBy(node).forEach((name) => origins.set(name, id));
  }
  return origins;
}

/** The name of a cold function in the image: nothing else has it, and the minifier keeps it. */
const coldNameOf = (name: string): string => `cold_${name}`;

/** Names of the cold functions of a chunk. */
function coldNames(chunk: Pick<RenderedChunk, "modules">): string[] {
  return [...originsOf(chunk)].filter(([, id]) => isCold(id)).map(([name]) => name);
}

/** `text` with the cold functions under their names in the image. */
function renameCold(text: MagicString, body: Node[], names: Set<string>): void {
  for (const statement of body) {
    const inner = innerNames(statement),
      shorthands = new Set<Node>(); // values of `{ name }`, which name a member as well
    const rename = (node: Node, name: string): void => {
      const member = shorthands.has(node) ? `${name}: ` : "";
      if (names.has(name) && !inner.has(name)) text.overwrite(node.start, node.end, member + coldNameOf(name));
    };
    simple(statement, { Property: ({ shorthand, value }) => void (shorthand && shorthands.add(value)) });
    if (statement.type === "FunctionDeclaration")
      rename((statement as FunctionDeclaration).id, (statement as FunctionDeclaration).id.name);
    simple(statement, { Identifier: (node) => rename(node, node.name) });
  }
}

/** `code`, one function around everything, with its statements in the order above. */
export function ordered(code: string, chunk: Pick<RenderedChunk, "modules">, hottest: string[]): MagicString {
  const text = new MagicString(code),
    body = moduleBody(parse(code, { ecmaVersion: 2022, sourceType: "module" })),
    origins = originsOf(chunk);
  if (body.length === 0) return text;
  const rank = (node: Node): number => rankIn(hottest, origins.get(declaredBy(node)[0] ?? "") ?? "");
  const byRank = (a: Node, b: Node): number => rank(a) - rank(b);
  renameCold(text, body, new Set(coldNames(chunk)));
  const functions = body.filter((node) => node.type === "FunctionDeclaration");
  const cold = functions.filter((node) => isCold(origins.get(declaredBy(node)[0]!) ?? ""));
  const late = new Set(
    [...cold, ...body.filter(({ type }) => type !== "VariableDeclaration" && type !== "FunctionDeclaration")].flatMap(
      declaredBy,
    ),
  );
  const plain: Node[] = [],
    rest: Node[] = [];
  for (const node of body.filter((one) => one.type !== "FunctionDeclaration")) {
    if (isPlain(node, late, (name) => origins.has(name))) plain.push(node);
    else {
      rest.push(node);
      declaredBy(node).forEach((name) => late.add(name));
    }
  }
  const hot = functions.filter((node) => !cold.includes(node)).sort(byRank);
  const early = plain.filter((node) =>
    isPlain(node, new Set(functions.flatMap(declaredBy)), (name) => origins.has(name)),
  );
  const end = code.indexOf("}", body[body.length - 1]!.end); // before the brace that closes the one function
  for (const node of [...early, ...hot, ...plain.filter((one) => !early.includes(one)), ...cold, ...rest]) {
    text.appendLeft(node.start, "\n");
    text.move(node.start, node.end, end);
  }
  return text;
}

/**
 * The rollup plugin; it stands before the minifier, which must keep the order and the names that are put into `kept`:
 * cold functions.
 */
export function order(hottest: string[], kept: string[]): Plugin {
  return {
    name: "order",
    renderChunk(code, chunk) {
      kept.splice(0, kept.length, ...coldNames(chunk).map(coldNameOf));
      const text = ordered(code, chunk, hottest);
      return { code: text.toString(), map: text.generateMap({ hires: true }) };
    },
  };
}
