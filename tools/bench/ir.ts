// Instructions of one call of unit(): node --import tsx tools/bench/ir.ts file.js [more.js] --n 50 [--flash]
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { findBenchTools, measureUnit } from "./measure";

const command = new Command("ir")
  .description("prints the x86 instructions of one unit() of each file")
  .argument("<files...>", "scripts that define unit(), with set-up code if needed")
  .option("--n <units>", "units in the first run; the second runs twice as many", Number, 20)
  .option("--flash", "boot the script from flash, as an image is, instead of loading it to RAM")
  .option("--show", "print what the script printed")
  .parse();

async function main(files: string[], options: { n: number; flash?: boolean; show?: boolean }): Promise<void> {
  if (!findBenchTools())
    return console.log("needs Espruino for Linux (ESPRUINO or espruino-linux on PATH) and valgrind");
  for (const file of files) {
    const cost = await measureUnit(readFileSync(file, "latin1"), {
      units: options.n,
      code: options.flash ? "flash" : "ram",
    });
    const flash = cost.flashRead ? `  (and ${cost.flashRead} in jshFlashRead, not counted)` : "";
    console.log(`${String(cost.counted).padStart(10)} Ir/unit  ${file}  [${cost.code}, n=${cost.units}]${flash}`);
    if (options.show) console.log(cost.printed);
  }
}

await main(command.args, command.opts());
