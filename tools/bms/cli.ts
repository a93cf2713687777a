// The command line of the tool: its commands with their options, as commander understands them.
import { Command, InvalidArgumentError, Option } from "commander";
import * as commands from "./commands";
import type { Options } from "./commands";
import { fail } from "./show";

function numberFrom(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low)) throw new InvalidArgumentError(`must be a number, at least ${low}.`);
    return value;
  };
}

const every = (): Option =>
  new Option("--every <ms>", "time between two looks").argParser(numberFrom(20)).default(1000);
const confirm = (): Option => new Option("--confirm", "really write to the BMS");
const force = (): Option => new Option("--force", "replace a file that is there already");

const EXAMPLES = `
Nothing is ever written to the BMS without --confirm.

  npm run -s bms -- --port /dev/ttyUSB0 live
  npm run -s bms -- --port tcp://127.0.0.1:4001 settings --json
  npm run -s bms -- --port /dev/ttyUSB0 settings set over_voltage_cutoff=3650 charger_type=cc_cv --confirm`;

/** Every action gets its arguments, and the options of the command and of the program as one. */
const run =
  (action: (options: Options, ...words: never[]) => Promise<void> | void) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given[given.length - 1] as Command;
    await action(command.optsWithGlobals<Options>(), ...(given.slice(0, -2) as never[]));
  };

function addSettings(program: Command): void {
  const settings = program
    .command("settings")
    .description("all settings with limits and defaults")
    .action(run(commands.showSettings));
  settings
    .command("set")
    .argument("<key=value...>")
    .description("change settings, all or none")
    .addOption(confirm())
    .action(run((options, pairs: string[]) => commands.setSettings(pairs, options)));
  settings
    .command("undo")
    .description("take the last change back; once more: do it again")
    .addOption(confirm())
    .action(run(commands.undoSettings));
  settings
    .command("backup")
    .argument("<file>")
    .description("keep all settings in a file")
    .addOption(force())
    .action(run((options, file: string) => commands.backupSettings(file, options)));
  settings
    .command("compare")
    .argument("<file>")
    .description("where the BMS differs from a backup")
    .action(run((options, file: string) => commands.compareSettings(file, options)));
  settings
    .command("restore")
    .argument("<file>")
    .description("bring the settings of a backup back")
    .addOption(confirm())
    .action(run((options, file: string) => commands.restoreSettings(file, options)));
}

function addControl(program: Command): void {
  const clear = program.command("clear").description("forget events or statistics");
  clear
    .command("events")
    .addOption(confirm())
    .action(run((options) => commands.controlBms(1, "The event log is empty now.", options)));
  clear
    .command("statistics")
    .addOption(confirm())
    .action(run((options) => commands.controlBms(2, "The statistics begin anew.", options)));
  program
    .command("restart")
    .description("restart the BMS; switches load and charger off")
    .addOption(confirm())
    .action(run((options) => commands.controlBms(5, "The BMS restarts.", options)));
}

function commandLine(): Command {
  const program = new Command("bms")
    .description("Reads and changes a TinyBMS.")
    .addHelpText("after", EXAMPLES)
    .showHelpAfterError("(--help shows the commands)")
    .option("--port <where>", "serial port (115200 8N1), or tcp://HOST:PORT")
    .option("--json", 'for machines; failures too, as {"error"}')
    .option("--timeout <ms>", "wait for a reply this long beyond its time on the wire", numberFrom(1), 50);
  program
    .command("live")
    .description("live values, until Ctrl-C")
    .option("--once", "only once")
    .addOption(every())
    .action(run(commands.live));
  program
    .command("cells")
    .description("cell voltages and balancing")
    .action(run(commands.cells))
    .addOption(
      new Option("--cell-order <end>", "registers of a pack of fewer than 16 cells")
        .choices(["high", "low"])
        .default("high"),
    );
  program.command("events").description("the event log, newest first").action(run(commands.events));
  program.command("statistics").description("extremes and counts of the unit's life").action(run(commands.statistics));
  addSettings(program);
  addControl(program);
  program
    .command("record")
    .argument("<file>")
    .description("log every byte of the line to a file, until Ctrl-C")
    .addOption(every())
    .addOption(force())
    .option("--seconds <n>", "end by itself", numberFrom(0))
    .action(run((options, file: string) => commands.record(file, options)));
  program
    .command("replay")
    .argument("<file>")
    .description("decode such a file")
    .action(run((options, file: string) => commands.replay(file, options)));
  return program;
}

/**
 * Runs one command line (the words after the program's name). A failure is said, and makes the exit status 1; it does
 * not reject.
 */
export async function runBms(words: string[]): Promise<void> {
  const program = commandLine();
  try {
    commands.loadImageText();
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    fail((error as Error).message, program.opts<Options>().json ?? false);
  }
}
