// The cost model: the image counts its own text as it runs, does what it did, and its units of work cost what was
// measured on the interpreter.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { modelledUnits } from "../../tools/bench/modelled-units";
import { COUNTED, countedImage, countedTexts, measuredWeights } from "../../tools/host/costs";
import { runInNewContext } from "node:vm";

const WEIGHTS = { run: 1, skip: 0, define: 0, call: 0, turn: 0, join: 0 };

/** How far a unit may be from what was measured. */
const OFF = 0.3;

function count(code: string): [number, string] {
  const lines: string[] = [];
  const spent = runInNewContext(`const $spent=new Float64Array(1);${countedImage(code, WEIGHTS)}\n;$spent[0]`, {
    print: (line: unknown) => lines.push(String(line)),
  }) as number;
  return [spent, lines.join(" ")];
}

describe("the cost of the image's work", () => {
  it("counts what is run, each time that it is, and nothing else", () => {
    const once = count("(function(){print(1);})();")[0];
    assert.equal(count("(function(){if(0)print(1);})();")[1], "");
    assert.ok(count("(function(){for(var i=0;i<10;i++){print(1);}})();")[0] > 8 * once);
    assert.ok(count("(function(){if(0){print(1);print(1);print(1);}})();")[0] < once + 10);
    assert.ok(count("(function(){0&&print(1);0?print(1):print(2);})();")[0] < 2 * once);
  });

  it("changes nothing in what a program does", () => {
    const program = `(function(){
      function g(a){if(a>2)return"big";for(var i=0;i<3;i++)if(i===a)break;else if(i>a)continue;return a?i:-1}
      const h=x=>({v:x&&g(x)||"none"});var s="",k;
      for(const x of[0,1,2,3])s+=h(x).v+",";
      switch(s.length){case 1:s+="one";break;case 16:case 14:s+="many";default:s+="!"}
      do{k=s.length--}while(0);while(s.length<40)s+=s.length>30?"a":"b";
      try{null.x}catch(e){s+="caught"}finally{s+="."}
      print(s);
    })();`;
    const lines: string[] = [];
    runInNewContext(program, { print: (line: string) => lines.push(line) });
    assert.equal(count(program)[1], lines.join(" "));
  });

  it("counts a text that is evaluated by its length, and what runs of it", () => {
    const weights = { ...WEIGHTS, make: 7 },
      text = "(function(){for(var i=0;i<10;i++){print(1);}})",
      spent = (code: string): number => {
        const context = { print: () => undefined, text, [COUNTED]: countedTexts(weights) };
        return runInNewContext(
          `const $spent=new Float64Array(1);${countedImage(code, weights)}\n;$spent[0]`,
          context,
        ) as number;
      };
    const made = spent("var f=eval(text);"),
      nothing = spent("var f=void(text);");
    assert.ok(Math.abs(made - nothing - 7 * text.length) < 5, `${made} ${nothing}`);
    assert.ok(spent("var f=eval(text);f();") - made > 8 * 9);
  });

  for (const withCold of [false, true])
    it(`is for each unit near what the bench measured, ${withCold ? "with" : "without"} cold functions`, async () => {
      const { units } = JSON.parse(readFileSync(new URL("../../tools/host/costs.json", import.meta.url), "utf8")) as {
        units: Record<string, number>;
      };
      const modelled = await modelledUnits(measuredWeights(withCold));
      for (const [unit, measured] of Object.entries(units))
        assert.ok(
          Math.abs(modelled[unit] / measured - 1) <= OFF,
          `${unit}: ${modelled[unit]} modelled, ${measured} measured`,
        );
    });
});
