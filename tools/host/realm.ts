// The image's own realm in node: a `vm` context without what Espruino lacks, and the one way to call back into it.
// Source: a list made by asking Espruino 2v29 for each name.
import vm from "node:vm";

const ABSENT: Record<string, string> = {
  "globalThis": `Map Set WeakMap WeakSet WeakRef FinalizationRegistry Symbol Proxy Reflect BigInt Intl Iterator Atomics SharedArrayBuffer
    WebAssembly BigInt64Array BigUint64Array AggregateError EvalError RangeError URIError decodeURI encodeURI escape unescape console`,
  "Array": "from of fromAsync",
  "Array.prototype": `at copyWithin entries findLast findLastIndex flat flatMap keys lastIndexOf reduceRight values toSorted
    toReversed toSpliced with`,
  "Object": "freeze getOwnPropertySymbols groupBy hasOwn is isExtensible isFrozen isSealed preventExtensions seal",
  "Object.prototype": "isPrototypeOf propertyIsEnumerable",
  "String": "fromCodePoint raw",
  "String.prototype": `anchor at codePointAt isWellFormed toWellFormed localeCompare matchAll normalize search toLocaleLowerCase
    toLocaleUpperCase trimEnd trimStart trimLeft trimRight`,
  "Object.getPrototypeOf(Uint8Array)": "from of",
  "Object.getPrototypeOf(Uint8Array.prototype)": `at copyWithin entries findLast findLastIndex keys lastIndexOf reduceRight toReversed
    toSorted with`,
  "Uint8Array": "BYTES_PER_ELEMENT",
  "ArrayBuffer": "isView",
  "ArrayBuffer.prototype": "slice resize transfer",
  "Math": "acosh cbrt clz32 expm1 fround hypot imul log10 log1p log2 tanh trunc",
  "Number": "isInteger isNaN isFinite isSafeInteger parseFloat parseInt EPSILON MAX_SAFE_INTEGER MIN_SAFE_INTEGER",
  "Number.prototype": "toPrecision toExponential toLocaleString",
  "Promise": "allSettled any race withResolvers",
  "Promise.prototype": "finally",
  "Date": "UTC",
};

/** What the device's parts need of the realm. */
export interface Realm {
  global: Record<string, unknown>;
  /** Evaluate a text in the realm. */
  evaluate(text: string, name: string): unknown;
  /** Throw an Error of the realm. */
  fail(message: string): never;
  /** Bytes as the realm's own typed array. */
  bytes(data: ArrayLike<number>): Uint8Array;
}

function deletions(): string {
  const last = Object.entries(ABSENT).filter(([owner]) => owner === "globalThis");
  const rest = Object.entries(ABSENT).filter(([owner]) => owner !== "globalThis");
  return (
    [...rest, ...last]
      .map(([owner, names]) =>
        names
          .split(/\s+/)
          .map((name) => `delete ${owner}.${name};`)
          .join(""),
      )
      .join("\n") + "delete globalThis.globalThis;"
  );
}

/** Each text is compiled once a process: a device that starts again runs the same image. */
const scripts = new Map<string, vm.Script>();

function scriptOf(text: string, name: string): vm.Script {
  const script = scripts.get(text) ?? new vm.Script(text, { filename: name });
  scripts.set(text, script);
  return script;
}

/** A fresh realm with the language as Espruino has it and nothing else but `global`. */
export function createRealm(): Realm {
  const context = vm.createContext({});
  const evaluate = (text: string, name: string): unknown => scriptOf(text, name).runInContext(context);
  const global = evaluate("globalThis", "global") as Record<string, unknown>;
  const makeError = evaluate("(function (message) { return new Error(message); })", "error") as (
    message: string,
  ) => Error;
  const makeBytes = evaluate("(function (data) { return new Uint8Array(data); })", "bytes") as Realm["bytes"];
  evaluate(deletions(), "absent");
  global.global = global;
  global.btoa = (text: unknown) => Buffer.from(String(text), "latin1").toString("base64");
  // of node, not of the language there
  global.atob = (text: unknown) => {
    if (/^\s*=\s*=?\s*$/.test(String(text)))
      throw makeError("atob: a text of length -1, which reads memory that is not there");
    return Buffer.from(String(text), "base64").toString("latin1");
  };
  return {
    global,
    evaluate,
    fail: (message) => {
      throw makeError(message);
    },
    bytes: makeBytes,
  };
}
