// Names of members that the device's natives have or look for, from the declarations of ES5 and the firmware's own.
// They are baked because each build needs them, and the compiler that reads declarations takes seconds to load.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";
import { root } from "../build/board";

const DECLARATIONS = ["node_modules/typescript/lib/lib.es5.d.ts", "firmware/espruino.d.ts", "firmware/lib.d.ts"];

/** The text of tools/build/members.baked.ts. */
export function bakeMembers(): string {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node) || ts.isMethodSignature(node)) names.add(node.name.getText());
    ts.forEachChild(node, visit);
  };
  for (const file of DECLARATIONS)
    visit(ts.createSourceFile(file, readFileSync(resolve(root, file), "utf8"), ts.ScriptTarget.ES2015, true));
  return `// Baked by tools/bake.ts from the declarations of ES5 and of the firmware: members of the device's natives.

export const members = ${JSON.stringify([...names].join(" "))}.split(" ");
`;
}
