// The body of the function node in node-red-live.json: what the widgets of a device show of rt/state. In: msg.topic
// tinybms/<device>/rt/state, msg.payload. Out: SoC, voltage, power (numbers, none while unknown), the battery and its
// limits in words.
const levels = msg.topic.split("/"), state = msg.payload;
if (levels.length !== 4 || levels[3] !== "state" || !state || typeof state !== "object") return null;
const device = levels[1];
const shown = (value, unit) => (typeof value === "number" ? `${value} ${unit}` : "unknown");
const number = (value) => (typeof value === "number" ? { topic: device, payload: value } : null);
const text = (payload) => ({ topic: device, payload });
return [
  number(state.soc),
  number(state.v),
  number(state.p),
  text(`${device}: ${state.st || "unknown"}, ${shown(state.v, "V")}, ${shown(state.i, "A")} (${state.ph})`),
  text(`CVL ${shown(state.cvl, "V")}, CCL ${shown(state.ccl, "A")}, DCL ${shown(state.dcl, "A")}: ${state.lim}`),
];
