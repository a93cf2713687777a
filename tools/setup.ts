// `npm run setup -- --port /dev/ttyUSB0` or `-- --url http://192.168.1.20`: asks for what a gateway needs and writes it
// (tools/setup/run.ts).
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { refuseMissingDashes } from "./environment";
import type { Gateway } from "./setup/device";
import { openHttpGateway } from "./setup/http";
import { openSerialGateway } from "./setup/serial";
import { type SetupOptions, setUp } from "./setup/run";
import { terminal } from "./setup/terminal";
import { endWithReader } from "./stdout";

interface Options extends SetupOptions {
  port?: string;
  url?: string;
  user: string;
}

const EXAMPLES = `
The password for --url is asked for, or taken from the environment variable TINYBMS_PASSWORD. A new device shows its own
on the console. FILE holds settings by module, {"wifi":{"ssid":"home","pass":"..."},"battery":{"chemistry":"lfp"}}, or is
one that GET /api/config/export gave.`;

function commandLine(): Command {
  return new Command("setup")
    .description("ask for Wi-Fi, chemistry, limits and broker, check them, write them to a gateway")
    .addOption(new Option("--port <port>", "serial port of the device, or tcp://host:port").conflicts("url"))
    .option("--url <url>", "address of the device, http://192.168.1.20")
    .option("--user <name>", "who logs in there", "admin")
    .option("--config <file>", "settings of this file, nothing is asked")
    .option("--yes", "write without a last question")
    .addHelpText("after", EXAMPLES);
}

async function main(): Promise<void> {
  const command = commandLine();
  refuseMissingDashes(command, process.env, "npm run setup");
  endWithReader();
  command.parse();
  const options = command.opts<Options>(),
    asker = terminal();
  if (!options.port && !options.url) command.error("error: give --port or --url");
  const password = async (): Promise<string> => {
    const given = process.env.TINYBMS_PASSWORD;
    if (given) return given;
    if (!asker) throw new Error("the device wants a password: set TINYBMS_PASSWORD");
    return asker.secret(`password of ${options.user} on the device`, () => "");
  };
  const gateway: Gateway = options.port
    ? await openSerialGateway(options.port)
    : openHttpGateway(options.url!, { user: options.user, password });
  try {
    await setUp(gateway, options, asker, (line) => console.log(line));
  } finally {
    await gateway.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error("error: " + (error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
}
