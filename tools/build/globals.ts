// Names that exist on the device without being declared: the language's, and those of Espruino in
// firmware/espruino.d.ts.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";
import { root } from "./board";

/** Values that a declaration file declares. */
function declared(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(resolve(root, file), "utf8"), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement)) return [statement.name!.text];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText(source));
    return [];
  });
}

/** Globals of Espruino: only firmware/drivers may name them. */
export const deviceGlobals = new Set(declared("firmware/espruino.d.ts"));

/** Globals of the language that the device has. (Function, eval, Promise and RegExp are there, and not wanted.) */
export const languageGlobals = new Set(
  (
    "undefined NaN Infinity Object Array String Number Boolean Date Math JSON Error ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray" +
    " Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array parseInt parseFloat isNaN isFinite encodeURIComponent" +
    " decodeURIComponent atob btoa"
  ).split(" "),
);
