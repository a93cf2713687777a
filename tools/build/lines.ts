// One statement a line: an Error that is kept stores the text of its source line, so the image's lines must be short.
// Terser's own newlines replace semicolons, which Espruino reads differently (a bare `return` takes the next line as
// its value). Here newlines are only added, at the start of statements, and nothing is taken away. A bare `return` gets
// the semicolon that the minifier leaves out before a brace: as the whole body of a loop, Espruino reads it to its end
// without one.
import { parse, type Node } from "acorn";
import { full } from "acorn-walk";
import MagicString from "magic-string";
import type { Plugin } from "rollup";

type StatementList = Node & { body: Node[]; consequent?: Node[] };

/**
 * The statements of every list in `tree`: program, blocks, cases. A statement that is the body of `if` or a loop is in
 * no list.
 */
export function statementLists(tree: Node): Node[][] {
  const lists: Node[][] = [];
  full(tree, (node) => {
    const list = node as StatementList;
    if (node.type === "Program" || node.type === "BlockStatement") lists.push(list.body);
    else if (node.type === "SwitchCase") lists.push(list.consequent!);
  });
  return lists;
}

/** The tree as text without positions, to compare two programs. */
function shape(code: string): string {
  const hidden = new Set(["start", "end"]);
  return JSON.stringify(parse(code, { ecmaVersion: 2022 }), (key, value: unknown) =>
    hidden.has(key) ? undefined : typeof value === "bigint" ? String(value) : value,
  );
}

function broken(code: string): MagicString {
  const text = new MagicString(code),
    tree = parse(code, { ecmaVersion: 2022 });
  full(tree, (node) => {
    const { type, argument, end } = node as Node & { argument?: Node | null };
    if (type === "ReturnStatement" && !argument && code[end - 1] !== ";") text.appendLeft(end, ";");
  });
  for (const list of statementLists(tree)) {
    for (const statement of list) {
      if (statement.start > 0 && code[statement.start - 1] !== "\n") text.appendLeft(statement.start, "\n");
    }
  }
  return text;
}

/** `code` with a newline before each statement. Throws when the result would not be the same program. */
export function oneStatementALine(code: string): string {
  const lines = broken(code).toString();
  if (shape(lines) !== shape(code)) throw new Error("lines: the program changed");
  return lines;
}

/** The rollup plugin; it stands after the minifier. */
export function lines(): Plugin {
  return {
    name: "lines",
    renderChunk(code) {
      return { code: oneStatementALine(code), map: broken(code).generateMap({ hires: true }) };
    },
  };
}
