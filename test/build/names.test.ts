// Short property names: what the minifier chooses must be no method of Espruino's objects, because it would be found
// before it was set. The interpreter itself says which there are.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deviceNames } from "../../tools/build/options";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";

const FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$_",
  NEXT = FIRST + "0123456789";

/** Prints each name of one or two characters that an object has which nobody gave it. */
const PROBE = `
var first = "${FIRST}", next = "${NEXT}";
var objects = [{}, [], function () {}, new Uint8Array(2), new Float64Array(2), new Date(0), new ArrayBuffer(2)];
function look(name) {
  for (var i = 0; i < objects.length; i++) {
    var found = false;
    try {
      found = objects[i][name] !== undefined;
    } catch (error) {
      // typed arrays throw for a member that they lack
    }
    if (found) return print("~" + name);
  }
}
for (var i = 0; i < first.length; i++) {
  look(first[i]);
  for (var k = 0; k < next.length; k++) look(first[i] + next[k]);
}
["emit", "edit", "clone", "call", "bind", "fill", "set", "join", "pop"].forEach(look);
print("~end");
quit();
`;

describe("short property names", () => {
  it("are kept from the minifier when objects of Espruino have them", async function () {
    const interpreter = findInterpreter();
    if (!interpreter) {
      console.log(NO_INTERPRETER);
      return this.skip();
    }
    const directory = temporaryDirectory();
    try {
      const script = join(directory.path, "probe.js");
      writeFileSync(script, PROBE);
      const printed = await runScript({ interpreter }, directory.path, script);
      const had = [...printed.matchAll(/^~(\S+)/gm)].map(([, name]) => name);
      assert.equal(had.pop(), "end", printed);
      assert.ok(had.includes("on") && had.includes("emit"), "the probe finds what there is");
      const kept = new Set(deviceNames());
      assert.deepEqual(
        had.filter((name) => !kept.has(name)),
        [],
        "put them into ESPRUINO_METHODS (tools/build/options.ts)",
      );
    } finally {
      directory.remove();
    }
  });
});
