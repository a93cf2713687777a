// What the image's functions weigh.
import { parse, type FunctionDeclaration, type Literal, type Node } from "acorn";
import { full } from "acorn-walk";
import { COLD_MARK } from "./cold";
import { farPlaces } from "./far";
import { statementLists } from "./lines";

/** A function of the image; the name is as it was written, and only of cold ones known. */
export interface FunctionSize { name: string; cold: boolean; bytes: number }

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

/** The name of a cold function as it was written, "" for any other statement. */
export function coldName(node: Node): string {
  const first = node.type === "FunctionDeclaration" ? (node as FunctionDeclaration).body.body[0] : undefined;
  const mark = first?.type === "ExpressionStatement" && first.expression.type === "Literal" ? (first.expression as Literal).value : undefined;
  return typeof mark === "string" && mark.startsWith(COLD_MARK) ? mark.slice(COLD_MARK.length) : "";
}

function sizeOf(node: Node): FunctionSize {
  const name = coldName(node);
  return { name: name || (node as FunctionDeclaration).id?.name, cold: name !== "", bytes: node.end - node.start };
}

/** The functions declared at the top level of the image, in its order, then those that it makes from its head's text. */
export function functionsOf(code: string): FunctionSize[] {
  const declared = moduleBody(parse(code, { ecmaVersion: 2022 })).filter((node) => node.type === "FunctionDeclaration").map(sizeOf);
  const made = farPlaces(code).map(({ at, length }) => {
    const text = code.slice(at + 1, at + length - 1).replace("function", "function made");
    return sizeOf(parse(text, { ecmaVersion: 2022 }).body[0]!);
  });
  return [...declared, ...made];
}

/** Findings: cold functions over 4 kB. */
export function oversize(functions: FunctionSize[]): string[] {
  return functions.filter(({ cold, bytes }) => cold && bytes > COLD_BYTES)
    .map(({ name, bytes }) => `${name} has ${bytes} bytes; a cold function may have ${COLD_BYTES}`);
}
