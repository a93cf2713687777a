// Small changes of a source file, each of which some test should notice: by the syntax tree of TypeScript.
import ts from "typescript";

/** A change: what stands from `start` to `end` of the file becomes `after`. */
export interface Mutant {
  file: string;
  start: number;
  end: number;
  before: string;
  after: string;
  line: number;
}

const K = ts.SyntaxKind;
/** Operators, and what each becomes. */
const SWAPS = new Map<ts.SyntaxKind, string>([
  [K.LessThanToken, "<="],
  [K.LessThanEqualsToken, "<"],
  [K.GreaterThanToken, ">="],
  [K.GreaterThanEqualsToken, ">"],
  [K.EqualsEqualsEqualsToken, "!=="],
  [K.ExclamationEqualsEqualsToken, "==="],
  [K.PlusToken, "-"],
  [K.MinusToken, "+"],
  [K.AsteriskToken, "/"],
  [K.SlashToken, "*"],
  [K.AmpersandToken, "|"],
  [K.BarToken, "&"],
  [K.LessThanLessThanToken, ">>"],
  [K.GreaterThanGreaterThanToken, "<<"],
  [K.PlusEqualsToken, "-="],
  [K.MinusEqualsToken, "+="],
  [K.BarEqualsToken, "&="],
]);

/** Whether a node is of types alone, which leave nothing in the image. */
const isOfTypes = (node: ts.Node): boolean =>
  ts.isTypeNode(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isImportDeclaration(node);

/** What a node alone can become: the part that changes, and its new text. */
function changesOf(node: ts.Node, source: ts.SourceFile): [part: ts.Node, after: string][] {
  if (ts.isBinaryExpression(node)) {
    const { left, right, operatorToken: operator } = node,
      swap = SWAPS.get(operator.kind),
      isText = [left, right].some((side) => ts.isStringLiteral(side) || ts.isTemplateLiteral(side));
    if (operator.kind === K.AmpersandAmpersandToken || operator.kind === K.BarBarToken)
      return [
        [node, left.getText(source)],
        [node, right.getText(source)],
      ];
    return swap && !(isText && swap === "-") ? [[operator, swap]] : [];
  }
  if (ts.isNumericLiteral(node)) return [[node, `${Number(node.text) + 1}`]];
  if (node.kind === K.TrueKeyword) return [[node, "false"]];
  if (node.kind === K.FalseKeyword) return [[node, "true"]];
  if (ts.isIfStatement(node)) return [[node.expression, `!(${node.expression.getText(source)})`]];
  if (ts.isExpressionStatement(node)) return [[node, ";"]];
  return [];
}

/** Every mutant of a file's text, in its order. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true),
    found: Mutant[] = [];
  const visit = (node: ts.Node): void => {
    if (isOfTypes(node)) return;
    for (const [part, after] of changesOf(node, source)) {
      const start = part.getStart(source),
        line = source.getLineAndCharacterOfPosition(start).line + 1;
      found.push({ file, start, end: part.end, before: part.getText(source), after, line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The text with the change in it. */
export function mutated(text: string, { start, end, after }: Mutant): string {
  return text.slice(0, start) + after + text.slice(end);
}

/** `count` of a list, each at most once, by a random number in [0, 1). */
export function chosen<T>(list: T[], count: number, random: () => number): T[] {
  const left = [...list];
  return Array.from(
    { length: Math.min(count, list.length) },
    () => left.splice(Math.floor(random() * left.length), 1)[0]!,
  );
}
