// What the image's functions weigh, under the names they were written with: the source map knows them.
import { SourceMap } from "node:module";
import { basename } from "node:path";
import { parse, type FunctionDeclaration, type Node } from "acorn";
import { full } from "acorn-walk";
import { statementLists } from "./lines";

export interface FunctionSize { name: string; file: string; bytes: number }

/** A call reads the whole text of its function again, about 6 ms a kB on the chip (architecture 11). */
export const COLD_BYTES = 4096;

/** The body of the function that rollup puts around everything (the call that the walk sees last); else the program itself. */
export function moduleBody(tree: Node): Node[] {
  let body: Node[] | undefined;
  full(tree, (node) => {
    if (node.type !== "CallExpression") return;
    const { callee } = node as Node & { callee: Node & { body?: { body?: Node[] } } };
    if (/Function/.test(callee.type)) body = callee.body?.body ?? body;
  });
  return body ?? statementLists(tree)[0]!;
}

interface MapLike { version: number; sources: string[]; names: string[]; mappings: string; sourcesContent?: unknown; file?: string }

/** The functions declared at the top level of the image, in its order, with the size of their text. */
export function functionsOf(code: string, map: MapLike): FunctionSize[] {
  const tree = parse(code, { ecmaVersion: 2022, locations: true });
  const found = new SourceMap(map as ConstructorParameters<typeof SourceMap>[0]);
  return moduleBody(tree).filter((node) => node.type === "FunctionDeclaration").map((node) => {
    const { id, start, end } = node as FunctionDeclaration;
    const at = found.findEntry(id.loc!.start.line - 1, id.loc!.start.column);
    const name = "name" in at && typeof at.name === "string" ? at.name : id.name;
    return { name, file: "originalSource" in at ? basename(at.originalSource) : "", bytes: end - start };
  });
}

/** Findings: cold functions over 4 kB. */
export function oversize(functions: FunctionSize[]): string[] {
  return functions.filter(({ file, bytes }) => file.endsWith(".cold.ts") && bytes > COLD_BYTES)
    .map(({ name, file, bytes }) => `${name} (${file}) has ${bytes} bytes; a cold function may have ${COLD_BYTES}`);
}
