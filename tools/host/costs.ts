// What the image's work costs on the interpreter, counted while it runs in node. Espruino reads a function's text each
// time it runs, so the text that was run, and the text that was passed over, tell the instructions: weights for both,
// for a call and for a turn of a loop are checked in (costs.json): `npm run bench -- --costs` measures units of work on
// the interpreter and takes the weights that come nearest to all of them. A cold function is text from flash that is
// evaluated at each call: that counts by its length, then it runs as any other. What natives do is in
// the weights only as far as those units call some.
import { readFileSync } from "node:fs";
import { type AnyNode, type BlockStatement, type Expression, type Function, parse, type Program } from "acorn";
import MagicString from "magic-string";

/**
 * x86 instructions: a character that is run, one of a branch that is passed over, one of a function that is defined,
 * one of a cold function that is made from flash; a call, a turn of a loop, a text put together with a piece that is
 * written out.
 */
export interface Weights {
  run: number;
  skip: number;
  define: number;
  /** Without it cold functions count nothing. */
  make?: number;
  call: number;
  turn: number;
  join: number;
}

/** Instructions a second of a chip: 240 MHz, about 1.7 cycles each. */
export const INSTRUCTIONS_A_SECOND = 140e6;

/**
 * The weights that were measured last; those `withCold` count cold functions too, the others leave their work out and
 * put that of the measured units on the rest.
 */
export function measuredWeights(withCold = false): Weights {
  const { weights, withCold: all } = JSON.parse(readFileSync(new URL("costs.json", import.meta.url), "utf8")) as Record<
    "weights" | "withCold",
    Weights
  >;
  return withCold ? all : weights;
}

/**
 * Those of turns: cold functions count, and what is defined inside one costs as much as elsewhere. (No unit of work
 * tells it; those that come nearest to all units give it ten times what 1,000 such characters cost when they were
 * counted, 220 a character on top of `make`.)
 */
export function turnWeights(): Weights {
  return { ...measuredWeights(true), define: measuredWeights().define };
}

/** Name of the counter, a lexical name of the script: reaching a global of the realm costs node too much. */
export const COUNTER = "$spent";
/** Name of what makes a text that is evaluated count itself (`countedTexts`). */
export const COUNTED = "$counted";

type Node = AnyNode & { start: number; end: number };

const length = ({ start, end }: { start: number; end: number }): number => end - start;

interface Counting {
  out: MagicString;
  weights: Weights;
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === "string";

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value: unknown) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

const isFunction = (node: Node): node is Function & Node =>
  node.type === "FunctionDeclaration" || node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression";

/** True when the node may leave the list of statements in which it stands. */
function mayLeave(node: Node): boolean {
  if (isFunction(node)) return false;
  if (["ReturnStatement", "BreakStatement", "ContinueStatement", "ThrowStatement"].includes(node.type)) return true;
  return childrenOf(node).some(mayLeave);
}

const add = (weight: number): string => `${COUNTER}[0]+=${Math.round(weight)}`;

/**
 * An expression that may or may not be evaluated; gives the weight of passing it over, and counts the difference when
 * it is run.
 */
function optional(c: Counting, node: Expression): number {
  const skipped = c.weights.skip * length(node),
    run = expression(c, node);
  c.out.appendLeft(node.start, `(${add(run - skipped)},`);
  c.out.appendLeft(node.end, ")");
  return skipped;
}

const isText = (node: Node): boolean =>
  (node.type === "Literal" && typeof node.value === "string") ||
  (node.type === "BinaryExpression" && node.operator === "+" && (isText(node.left as Node) || isText(node.right)));

/** How many texts the node itself makes of others. */
function joins(node: Node): number {
  if (node.type === "TemplateLiteral") return node.expressions.length;
  if (node.type === "AssignmentExpression") return node.operator === "+=" && isText(node.right) ? 1 : 0;
  return isText(node) && node.type === "BinaryExpression" ? 1 : 0;
}

/** Weight of a node that is evaluated, its functions passed over; what is conditional in it counts itself. */
function expression(c: Counting, node: Node): number {
  if (isFunction(node)) {
    functionOf(c, node);
    return c.weights.define * length(node);
  }
  if (
    c.weights.make !== undefined &&
    node.type === "CallExpression" &&
    node.callee.type === "Identifier" &&
    node.callee.name === "eval"
  ) {
    c.out.appendLeft(node.arguments[0].start, `${COUNTED}(`);
    c.out.appendLeft(node.arguments[0].end, ")");
  }
  const children = childrenOf(node);
  let own = length(node);
  for (const child of children) own -= length(child);
  let weight = Math.max(0, own) * c.weights.run + joins(node) * c.weights.join;
  for (const child of children) {
    const isOptional =
      (node.type === "ConditionalExpression" && child !== node.test) ||
      (node.type === "LogicalExpression" && child === node.right);
    weight += isOptional ? optional(c, child as Expression) : expression(c, child);
  }
  return weight;
}

/** A statement made a block that counts itself, with what it costs besides. */
function counted(c: Counting, node: Node, extra: number): void {
  if (node.type === "BlockStatement") return block(c, node, extra);
  const weight = statement(c, node) + extra;
  c.out.appendLeft(node.start, `{${add(weight)};`);
  c.out.appendLeft(node.end, "}");
}

/**
 * A statement that may or may not be run; gives the weight of passing it over, and counts the difference when it is
 * run.
 */
function branch(c: Counting, node: Node): number {
  const skipped = c.weights.skip * length(node);
  counted(c, node, -skipped);
  return skipped;
}

function loop(c: Counting, node: Node & { body: Node }): number {
  const head = childrenOf(node).filter((child) => child !== node.body);
  let once = 0,
    each = c.weights.turn;
  for (const child of head) {
    const weight = expression(c, child),
      isFirst = node.type === "ForStatement" ? child === node.init : node.type === "ForOfStatement";
    if (isFirst) once += weight;
    else each += weight;
  }
  counted(c, node.body, each);
  return once + each;
}

/** Weight of a statement when it is reached. */
function statement(c: Counting, node: Node): number {
  switch (node.type) {
    case "IfStatement": {
      const test = expression(c, node.test) + 4 * c.weights.run;
      return test + branch(c, node.consequent) + (node.alternate ? branch(c, node.alternate) : 0);
    }
    case "ForStatement":
    case "ForOfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      return loop(c, node as Node & { body: Node });
    case "SwitchStatement": {
      let weight = expression(c, node.discriminant) + 8 * c.weights.run;
      for (const one of node.cases) {
        if (one.test) weight += expression(c, one.test);
        weight += (length(one) - (one.test ? length(one.test) : 0)) * c.weights.skip;
        if (one.consequent.length > 0) statements(c, one.consequent, one.consequent[0].start, 0);
      }
      return weight;
    }
    case "TryStatement":
      block(c, node.block, 0);
      if (node.handler) block(c, node.handler.body, 0);
      if (node.finalizer) block(c, node.finalizer, 0);
      return 10 * c.weights.run;
    case "BlockStatement":
      block(c, node, 0);
      return 2 * c.weights.run;
    default:
      return expression(c, node);
  }
}

/** Counts a list of statements in pieces that are run whole. */
function statements(c: Counting, list: Node[], at: number, extra: number): void {
  let from = at,
    weight = extra;
  for (const node of list) {
    weight += statement(c, node);
    if (!mayLeave(node) || node === list.at(-1)) continue;
    c.out.appendLeft(from, `${add(weight)};`);
    from = node.end;
    weight = 0;
  }
  c.out.appendLeft(from, `${add(weight)};`);
}

function block(c: Counting, node: BlockStatement & Node, extra: number): void {
  statements(c, node.body, node.start + 1, extra);
}

function functionOf(c: Counting, node: Function & Node): void {
  const extra = c.weights.call;
  if (node.body.type === "BlockStatement") block(c, node.body, extra);
  else {
    const weight = expression(c, node.body) + extra;
    c.out.appendLeft(node.body.start, `(${add(weight)},`);
    c.out.appendLeft(node.body.end, ")");
  }
}

/** The image that was counted last: the next one is mostly the same, and taking one apart takes half a second. */
let last = { image: "", weights: "", text: "" };

/**
 * The image as it counts instructions in `$spent[0]`, which must be there. It does what it did; only its text is
 * another one.
 */
export function countedImage(image: string, weights: Weights): string {
  const key = JSON.stringify(weights);
  if (last.image !== image || last.weights !== key) last = { image, weights: key, text: counting(image, weights) };
  return last.text;
}

function counting(text: string, weights: Weights): string {
  const program: Program = parse(text, { ecmaVersion: 2015 }),
    c: Counting = { out: new MagicString(text), weights };
  statements(c, program.body as Node[], 0, 0);
  return c.out.toString();
}

const countedBy = new Map<string, Map<string, string>>();

/** Texts as they count themselves when they are evaluated. Each is taken apart once. */
export function countedTexts(weights: Weights): (text: string) => string {
  const key = JSON.stringify(weights),
    known = countedBy.get(key) ?? new Map<string, string>();
  countedBy.set(key, known);
  return (text) => {
    const made = add(((weights.make ?? 0) - weights.define) * text.length), // it counts itself as defined
      counted = known.get(text) ?? `${made};${counting(text, weights)}`;
    known.set(text, counted);
    return counted;
  };
}
