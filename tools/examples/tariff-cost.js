// The body of a function node in node-red-influxdb.json: what the energy of today costs by the colour of the day. In:
// msg.topic tinybms/<device>/rt/energy/<charge|discharge>/daily with msg.payload {value, unit: "kWh", date}, or
// tariff/today with {color, date}, in any order; msg.prices {<colour>: price of a kWh}. Out: points of InfluxDB, none
// while there is no colour for the day of the energy.
const levels = msg.topic.split("/"), given = msg.payload;
if (!given || typeof given !== "object" || !msg.prices) return null;
const energies = flow.get("energies") || {};
let topics = [msg.topic];
if (levels.length === 6 && levels[5] === "daily" && typeof given.value === "number" && given.unit === "kWh") {
  energies[msg.topic] = given;
  flow.set("energies", energies);
} else if (typeof given.color === "string") {
  flow.set("tariff", given);
  topics = Object.keys(energies);
} else return null;
const tariff = flow.get("tariff"), points = [];
for (const topic of topics) {
  const energy = energies[topic], price = tariff && msg.prices[tariff.color];
  if (typeof price !== "number" || tariff.date !== energy.date) continue;
  const fields = { kwh: energy.value, price, cost: Math.round(energy.value * price * 100) / 100 };
  if (energy.time) fields.time = Date.parse(energy.time);
  const tags = { device: topic.split("/")[1], direction: topic.split("/")[4], color: tariff.color };
  points.push({ measurement: "energy_cost", payload: [fields, tags] });
}
return [points];
