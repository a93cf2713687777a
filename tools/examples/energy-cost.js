// The body of the function node in node-red-energy-cost.json: what an energy of
// rt/energy/<charge|discharge>/<period> costs. In: msg.topic, msg.payload {value, unit: "kWh", date | month},
// msg.tariff {price of a kWh, currency}. Out: the cost, or nothing.
const levels = msg.topic.split("/"), energy = msg.payload, tariff = msg.tariff;
if (levels.length !== 6 || !energy || typeof energy.value !== "number" || energy.unit !== "kWh") return null;
if (!tariff || typeof tariff.price !== "number") return null;
const device = levels[1], kind = levels[4], period = levels[5];
const when = energy.month === undefined ? { date: energy.date } : { month: energy.month };
const value = Math.round(energy.value * tariff.price * 100) / 100;
const payload = { device, value, unit: tariff.currency, kwh: energy.value, price: tariff.price, ...when };
return { topic: ["energy-cost", device, kind, period].join("/"), payload };
