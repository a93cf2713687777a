// Answers in parts whose end lies where a list ends that may become longer meanwhile.
import assert from "node:assert/strict";
import { inParts } from "../../firmware/api/pieces.cold";
import type { Needs } from "../../firmware/api/needs";

describe("answers in parts", () => {
  it("end once, although the list became longer behind its end", () => {
    let rows = 2;
    const pieces = inParts({} as Needs, (_needs, piece) =>
      piece === 0 ? "[0" : piece <= rows ? `,${piece}` : piece === rows + 1 ? "]\r\n" : "",
    );
    const texts = [0, 1, 2, 3].map((piece) => pieces(piece));
    rows++;
    assert.deepEqual([pieces(4), pieces(5)], ["", ""]);
    assert.ok(texts.join("").endsWith("\r\n\r\n[0,1,2]\r\n"), texts.join(""));
  });
});
