// What Espruino's language lacks or reads differently, as ESLint selectors (esquery): one list for the lint over
// firmware/ and for the check of the built image. Each was probed on the interpreter. What needs scopes or tokens
// stands in rules.ts.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { root } from "./board";

/** One refusal: which nodes, and why. */
export interface Refused {
  selector: string;
  message: string;
}

/** Modules that the device's Espruino has inside; nothing else can be required, because the image is all there is. */
export const builtinModules: string[] = (
  JSON.parse(readFileSync(resolve(root, "boards/ESP32.json"), "utf8")) as { info: { builtin_modules: string[] } }
).info.builtin_modules;

const words = (names: string): string => `/^(${names.split(" ").join("|")})$/`;

const syntax: Refused[] = [
  { selector: "AssignmentPattern", message: "default values are not understood" },
  { selector: "RestElement", message: "rest parameters are not understood" },
  { selector: "SpreadElement", message: "spread is not understood" },
  { selector: ":matches(ObjectPattern, ArrayPattern)", message: "destructuring assigns nothing" },
  { selector: "ChainExpression", message: "?. is not understood" },
  {
    selector: ":matches(BinaryExpression[operator='**'], AssignmentExpression[operator='**='])",
    message: "** is not understood",
  },
  {
    selector: "AssignmentExpression[operator=/^(&&|\\|\\||\\?\\?)=$/]",
    message: "logical assignment is not understood",
  },
  {
    selector: ":matches(Property, MethodDefinition, PropertyDefinition)[computed=true]",
    message: "computed keys are not understood",
  },
  { selector: ":matches(:function[async=true], AwaitExpression)", message: "async functions are not understood" },
  { selector: ":matches(:function[generator=true], YieldExpression)", message: "generators are not understood" },
  { selector: "LabeledStatement", message: "labels are not understood" },
  { selector: "WithStatement", message: "with is not understood" },
  { selector: "DebuggerStatement", message: "debugger halts the device for ever" },
  {
    selector: ":matches(ClassDeclaration, ClassExpression)",
    message: "classes differ from the language's: use functions over a small object",
  },
  { selector: "PrivateIdentifier", message: "private names are not understood" },
  { selector: "TaggedTemplateExpression", message: "tagged templates are not understood" },
  { selector: ":matches(ImportExpression, MetaProperty)", message: "import() and meta properties are not understood" },
  { selector: "Property[kind!='init']", message: "JSON.stringify skips getters" },
  { selector: "ForInStatement", message: "for..in differs: use Object.keys" },
  { selector: "UnaryExpression[operator='delete']", message: "delete spoils a walk over the object: make a new one" },
  { selector: "SwitchCase[test=null]:not(:last-child)", message: "default must be the last case" },
  { selector: "Identifier[name='of']", message: "`of` can't be a name" },
  { selector: "Identifier[name='arguments']", message: "`arguments` differs in arrow functions: name the parameters" },
];

const BACKSLASH = "(^|[^\\\\])(\\\\\\\\)*\\\\"; // an odd number of backslashes: the last one is an escape

const literals: Refused[] = [
  { selector: "TemplateElement[value.raw=/\\\\[`$]/]", message: "\\` and \\$ are not understood in templates" },
  { selector: "TemplateLiteral Literal[raw=/[{}]/]", message: "a brace in a string inside ${} ends it" },
  {
    selector: "TemplateLiteral TemplateLiteral > TemplateElement[value.raw=/[{}]/]",
    message: "a brace in a template inside ${} ends it",
  },
  {
    selector: `:matches(Literal[raw=/${BACKSLASH}u\\{/], TemplateElement[value.raw=/${BACKSLASH}u\\{/])`,
    message: "\\u{} is not understood",
  },
  {
    selector: `:matches(Literal[raw=/${BACKSLASH}\\r?\\n/], TemplateElement[value.raw=/${BACKSLASH}\\r?\\n/])`,
    message: "a line continuation keeps the newline",
  },
  {
    selector: ":matches(Literal[value=/[^\\x00-\\xff]/], TemplateElement[value.cooked=/[^\\x00-\\xff]/])",
    message: "characters are bytes: write UTF-8 as \\x..",
  },
  {
    selector:
      ":matches(Literal[raw=/[^\\x00-\\x7f]/], TemplateElement[value.raw=/[^\\x00-\\x7f]/], Identifier[name=/[^\\x00-\\x7f]/])",
    message: "not ASCII: write bytes as \\x..",
  },
  { selector: "Literal[bigint]", message: "BigInt does not exist" },
  { selector: "Literal[value>9007199254740992]", message: "a number beyond 2^53 is printed wrong" },
];

const uses: Refused[] = [
  {
    selector:
      ":matches(AssignmentExpression, UpdateExpression) > MemberExpression:matches(.left, .argument)[property.name='length']",
    message: "assigning to length throws: use splice or a new array",
  },
  {
    selector: "MemberExpression[computed=true] > UnaryExpression.property[operator='-']",
    message: "a negative index throws",
  },
  {
    selector: "BinaryExpression[operator='instanceof'][right.name='Error']",
    message: "a TypeError is no instance of Error: use `.type`",
  },
  {
    selector:
      "CallExpression[callee.name=/^(clearTimeout|clearInterval|changeInterval)$/]" +
      ":matches([arguments.length=0], [arguments.0.name='undefined'], [arguments.0.operator='void'])",
    message: "without a timer this stops all of them",
  },
  { selector: "CallExpression[callee.property.name='split'][arguments.length>1]", message: "split ignores a limit" },
  {
    selector: "CallExpression[callee.object.name='JSON'][callee.property.name='stringify'][arguments.length>1]",
    message: "stringify ignores a replacer",
  },
  {
    selector: "CallExpression[callee.property.name='replace'][arguments.1.value=/\\$/]",
    message: "$ is not expanded in a replacement",
  },
  {
    selector: `CallExpression[callee.name='require']:not([arguments.0.value=${words(builtinModules.join(" "))}])`,
    message: `only modules inside the device's Espruino: ${builtinModules.join(", ")}`,
  },
];

/**
 * Members that objects of the language have elsewhere: refused where they are called, because data may have such a
 * name.
 */
export const MISSING =
  "flat flatMap findLast findLastIndex at reduceRight copyWithin codePointAt trimStart trimEnd localeCompare search" +
  " matchAll normalize toPrecision toExponential isPrototypeOf propertyIsEnumerable";

/**
 * What the global objects of the language have; nothing else of theirs exists (Object.freeze is another function
 * there).
 */
const PRESENT: Record<string, string> = {
  Math: "abs acos asin atan atan2 ceil cos exp floor log max min random round sign sin sqrt tan PI E LN2 LN10 LOG2E LOG10E SQRT2 SQRT1_2",
  Number: "MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY",
  Object:
    "assign create defineProperties defineProperty entries fromEntries getOwnPropertyDescriptor getOwnPropertyNames getPrototypeOf" +
    " keys setPrototypeOf values",
  Array: "isArray",
  String: "fromCharCode",
  Date: "now parse",
  JSON: "parse stringify",
};

const TYPED = words(
  "Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array",
);

const members: Refused[] = [
  {
    selector: `CallExpression > MemberExpression.callee[property.name=${words(MISSING)}]`,
    message: "this method does not exist",
  },
  {
    selector:
      "CallExpression > MemberExpression.callee[property.name=/^(keys|values|entries)$/]:not([object.name='Object'])",
    message: "this method does not exist",
  },
  {
    selector: "CallExpression[callee.property.name='lastIndexOf']:not([arguments.0.value=/^/])",
    message: "only strings have lastIndexOf: its argument must be a text",
  },
  ...Object.entries(PRESENT).map(([object, names]) => ({
    selector: `MemberExpression[computed=false][object.name='${object}'][property.name!=${words(names)}]`,
    message: `${object} has no such member (Math.pow is inexact)`,
  })),
  { selector: `MemberExpression[computed=false][object.name=${TYPED}]`, message: "typed arrays have no such member" },
];

/** Everything that can be seen in the syntax tree alone; the options of ESLint's no-restricted-syntax. */
export const refused: Refused[] = [...syntax, ...literals, ...uses, ...members];
