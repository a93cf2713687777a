// Timers of the host against what Espruino 2v29 does (its src/jsinteractive.c, and runs of the interpreter).
import assert from "node:assert/strict";
import { bootSmall, closeRigs } from "./rig";

const BLOCK = "function block(s) { var end = getTime() + s; while (getTime() < end); }\n";

describe("host timers", () => {
  afterEach(closeRigs);

  it("make up for the calls that a block cost, one by one, and stay on their grid", async () => {
    const rig = await bootSmall(
      BLOCK +
        `
      var calls = 0, t0 = getTime(), id = setInterval(function () {
        calls++;
        if (calls === 2) { block(0.2); setTimeout(function () { print(calls); }, 100); }
        if (calls === 40) { print(getTime() - t0); clearInterval(id); }
      }, 10);`,
    );
    const [afterBlock, elapsed] = (await rig.printed(2)).map(Number);
    assert.ok(afterBlock >= 28, `only ${afterBlock} calls 100 ms after a block of 20 periods`);
    assert.ok(elapsed >= 0.399, `40 calls of 10 ms in ${elapsed} s`);
  });

  it("let what came at the UART meanwhile in before the calls that they make up for", async () => {
    const rig = await bootSmall(
      BLOCK +
        `
      var log = "", n = 0, id = setInterval(function () {
        log += "i";
        if (++n === 1) { Serial1.write("x"); block(0.1); }
        if (n === 9) { clearInterval(id); print(log); }
      }, 10);
      Serial1.setup(115200, { rx: 1, tx: 2 });
      Serial1.on("data", function () { log += "s"; });`,
      { send: () => rig.device.receive(Uint8Array.of(1)) },
    );
    const [log] = await rig.printed(1);
    assert.match(log, /^isi+$/);
  });

  it("run callbacks of the same turn in the order of their creation, whatever their due time", async () => {
    const rig = await bootSmall(
      BLOCK +
        `
      function say(name) { return function () { print(name); }; }
      setTimeout(say("20"), 20); setTimeout(say("10a"), 10); setTimeout(say("0"), 0); setTimeout(say("10b"), 10);
      block(0.05);`,
    );
    assert.deepEqual(await rig.printed(4), ["20", "10a", "0", "10b"]);
  });

  it("are later, all of them, by what a turn took before it set the clock (so do 2v26, 2v29 and the newest source)", async () => {
    const rig = await bootSmall(
      BLOCK +
        `
      var t0 = getTime();
      setTimeout(function () { print(Math.round((getTime() - t0) * 1000)); }, 200);
      setTimeout(function () { block(0.05); setTime(getTime()); }, 10);`,
    );
    const [at] = (await rig.printed(1)).map(Number);
    assert.ok(at >= 248 && at < 260, `${at} ms`);
  });

  it("count a changed interval from now, but from the due time inside its own callback", async () => {
    const rig = await bootSmall(
      BLOCK +
        `
      var t0 = getTime(), n = 0;
      function ms() { return Math.round((getTime() - t0) * 1000); }
      var own = setInterval(function () {
        n++;
        if (n === 1) { block(0.15); changeInterval(own, 300); }
        if (n === 2) { print("own", ms()); clearInterval(own); }
      }, 50);
      var other = setInterval(function () { print("other", ms()); clearInterval(other); }, 1000);
      setTimeout(function () { changeInterval(other, 200); }, 220);`,
    );
    const at = Object.fromEntries((await rig.printed(2)).map((line) => line.split(" ")));
    assert.ok(at.own >= 349 && at.own < 500, `own ${at.own}`);
    assert.ok(at.other >= 419, `other ${at.other}`);
  });

  it("report an exception as uncaughtException and keep the interval", async () => {
    const rig = await bootSmall(`
      process.on("uncaughtException", function (error) { print("told", error.message); });
      var n = 0, id = setInterval(function () { n++; if (n === 1) throw new Error("boom"); print("again"); clearInterval(id); }, 5);`);
    const lines = await rig.printed(4);
    assert.equal(lines[0], "Uncaught Error: boom");
    assert.ok(lines.includes("told boom") && lines.includes("again"), lines.join("\n"));
    assert.equal(rig.device.exceptions.length, 1);
  });

  it("are all cleared without argument; an undefined id throws", async () => {
    const rig = await bootSmall(`
      setInterval(function () { print("never"); }, 5); setTimeout(function () { print("never"); }, 5);
      try { clearTimeout(undefined); } catch (error) { print(error.message, error instanceof Error); }
      try { clearInterval(undefined); } catch (error) { print(error.message); }
      try { changeInterval(99, 5); } catch (error) { print(error.message); }
      clearTimeout();
      setTimeout(function () { print("last"); }, 30);`);
    assert.deepEqual(await rig.printed(4), [
      "clearTimeout(undefined) not allowed. Use clearTimeout() instead true",
      "clearInterval(undefined) not allowed. Use clearInterval() instead",
      "Unknown Interval",
      "last",
    ]);
  });
});
