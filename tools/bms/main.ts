// `npm run -s bms`: a TinyBMS on a serial port or over TCP, read and changed from a PC by the firmware's own cores.
import { endWithReader } from "../stdout";
import { runBms } from "./cli";

endWithReader(); // `bms events | head`
void runBms(process.argv.slice(2));
