// Cold functions stand as text in the comment at the image's head, in flash, and are made from it when they are called:
// so one that does not run takes no memory, not even for its name. (A piece of a flash string is no copy, and eval
// parses it where it lies; counted on the interpreter: 22 JsVars while such a function lives, about 7 for ever for one
// that is declared.)
import { parse, type FunctionDeclaration } from "acorn";
import { simple } from "acorn-walk";
import MagicString from "magic-string";
import type { Plugin } from "rollup";
import { coldName, moduleBody } from "./sizes";

/** Offsets and lengths have as many digits as these, so that the code's own length does not depend on them. */
const AT = 1000000,
  LENGTH = 10000;
/**
 * The file that the image runs from, and the maker of a function from a piece of it, whose scope that function sees:
 * names that the minifier does not give.
 */
const MADE = `eval(_txt.substr(_from-${AT},_size-${LENGTH}))`,
  HELPERS = `\nconst _txt=(require)("Storage").read(".bootcde");
function _far(_from,_size){\nreturn ${MADE}}`;

/** `image` with its cold functions made once each, for an engine to which their memory is nothing and eval is dear. */
export const withKeptFunctions = (image: string): string =>
  image.replace(`return ${MADE}`, `return _far[_from]||(_far[_from]=${MADE})`);

/** The expression that makes the function at `at` of the image. */
export const farCall = (at: number, length: number): string => `_far(${AT + at},${LENGTH + length})`;

/** Offset and length in every such expression of `code`, each once. */
export function farPlaces(code: string): { at: number; length: number }[] {
  const places = new Map(
    [...code.matchAll(/_far\((\d+),(\d+)\)/g)].map(([, at, length]) => [Number(at) - AT, Number(length) - LENGTH]),
  );
  return [...places].map(([at, length]) => ({ at, length }));
}

/**
 * `code`, one function around everything, without its cold functions, which follow `text` in the comment; `open` and
 * `close` are the comment's ends. Throws when a cold function's text would end the comment.
 */
export function farImage(code: string, open: string, text: string, close: string): MagicString {
  const image = new MagicString(code),
    tree = parse(code, { ecmaVersion: 2022 }),
    body = moduleBody(tree);
  const cold = body.filter((node) => coldName(node) !== "") as FunctionDeclaration[];
  const places = new Map<string, string>(),
    texts: string[] = [];
  let at = open.length + text.length;
  for (const node of cold) {
    // calls in it have the same length when they are known: only its length is needed here
    const length = 2 + farLength(code, node, cold);
    places.set(node.id.name, farCall(at, length));
    at += length + 1;
  }
  simple(tree, {
    Identifier: (node) => {
      if (places.has(node.name)) image.overwrite(node.start, node.end, places.get(node.name)!);
    },
  });
  for (const node of cold) {
    texts.push(`(${image.slice(node.start, node.end).replace(/^function [\w$]+/, "function")})\n`);
    image.remove(node.start, node.end);
  }
  const head = open + text + texts.join("") + close;
  if (head.indexOf("*/") !== head.length - close.length)
    throw new Error("a cold function's text would end the comment at the image's head");
  image.appendRight(body[0]!.start, HELPERS.slice(1) + "\n").prepend(head);
  return image;
}

/** Length of a cold function's text without its name and with calls in the place of the names of others. */
function farLength(code: string, node: FunctionDeclaration, cold: FunctionDeclaration[]): number {
  const names = new Set(cold.map((one) => one.id.name));
  let length = node.end - node.start - node.id.name.length - 1;
  simple(node.body, {
    Identifier: (one) => {
      if (names.has(one.name)) length += farCall(0, 0).length - one.name.length;
    },
  });
  return length;
}

/** The rollup plugin; it stands last. `text` is what the comment holds already, "" leaves the image as it is. */
export function far(open: string, text: string, close: string): Plugin {
  return {
    name: "far",
    renderChunk(code) {
      if (text === "") return null;
      const image = farImage(code, open, text, close);
      return { code: image.toString(), map: image.generateMap({ hires: true }) };
    },
  };
}
