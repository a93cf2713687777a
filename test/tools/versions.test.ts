// Which interpreters the suite runs on: named by the environment, found on PATH, or said to be missing.
import assert from "node:assert/strict";
import { interpreterSuite, programOf, VERSIONS, versionOf } from "../../tools/versions";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";

describe("npm run test:versions", () => {
  const [version] = VERSIONS;
  it("takes what a variable names, and says which variable names nothing that runs", () => {
    assert.deepEqual(programOf(version!, { ESPRUINO_2V26: process.execPath }), { path: process.execPath });
    assert.throws(
      () => programOf(version!, { ESPRUINO_2V26: "/none/such" }),
      /ESPRUINO_2V26: \/none\/such is no program/,
    );
  });

  it("says what it skips, and how to name it", () => {
    const missing = { ...version!, program: "no-such-espruino" };
    assert.deepEqual(programOf(missing, {}), {
      skipped: "skipped: no no-such-espruino on PATH, and ESPRUINO_2V26 is not set",
    });
  });

  it("runs every file that asks for an interpreter", () => {
    const files = interpreterSuite();
    for (const part of [
      "interpreter/system",
      "interpreter/chip",
      "build/flash",
      "command/interpreter",
      "victron/interpreter",
    ])
      assert.ok(files.includes(`test/${part}.test.ts`), part);
  });

  it("asks an interpreter what it is", async function () {
    const interpreter = findInterpreter();
    if (!interpreter) {
      console.log(NO_INTERPRETER);
      return this.skip();
    }
    assert.match(await versionOf(interpreter), /^2v\d+(\.\d+)? [0-9a-f]{7}/);
  });
});
