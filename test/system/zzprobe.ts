import { boot, closeHosts, status, sent, hex, running } from "./rig";
const h = await boot({});
await running(h);
await h.wait(3000);
h.can().bus.partner="noEcho";
for (let i=0;i<8;i++){ await h.wait(500); const s=(await status(h)); console.log(h.clock.now().toFixed(0), JSON.stringify(s.can), "tec", h.can().state.tec, h.can().state.busOff, h.can().state.mode, s.live_data.phase); }
h.can().bus.partner="ack";
for (let i=0;i<8;i++){ await h.wait(500); const s=(await status(h)); console.log(h.clock.now().toFixed(0), JSON.stringify(s.can), "tec", h.can().state.tec, h.can().state.busOff, h.can().state.mode); }
console.log(h.can().violations.slice(0,3));
await closeHosts();
