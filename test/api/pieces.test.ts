// Answers in parts whose end lies where a list ends that may become longer meanwhile.
import assert from "node:assert/strict";
import { limitsPart } from "../../firmware/api/battery.cold";
import { inParts } from "../../firmware/api/pieces.cold";
import type { Needs } from "../../firmware/api/needs";
import { statusOf } from "../../firmware/api/status.cold";
import { NORMAL } from "../../firmware/battery/snapshot";
import { HISTORY } from "../../firmware/charge/limits";
import * as memory from "../../firmware/charge/memory";
import { brokenRules } from "../../firmware/charge/settings";
import { setImageText } from "../../firmware/kernel/text.cold";
import { bakeText } from "../../tools/bake/text";
import { bench } from "../settings/bench";

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

  it("the status tells limits, reasons, rules and history of one sample, whatever changes between its pieces", () => {
    setImageText(bakeText());
    const { app } = bench(NORMAL),
      { state, settings, history } = app.limits;
    settings[brokenRules] = 5;
    state[memory.changes] = HISTORY + 3;
    const limits = JSON.parse(limitsPart(app, 0)) as Record<string, unknown>,
      part = statusOf(app),
      first = part(app, 0);
    app.snapshot.seq++;
    for (const reason of [memory.cvlReason, memory.cclReason, memory.dclReason]) state[reason] = 9;
    state[memory.state]++;
    state[memory.cvlTarget] -= 1000;
    settings[brokenRules] = 2;
    history[state[memory.changes]++ % HISTORY] = 99 * 32768;
    const told = (JSON.parse(first + part(app, 1) + "}") as { limits: Record<string, unknown> }).limits,
      before = limits["history"] as unknown[];
    assert.deepEqual(told["history"], before.slice(1), "the oldest has made room, the newest is not of this sample");
    for (const name of Object.keys(told)) if (name !== "history") assert.deepEqual(told[name], limits[name], name);
  });
});
