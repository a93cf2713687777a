import { startSystem, sleep } from "./tools/rig/system";
import { readFileSync } from "node:fs";
const s = await startSystem({ image: readFileSync(process.argv[2] ?? "/tmp/rigx/host.js","latin1") });
s.tell("process.on('uncaughtException',function(e){print(e.stack)})");
await sleep(+(process.argv[3]??1000));
console.log(s.console.lines.slice(0,30).join("\n"));
await s.stop();
