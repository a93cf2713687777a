// Base 64 that somebody sends.
import assert from "node:assert/strict";
import fc from "fast-check";
import { decoded } from "../../firmware/kernel/base64.cold";

describe("base 64", () => {
  it("says what was encoded, with blanks around", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        assert.equal(decoded(` ${text}\t`), Buffer.from(bytes).toString("latin1"));
      }),
    );
  });

  for (const text of ["=", "==", "===", "====", "= =", "  ==", "A===", "AA=A", "A", "AA", "AAA"])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(decoded(text), ""));
});
