// One statement a line, and the program unchanged.
import assert from "node:assert/strict";
import { oneStatementALine } from "../../tools/build/lines";

const cases: [string, string, string][] = [
  ["statements of a program", "a();b();", "a();\nb();"],
  [
    "statements of blocks and functions",
    "function f(){a();if(b){c();d()}return}f();",
    "function f(){\na();\nif(b){\nc();\nd()}\nreturn;}\nf();",
  ],
  ["a bare return keeps its semicolon", "function f(a){if(a)return;g()}", "function f(a){\nif(a)return;\ng()}"],
  ["bodies without braces stay", "if(a)b();else c();for(;;)d();", "if(a)b();else c();\nfor(;;)d();"],
  [
    "functions inside expressions",
    "a(function(){b();c()},()=>{d();e()});",
    "a(function(){\nb();\nc()},()=>{\nd();\ne()});",
  ],
  ["cases", "switch(a){case 1:b();break;default:c()}", "switch(a){case 1:\nb();\nbreak;default:\nc()}"],
  [
    "strings, templates and expressions stay whole",
    'a(";b()");c(`;${d};`);/;e/.test(f);',
    'a(";b()");\nc(`;${d};`);\n/;e/.test(f);',
  ],
  ["what has its own line already", "a();\nb();", "a();\nb();"],
];

describe("lines", () => {
  for (const [name, code, expected] of cases) {
    it(name, () => {
      assert.equal(oneStatementALine(code), expected);
      assert.equal(oneStatementALine(expected), expected);
    });
  }
});
