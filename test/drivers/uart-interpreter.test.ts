// The UART's listener in an Espruino for Linux: no memory while bytes come, and the interpreter removes it. The driver
// listens again, each time, and loses only what it was given then.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/build/board";
import { findInterpreter, NO_INTERPRETER, runScript, temporaryDirectory } from "../../tools/rig/interpreter";
import { buildProject } from "../build/project";

/** `again` is what main.ts does about a callback that was broken off. */
const ENTRY = `import { listenAgain, openUart } from "${root}firmware/drivers/uart";
  import { startMachine } from "${root}firmware/drivers/machine.cold";
  import { received, again } from "./globals";
  openUart(received);
  startMachine(function () {}, function (flags) {
    if (flags.indexOf("CALLBACK") >= 0 && again) listenAgain(received);
  });`;
const globals = (again: boolean): string => `export const again = ${again};
  export function received(bytes: string) { (global["heard"] as (bytes: string) => void)(bytes); }`;

/** What Espruino for Linux lacks, and a listener that takes all memory when it is told so. */
const BEFORE = `var came=[];
Modules.addCached("TelnetServer","exports.setOptions=function(){};");
global.NRF={setServices:function(){}};
global.peek32=function(){return 1;};
Serial1.setup=function(){};
function heard(bytes){
  if(bytes==="break"){var s="0123456789";while(1)s+=s;}
  came.push(bytes);
}
`;
const AFTER = `
var texts=["one","break","two","break","three"];
function next(){
  if(texts.length)Serial1.inject(texts.shift());
  else{print("~came "+came.join(" "));quit();}
  setTimeout(next,100);
}
next();
`;

describe("the UART in an Espruino for Linux", () => {
  before(function () {
    if (findInterpreter()) return;
    console.log(`    ${NO_INTERPRETER}`);
    this.skip();
  });

  async function cameTo(again: boolean): Promise<string | undefined> {
    const { code } = await buildProject({ "main.ts": ENTRY, "globals.ts": globals(again) }, "host"),
      directory = temporaryDirectory();
    try {
      const script = join(directory.path, "uart.js");
      writeFileSync(script, BEFORE + code + AFTER);
      return /~came (.*)$/m.exec(
        await runScript({ interpreter: findInterpreter()! }, directory.path, script, 20000),
      )?.[1];
    } finally {
      directory.remove();
    }
  }

  it("hears again what comes after memory was out, each time", async () => {
    assert.equal(await cameTo(true), "one two three");
  });

  it("would be deaf from then on by itself", async () => {
    assert.equal(await cameTo(false), "one");
  });
});
