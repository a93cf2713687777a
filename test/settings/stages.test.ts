// A change of the settings goes from stage to stage, one a turn: the old settings count until all of it is written, a
// power cut leaves old or new ones, and a second change waits for the first.
import assert from "node:assert/strict";
import { answer } from "../../firmware/api/routes.cold";
import { NORMAL } from "../../firmware/battery/snapshot";
import * as setting from "../../firmware/charge/settings";
import { newestSlot } from "../../firmware/config/slots.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import type { Put } from "../../firmware/settings/change";
import { beginChange, changeStep } from "../../firmware/settings/put.cold";
import { bakeText } from "../../tools/bake/text";
import { bench, type Bench, putAll } from "./bench";

const OLD = '{"can/limits":{"cclMax":100}}',
  NEW = '{"can/limits":{"cclMax":90,"dclMax":80}}';

/** The settings that a start would find now. */
const found = ({ app }: Bench): string => newestSlot(app.store, app.natives.crc32).document;

function begin(one: Bench, text: string, told: Put[] = []): boolean {
  return beginChange(one.app, {
    text,
    module: "",
    remote: "h",
    dry: false,
    confirmed: false,
    then: (put) => told.push(put),
  });
}

describe("a change of the settings in stages", () => {
  before(() => setImageText(bakeText()));

  function changed(): Bench {
    const one = bench(NORMAL);
    putAll(one, OLD);
    assert.deepEqual([found(one), one.app.limits.settings[setting.cclMax]], [OLD, 100]);
    return one;
  }

  it("leaves the old ones or the new ones at any power cut, and counts only when it is written", () => {
    const one = changed(),
      seen: string[] = [],
      told: Put[] = [];
    assert.ok(begin(one, NEW, told));
    for (let more = true; more; ) {
      const { settings } = one.app.limits,
        document = found(one),
        counts = [settings[setting.cclMax], settings[setting.dclMax]].join();
      assert.ok(document === OLD || document === NEW, document);
      assert.ok(counts === "100,180" || (counts === "90,80" && document === NEW), `${counts} ${document}`);
      assert.equal(told.length, 0, "told at the end");
      seen.push(`${counts} ${document === NEW ? "new" : "old"}`);
      more = one.turn();
    }
    assert.deepEqual([...new Set(seen)], ["100,180 old", "100,180 new", "90,80 new"]);
    assert.ok(seen.length > 10, `${seen.length} turns`);
    assert.deepEqual([told.length, told[0]!.code, told[0]!.changed.length], [1, "", 2]);
  });

  it("a second one meanwhile is refused, also over HTTP, and may come when the first is over", () => {
    const one = changed(),
      header = "\r\nX-Setup-Token: letmein",
      ask = (): string | null => answer(one.app, "PUT", "/api/config", header, '{"log":{"level":"warn"}}', "")(0);
    assert.ok(begin(one, NEW));
    one.turn();
    assert.ok(!begin(one, '{"log":{"level":"info"}}'));
    const busy = ask()!;
    assert.match(busy, /^HTTP\/1\.1 409 Conflict\r\n(.+\r\n)*Retry-After: 1\r\n/);
    assert.match(busy, /"code":"Busy".+"retryable":true/);
    while (one.turn());
    assert.equal(found(one), NEW);
    assert.equal(ask(), null, "under way");
  });

  it("one that died on its way does not keep others away for ever", () => {
    const one = changed();
    assert.ok(begin(one, NEW));
    one.app.natives.now = () => 92000 + 10001;
    assert.ok(begin(one, '{"log":{"level":"info"}}'));
  });

  it("waits until a message in pieces is out before it touches MQTT, but not for ever", () => {
    for (const isStuck of [false, true]) {
      const one = changed(),
        told: Put[] = [],
        session = { stream: 100 };
      let now = 92000;
      Object.assign(one.app.mqtt, { session });
      one.app.natives.now = () => now;
      one.app.commands.at = Infinity;
      begin(one, '{"mqtt":{"heartbeat_ms":2000}}', told);
      while (one.turn());
      assert.deepEqual([told.length, one.app.commands.change?.waits, one.app.commands.at], [0, true, now + 100]);
      now += 1000;
      changeStep(one.app);
      assert.ok(one.app.commands.change?.waits, "still");
      if (isStuck) now += 8000;
      else session.stream = 0;
      changeStep(one.app);
      while (one.turn());
      assert.deepEqual([told.length, told[0]?.code], [1, "Failed"], "went on: the bench has no MQTT");
    }
  });

  it("a fault in a stage is told, and the next change may come", () => {
    const one = changed(),
      told: Put[] = [];
    one.app.store.write = () => {
      throw new Error("broken");
    };
    one.app.network.tlsFault = () => {
      throw new Error("no network");
    };
    begin(one, '{"mqtt":{"use_tls":true}}', told);
    while (one.turn());
    assert.deepEqual([told.length, told[0]!.code, found(one)], [1, "Failed", OLD]);
    assert.ok(begin(one, NEW));
  });
});
