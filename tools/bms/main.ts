// `npm run -s bms`: a TinyBMS on a serial port or over TCP, read and changed from a PC by the firmware's own cores.
import { runBms } from "./cli";

process.stdout.on("error", () => process.exit()); // a closed pipe: `bms events | head`
void runBms(process.argv.slice(2));
