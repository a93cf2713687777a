// Every construct that Espruino lacks or reads differently, each with the nearest one that works. `bad` must be refused
// by the lint and by the image check; `good` must pass both. Free names are declared by the reader of the table.

export interface Construct {
  name: string;
  bad: string[];
  good: string[];
}

export const constructs: Construct[] = [
  {
    name: "default parameter",
    bad: ["function f(x = 1) { return x; }", "const f = (x = 1) => x;"],
    good: ["function f(x) { return x; }"],
  },
  { name: "rest", bad: ["function f(...x) { return x; }"], good: ["function f(x, y) { return x + y; }"] },
  {
    name: "spread",
    bad: ["g(...a);", "const b = [...a];", "const b = { ...o };", "new Uint8Array(...a);"],
    good: ["g.apply(null, a);", "const b = a.concat([1]);"],
  },
  {
    name: "destructuring",
    bad: ["const { y } = o;", "const [y] = a;", "function f({ y }) { return y; }", "[x, a] = a;", "({ x } = o);"],
    good: ["const y = o.x;", "x = a[0];"],
  },
  { name: "optional chaining", bad: ["g(o?.x);", "o?.x();", "g(a?.[0]);"], good: ["g(o ? o.x : 0);", "g(o ?? 1);"] },
  { name: "power", bad: ["g(x ** 2);", "x **= 2;", "g(Math.pow(2, 32));"], good: ["g(x * x);", "g(Math.sqrt(x));"] },
  { name: "logical assignment", bad: ["x ||= 1;", "x &&= 1;", "x ??= 1;"], good: ["x = x || 1;", "x |= 1;"] },
  {
    name: "computed key",
    bad: ["const b = { [x]: 1 };", "const b = { [x]() { g(); } };"],
    good: ["const b = {};\nb[x] = 1;", 'const b = { "a-b": 1, 3: 4, m() { g(); } };'],
  },
  {
    name: "async",
    bad: ["async function f() { g(); }", "const f = async () => g();"],
    good: ["function f() { g(); }"],
  },
  {
    name: "generator",
    bad: ["function* f() { g(); }", "function* f() { yield 1; }"],
    good: ["for (const v of a) g(v);"],
  },
  { name: "label", bad: ["out: for (const v of a) break out;"], good: ["for (const v of a) if (v) break;"] },
  { name: "with", bad: ["with (o) g();"], good: ["g(o.with1);"] },
  { name: "debugger", bad: ["debugger;"], good: ["g();"] },
  {
    name: "class",
    bad: [
      "class A {}",
      "const A = class { m() { g(); } };",
      "class A { x = []; }",
      "class A { #x; }",
      "class A { static {} }",
    ],
    good: ["const A = { m: function () { g(); } };"],
  },
  { name: "tagged template", bad: ["g`x`;"], good: ["g(`x`);"] },
  {
    name: "template escapes",
    bad: ["g(`\\``);", "g(`\\${x}`);", "g(`$\\{${x}\\``);"],
    good: ["g(`$${x}{`);", "g(`a\\n${x}`);"],
  },
  {
    name: "brace in a template's expression",
    bad: ['g(`${x + "}"}`);', "g(`${/}/.test(x)}`);", "g(`${`${x}}`}`);"],
    good: ["g(`${{ a: 1 }.a}}`);", 'g(`${x + "a"}{}`);'],
  },
  {
    name: "code point escape",
    bad: ['g("\\u{41}");', "g(`\\u{41}`);", 'g("\\\\\\u{41}");'],
    good: ['g("\\u0041");', 'g("\\\\u{41}");'],
  },
  { name: "BigInt", bad: ["g(1n);", "g(BigInt(1));"], good: ["g(1);"] },
  { name: "line continuation", bad: ['g("a\\\nb");', "g(`a\\\nb`);"], good: ['g("a\\nb");', "g(`a\nb`);"] },
  {
    name: "characters beyond a byte",
    bad: ['g("\\u20ac");', "g(`\\u20ac`);", 'g("\u00e9");', "g(`\u20ac`);", "const \u00e9 = 1;\ng(\u00e9);"],
    good: ['g("\\xe2\\x82\\xac");', 'g("\\u00e9");'],
  },
  { name: "a name `of`", bad: ["const of = 1;\ng(of);"], good: ["const off = 1;\ng(off);"] },
  {
    name: "case after default",
    bad: ["switch (x) { default: g();\nbreak;\ncase 1: g(1); }"],
    good: ["switch (x) { case 1: g(1);\nbreak;\ndefault: g(); }"],
  },
  {
    name: "arguments",
    bad: ["const f = () => g(arguments);", "function f() { g(arguments.length); }"],
    good: ["const f = (x) => g(x);"],
  },
  {
    name: "for..in",
    bad: ["for (const k in o) g(k);"],
    good: ["for (const k of Object.keys(o)) g(k);", 'g("k" in o);'],
  },
  { name: "delete", bad: ["delete o.x;", "for (const k of a) delete o[k];"], good: ["o.x = undefined;"] },
  {
    name: "getter",
    bad: ["const b = { get x() { return 1; } };", "const b = { set x(v) { g(v); } };"],
    good: ["const b = { get: 1, set: 2 };"],
  },
  {
    name: "closure over a loop's own variable",
    bad: [
      "for (let i = 0; i < 3; i++) g(function () { return i; });",
      "for (const v of a) g(() => v);",
      "for (let i = 0, n = 3; i < n; i++) { g(() => () => n); }",
    ],
    good: [
      "for (let i = 0; i < 3; i++) { const j = i;\ng(function () { return j; }); }",
      "for (const v of a) { const w = v;\ng(() => w); }",
      "for (const v of a) g(function (v) { return v; }, v);",
    ],
  },
  {
    name: "use before the declaration",
    bad: ["f();\nfunction f() { g(); }", "function h() { g(k());\nfunction k() { return 1; } }", "g(z);\nconst z = 1;"],
    good: [
      "function f() { g(); }\nf();",
      "function h() { function k() { return 1; }\ng(k()); }",
      "function f() { g(z); }\nconst z = 1;\nf();",
    ],
  },
  {
    name: "closure before the first variable of its block",
    bad: ["{ x = () => y;\nconst y = 1;\nx(); }", "if (x) { function f() { return y; }\nconst y = 1;\nf(); }"],
    good: ["{ const y = 1;\nx = () => y;\nx(); }", "x = () => y;\nconst y = 1;\nx();"],
  },
  {
    name: "recursion",
    bad: [
      "function f(n) { return n ? f(n - 1) : 0; }",
      "function f(n) { return h(n); }\nfunction h(n) { return f(n); }",
    ],
    good: ["function f(n) { g(function () { f(n); }); }", "function f(n) { g(n); }\nfunction h(n) { f(n); }"],
  },
  {
    name: "missing global",
    bad: ["Map", "Set", "WeakMap", "Symbol", "Proxy", "Reflect", "Intl", "TextEncoder", "Promise"]
      .map((name) => `g(new ${name}());`)
      .concat([
        "structuredClone(o);",
        "queueMicrotask(g);",
        "setImmediate(g);",
        "g(eval('1'));",
        "g(new Function('1'));",
        "g(nothing);",
      ]),
    good: [
      "g(new Uint8Array(8), new DataView(new ArrayBuffer(8)), parseInt('1'), isNaN(x), Infinity);",
      "function f(Map) { return Map; }",
    ],
  },
  {
    name: "missing member of a global",
    bad: ["trunc", "log2", "log10", "hypot", "imul", "fround", "clz32", "cbrt", "pow"]
      .map((name) => `g(Math.${name}(x));`)
      .concat(["isInteger", "isNaN", "isFinite", "parseFloat"].map((name) => `g(Number.${name}(x));`))
      .concat([
        "g(Array.from(a));",
        "g(Array.of(1));",
        "g(Object.freeze(o));",
        "g(Uint8Array.from(a));",
        "g(Uint8Array.BYTES_PER_ELEMENT);",
        "g(Date.UTC(1));",
        "g(Number.EPSILON);",
        "g(String.raw);",
      ]),
    good: [
      "g(Math.sign(x), Math.round(x), Math.PI, Number.MAX_VALUE, Object.keys(o), Array.isArray(a), String.fromCharCode(65));",
      "g(o.trunc);",
    ],
  },
  {
    name: "missing method",
    bad: ["flat()", "flatMap(g)", "at(0)", "findLast(g)", "reduceRight(g)", "lastIndexOf(x)", "keys()", "entries()"]
      .map((call) => `g(a.${call});`)
      .concat(
        [
          "codePointAt(0)",
          "trimStart()",
          "trimEnd()",
          "localeCompare(x)",
          "search(x)",
          "toPrecision(3)",
          "toExponential()",
        ].map((call) => `g(s.${call});`),
      ),
    good: [
      'g(a.map(g), a.filter(g), a.find(g), a.fill(0), a.includes(1), a.indexOf(1), s.lastIndexOf("."), s.trim(), s.substr(1), x.toFixed(2));',
      "g(o.at, { at: 1 }.at);",
    ],
  },
  {
    name: "assignment to length",
    bad: ["a.length = 0;", "a.length--;", "a.length += 1;"],
    good: ["a.splice(0, a.length);", "x = a.length;"],
  },
  { name: "negative index", bad: ["g(a[-1]);"], good: ["g(a[a.length - 1]);"] },
  { name: "instanceof Error", bad: ["g(x instanceof Error);"], good: ["g(x instanceof Uint8Array);"] },
  {
    name: "call that stops all timers",
    bad: [
      "clearTimeout();",
      "clearInterval();",
      "changeInterval();",
      "clearInterval(undefined);",
      "clearInterval(void 0);",
    ],
    good: ["clearInterval(x);", "changeInterval(x, 10);"],
  },
  {
    name: "ignored argument",
    bad: ['g(s.split(",", 2));', "g(JSON.stringify(o, null, 2));", 's.replace("X", "$&");'],
    good: ['g(s.split(","), JSON.stringify(o), JSON.parse("1"), s.replace("X", "Y"));'],
  },
  {
    name: "regular expression",
    bad: [
      "/a{2}/",
      "/a{2,3}/",
      "/(?:a)/",
      "/a(?=b)/",
      "/(?<!a)b/",
      "/\\ba/",
      "/a*?/",
      "/a+?/",
      "/a??/",
      "/[/]/",
      "/(a)\\1/",
      "/a/m",
      "/a/u",
    ].map((r) => `g(${r}.test(s));`),
    good: ["/^[^0-9a-fA-F]+$/", "/\\d+\\.\\d*/g", "/a|b/i", "/(ab)?\\/\\w\\s/", "/[{}?]/", "/\\{\\?/", "/\\\\/"].map(
      (r) => `g(${r}.test(s));`,
    ),
  },
  {
    name: "module that is not built in",
    bad: ['g(require("MQTT"));', "g(require(x));", "g(require());"],
    good: ['g(require("net"), require("Storage"), require("Wifi"));'],
  },
  {
    name: "number beyond 2^53",
    bad: ["g(9007199254740994);", "g(1e20);"],
    good: ["g(9007199254740991, 4294967296, 1e-9, -1e15);"],
  },
];
