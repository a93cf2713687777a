import { startCounted } from "./bench/window";
import { sleep, until } from "./rig/wait";
import { rollup } from "rollup";
import { imageOptions } from "./build/options";
import { parseCallgrind } from "./bench/callgrind";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
const k=8;
const options = imageOptions({board:"host"}); const plugins = options.plugins as any[];
plugins.splice(plugins.findIndex(p=>p.name==="typescript")+1,0,{name:"x",transform(code:string,id:string){
 let c=code;
 if(id.endsWith("kernel/tasks.ts")) c=code.replace(/delay = (task\.step\([^;]*\));/,"E.getTemperature();delay = $1;E.getTemperature();print('@'+task.name);");
 if(id.endsWith("drivers/natives.ts")) c=code.replace("* 1000",`* ${1000/k}`);
 if(id.endsWith("drivers/timers.ts")) c=code.replace(/\bsetInterval\b/,`function (f, p, a, b) { return setInterval(f, p * ${k}, a, b); }`).replace(/\bchangeInterval\b/,`function (f, p) { return changeInterval(f, p * ${k}); }`);
 return c===code?null:{code:c,map:null};}});
const b = await rollup(options); const image=(await b.generate(options.output as any)).output[0].code.replace(/getTemperature/g,"getTemperature");
const s = await startCounted(image.replace(/getTemperature/g,"getTemp"+"erature"), {mqtt:{keepalive_seconds:300},...JSON.parse(process.argv[2]??"{}")}, {}).catch(e=>{throw e});
await sleep(40000);
const n0=s.console.lines.length, d0=readdirSync(s.directory).filter(x=>/^cg\.out\.\d+$/.test(x)).length;
await sleep(4*k*1000);
const lines=s.console.lines.slice(n0).filter(x=>x[0]==="@");
const all=readdirSync(s.directory).filter(x=>/^cg\.out\.\d+$/.test(x)).map(x=>+x.slice(7)).sort((a,b)=>a-b).slice(d0, d0+2*lines.length);
// dump number 2j+2 (0-based 2j+1) = inside of step j: dump before start marker = outside; dump at end marker = inside
const r:any={}; let i=0;
for (const l of lines){ for (const [what,n] of [["events",all[2*i]],[l,all[2*i+1]]] as any){ if(!n) continue; const c=parseCallgrind(readFileSync(s.directory+"/cg.out."+n,"latin1")).counted; (r[what]??=[]).push(c);} i++; }
let sum=0; for (const [n,v] of Object.entries(r) as any){ const t=v.reduce((a:any,b:any)=>a+b,0); sum+=t; console.log(n.padEnd(14), "per s", (v.length/10).toFixed(1).padStart(6), "mean M", (t/v.length/1e6).toFixed(3), "max M", (Math.max(...v)/1e6).toFixed(2), "M/s", (t/1e7).toFixed(2)); }
console.log("sum M/s", sum/1e7, "publishes", s.broker?.messages.length, s.errors());

import { inclusiveCost } from "./bench/callgrind";
let big:any=[]; i=0; for (const l of lines){ const t=readFileSync(s.directory+"/cg.out."+all[2*i],"latin1"); big.push([parseCallgrind(t).counted, all[2*i]]); i++; }
big.sort((a:any,b:any)=>b[0]-a[0]);
for (const [c,n] of big.slice(0,4)) { const t=readFileSync(s.directory+"/cg.out."+n,"latin1"); const names=new Set([...t.matchAll(/fn=\(\d+\) (jswrap_\S+|net\S+|jspe\S+|jsvGarbage\S+|jsfRead\S+|jspNew\S+|jslGetNextToken|jspeAddNamed\S+)/g)].map(m=>m[1]));
 const m=[...names].map(x=>[x,inclusiveCost(t,x!)]).filter((x:any)=>x[1]>2e5).sort((a:any,b:any)=>b[1]-a[1]).slice(0,14); console.log(c,n,m.map((x:any)=>x[0]+"="+(x[1]/1e6).toFixed(2)).join(" ")); 
 console.log([...t.matchAll(/cfn=\((\d+)\)[^\n]*\ncalls=(\d+)[^\n]*\n\S+ (\d+)/g)].length); copyFileSync(s.directory+"/cg.out."+n,"/tmp/rigx/big"+n);}
await s.stop();
