// Both CAN drivers in an Espruino for Linux, built as the image is. The models cannot run there, so what they answered
// in node is played back: every scenario of the shared suite, call by call. The driver must make the very same accesses
// with the very same values, and come to the same results and counters.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/build/board";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { buildProject } from "../build/project";
import { type Call, controllers } from "./can-rig";
import { scenarios } from "./can-scenarios";

const DRIVERS = {
  twai: { board: "host", port: "twai", start: "startTwai", selfTest: "selfTestTwai", last: "" },
  mcp2515: {
    board: "esp32-mcp2515",
    port: "mcp2515",
    start: "startMcp2515",
    selfTest: "selfTestMcp2515",
    last: ", crystal",
  },
};

/** A program that offers the driver's calls under names that the minifier keeps. */
function entry(driver: keyof typeof DRIVERS): string {
  const { port, start, selfTest, last } = DRIVERS[driver];
  return `import { ${port} as port } from "${root}firmware/drivers/can-${driver}";
    import { ${start} as start, ${selfTest} as selfTest } from "${root}firmware/drivers/can-${driver}.cold";
    const kept = Object.assign({}, port), state = port as unknown as Record<string, unknown>;
    const settings = function (rate: number, listenOnly: boolean) { return { "rate": rate, "listen_only": listenOnly }; };
    global["can"] = {
      "reset": function () {
        Object.keys(state).forEach(function (key) { if (!(key in kept)) state[key] = undefined; });
        Object.assign(port, kept);
      },
      "start": function (rate: number, listenOnly: boolean, crystal: number) { return start(port, settings(rate, listenOnly)${last}); },
      "selfTest": function (rate: number, listenOnly: boolean, crystal: number) { return selfTest(port, settings(rate, listenOnly)${last}); },
      "tend": function (now: number) { return port.tend(now); },
      "send": function (id: number, data: number[], now: number) { return port.send(id, new Uint8Array(data), now); },
      "receive": function () { return port.receive(); },
      "health": function () { const h = port.health(); return { "tec": h.tec, "rec": h.rec, "state": h.state }; },
      "counters": function () { return [port.tx, port.rx, port.errors, port.busOff, port.ackAt]; },
    };`;
}

/**
 * The natives that the recording answers, in Espruino's language; before the image, which takes some of them at its
 * start.
 */
const NATIVES = `var queue=[],said="",calls=0;
function list(v){if(typeof v!=="object")return [v];var l=[];for(var i=0;i<v.length;i++)l.push(v[i]);return l;}
function take(kind,where,written){
  var e=queue.shift(),mine=JSON.stringify([kind,where,written]);
  if(!e){said=said||mine+" too many";return 0;}
  if(JSON.stringify(e.slice(0,3))!==mine)said=said||mine+" instead of "+JSON.stringify(e);
  return e[3];
}
global.peek32=function(a,n){var v=take("peek",a,n||1);return typeof v==="object"?new Uint32Array(v):v;};
global.poke32=function(a,v){take("poke",a,list(v));};
global.pinMode=function(p,m){take("mode",p,m);};
global.digitalWrite=function(p,l){take("level",p,l);};
SPI2.setup=function(o){take("setup","SPI2",o);}; // global.SPI2 = ... would not hide the interpreter's own
SPI2.send=function(d,cs){var v=take("spi",cs,list(d));return typeof v==="object"?new Uint8Array(v):v;};
`;

/** Plays the recording back from a file, a line at a time. Stops at the first thing that is different. */
const PLAYER = `
function play(line){
  if(line==="reset")return can.reset();
  var c=JSON.parse(line);
  queue=c.accesses;
  var result=can[c.name].apply(0,c.args);
  calls++;
  if(JSON.stringify(result)!==JSON.stringify(c.result))said=said||"result "+JSON.stringify(result);
  if(queue.length)said=said||"not made: "+JSON.stringify(queue[0]);
  if(JSON.stringify(can.counters())!==JSON.stringify(c.counters))said=said||"counters "+JSON.stringify(can.counters());
  if(said)said+=" in "+c.name+JSON.stringify(c.args)+", call "+calls;
}
var file=E.openFile("calls.txt","r"),text="";
while(!said){
  var end=text.indexOf("\\n");
  if(end<0){var more=file.read(512);if(!more)break;text+=more;continue;}
  play(text.substr(0,end));
  text=text.substr(end+1);
}
print("~played "+calls+" "+said);
setTimeout("quit()",1);
`;

describe("CAN drivers in an Espruino for Linux", () => {
  const images: Record<string, string> = {};

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    for (const driver of ["twai", "mcp2515"] as const)
      images[driver] = (await buildProject({ "main.ts": entry(driver) }, DRIVERS[driver].board)).code;
  });

  /** Plays calls back; resolves with how many were made and what was different. */
  async function play(driver: string, lines: string[]): Promise<string> {
    const directory = temporaryDirectory();
    try {
      const script = join(directory.path, "play.js");
      writeFileSync(join(directory.path, "calls.txt"), lines.join("\n") + "\n");
      writeFileSync(script, NATIVES + images[driver] + PLAYER);
      const printed = await runScript({ interpreter: findInterpreter()! }, directory.path, script, 100000);
      return /^~played (.*)$/m.exec(printed)?.[1].trim() ?? printed;
    } finally {
      directory.remove();
    }
  }

  for (const { name, driver, crystal, make } of controllers) {
    it(name + ": every scenario comes out as in node, access by access", async () => {
      const lines: string[] = [];
      let calls = 0;
      for (const scenario of scenarios) {
        const rig = make();
        scenario.run(rig);
        calls += rig.calls.length;
        const withCrystal = (call: Call): Call =>
          call.name === "start" || call.name === "selfTest" ? { ...call, args: [...call.args, crystal] } : call;
        lines.push("reset", ...rig.calls.map((call) => JSON.stringify(withCrystal(call))));
      }
      assert.equal(await play(driver, lines), String(calls));
    });
  }

  it("a different answer is noticed", async () => {
    const rig = controllers[0].make();
    scenarios[0].run(rig);
    const lines = rig.calls.map((call) => JSON.stringify(call));
    assert.match(
      await play(
        "twai",
        lines.map((line) => line.replace('"poke",1073131584,[8,', '"poke",1073131584,[7,')),
      ),
      /^\d+ \["poke",1073131584,\[8,.*instead of/,
    );
  });
});
