// A cold module that uses another one takes it in: the other's functions become private parts, so that they exist only
// while the user runs. (A cold module that a hot one calls stands at the top level as well, once.)
import { parse, type ExportNamedDeclaration, type FunctionDeclaration, type ImportDeclaration, type Program } from "acorn";
import MagicString from "magic-string";
import type { Plugin, PluginContext } from "rollup";

const isCold = (id: string): boolean => id.endsWith(".cold.ts");
/** The name that `import { name as local }` gives; undefined for the other kinds. */
const importedName = (one: ImportDeclaration["specifiers"][number]): string | undefined =>
  (one.type === "ImportSpecifier" ? (one.imported as { name: string }).name : undefined);
const importsOf = (tree: Program): ImportDeclaration[] => tree.body.filter((node) => node.type === "ImportDeclaration");

async function resolved(context: PluginContext, source: string, importer: string): Promise<string> {
  const found = await context.resolve(source, importer);
  if (!found) throw new Error(`cannot find ${source}`);
  return found.id;
}

/** What a module binds by import: local name -> where it comes from, and the statement that binds it alone. */
async function bindings(context: PluginContext, tree: Program, id: string): Promise<Map<string, { origin: string; statement: string }>> {
  const bound = new Map<string, { origin: string; statement: string }>();
  for (const node of importsOf(tree)) {
    const from = await resolved(context, node.source.value as string, id);
    for (const one of node.specifiers) {
      const name = importedName(one) ?? (one.type === "ImportNamespaceSpecifier" ? "*" : "default");
      const clause = name === "*" ? `* as ${one.local.name}` : `{ ${name} as ${one.local.name} }`;
      bound.set(one.local.name, { origin: `${from}#${name}`, statement: `import ${clause} from ${JSON.stringify(from)};` });
    }
  }
  return bound;
}

/** Every function that a wrapped cold module exports. */
function exportsOf(tree: Program): FunctionDeclaration[] {
  return tree.body.filter((node) => node.type === "ExportNamedDeclaration")
    .map((node) => (node as ExportNamedDeclaration).declaration as FunctionDeclaration | null).filter((found) => found !== null);
}

/** The functions that an import names, under the importer's names, and before them those of the module that they call. */
function functionsFor(node: ImportDeclaration, code: string, tree: Program): string[] {
  const all = exportsOf(tree), given = new Map(node.specifiers.map((one) => [importedName(one) ?? "", one.local.name]));
  for (const name of given.keys()) if (!all.some(({ id }) => id.name === name)) throw new Error(`${node.source.value}: exports no function ${name}`);
  const wanted = new Set(given.keys());
  const callers = [...wanted];
  for (const caller of callers) {
    const { start, end } = all.find(({ id }) => id.name === caller)!, body = code.slice(start, end);
    for (const { id } of all) {
      if (wanted.has(id.name) || !new RegExp(`\\b${id.name}\\b`).test(body)) continue;
      wanted.add(id.name);
      callers.push(id.name);
    }
  }
  return all.filter(({ id }) => wanted.has(id.name))
    .map(({ id, start, end }) => code.slice(start, id.start) + (given.get(id.name) ?? id.name) + code.slice(id.end, end));
}

async function nest(context: PluginContext, code: string, id: string): Promise<MagicString | null> {
  const tree = parse(code, { ecmaVersion: 2022, sourceType: "module" }), text = new MagicString(code);
  const bound = await bindings(context, tree, id);
  let nested = 0;
  for (const node of importsOf(tree)) {
    const from = await resolved(context, node.source.value as string, id);
    if (!isCold(from)) continue;
    const { code: inner } = await context.load({ id: from });
    if (inner === null) throw new Error(`cannot load ${from}`);
    const innerTree = parse(inner, { ecmaVersion: 2022, sourceType: "module" }), lines: string[] = [];
    for (const [name, { origin, statement }] of await bindings(context, innerTree, from)) {
      const mine = bound.get(name);
      if (mine && mine.origin !== origin) throw new Error(`${name} means one thing here and another in ${node.source.value}`);
      if (!mine) lines.push(statement);
      bound.set(name, { origin, statement });
    }
    text.overwrite(node.start, node.end, [...lines, ...functionsFor(node, inner, innerTree)].join("\n"));
    nested++;
  }
  return nested ? text : null;
}

/** The rollup plugin; it stands between TypeScript and the wrapping of cold modules. */
export function nestCold(): Plugin {
  return {
    name: "nest-cold",
    async transform(code, id) {
      if (!isCold(id)) return null;
      try {
        const text = await nest(this, code, id);
        return text && { code: text.toString(), map: text.generateMap({ hires: true }) };
      } catch (error) {
        return this.error(`${id}: ${(error as Error).message}`);
      }
    },
  };
}
