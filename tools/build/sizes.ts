// What the image's functions weigh.
import { parse, type FunctionDeclaration, type Literal, type Node } from "acorn";
import { full } from "acorn-walk";
import { COLD_MARK } from "./cold";
import { farPlaces } from "./far";
import { statementLists } from "./lines";

/** A function of the image; the name is as it was written, and only of cold ones known. */
export interface FunctionSize {
  name: string;
  cold: boolean;
  bytes: number;
}

/** A call reads the whole text of its function again, about 6 ms a kB on the chip. */
export const COLD_BYTES = 3700;

/**
 * The body of the function that rollup puts around everything (the call that the walk sees last); else the program
 * itself.
 */
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
  const mark =
    first?.type === "ExpressionStatement" && first.expression.type === "Literal"
      ? (first.expression as Literal).value
      : undefined;
  return typeof mark === "string" && mark.startsWith(COLD_MARK) ? mark.slice(COLD_MARK.length) : "";
}

function sizeOf(node: Node): FunctionSize {
  const name = coldName(node);
  return { name: name || (node as FunctionDeclaration).id?.name, cold: name !== "", bytes: node.end - node.start };
}

/**
 * The functions declared at the top level of the image, in its order, then those that it makes from its head's text.
 */
export function functionsOf(code: string): FunctionSize[] {
  const declared = moduleBody(parse(code, { ecmaVersion: 2022 }))
    .filter((node) => node.type === "FunctionDeclaration")
    .map(sizeOf);
  const made = farPlaces(code).map(({ at, length }) => {
    const text = code.slice(at + 1, at + length - 1).replace("function", "function made");
    return sizeOf(parse(text, { ecmaVersion: 2022 }).body[0]!);
  });
  return [...declared, ...made];
}

/** Findings: cold functions over 3.7 kB, one line each; `fileOf` tells where a cold function is written. */
export function oversize(functions: FunctionSize[], fileOf: (name: string) => string = () => ""): string[] {
  return functions
    .filter(({ cold, bytes }) => cold && bytes > COLD_BYTES)
    .map(({ name, bytes }) => {
      const file = fileOf(name);
      return (
        `${file && file + ": "}${name} has ${bytes} bytes; a cold function may have ${COLD_BYTES}: ` +
        "move a part of it into a cold function of its own, in another *.cold.ts file or exported beside it"
      );
    });
}

/** The file, as a path from `root`, in which each cold function of these modules (name -> code) is written. */
export function coldFiles(modules: Record<string, { code: string | null }>, root: string): (name: string) => string {
  const files = Object.entries(modules);
  return (name) =>
    files
      .filter(([, { code }]) => code?.includes(`"${COLD_MARK}${name}";`))
      .map(([id]) => (id.startsWith(root) ? id.slice(root.length) : id))
      .join(" or ");
}
