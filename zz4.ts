import { startSystem, sleep } from "./tools/rig/system";
import { readFileSync } from "node:fs";
const room = +process.argv[2];
const s = await startSystem({ image: readFileSync("/tmp/rigx/host.js","latin1"), room });
await sleep(5000);
const h = await s.http("/api/status").then(x=>x.status).catch(String);
console.log(room, h, s.console.lines.slice(0,6), s.frames(0x351).length, await s.memory(), await s.errorFlags());
await s.stop();
