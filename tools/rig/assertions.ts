// Before tests run: an assertion without a message gets one. Node 20 would read the source for it at the column where
// the compiled text has it, all of which stands in one line: that takes minutes, in which no time-out counts.
import assert from "node:assert/strict";

const ok: typeof assert.ok = assert.ok;
assert.ok = function (value: unknown, message?: string | Error): asserts value {
  ok(value, message ?? `${String(value)} where something true is wanted`);
};
