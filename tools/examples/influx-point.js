// The body of a function node in node-red-influxdb.json: a message of rt/reg as a point of InfluxDB. In: msg.topic
// tinybms/<device>/rt/reg/<sensor>, msg.payload {value, quality, time?}. Out: fields and tags, or nothing for what is
// unknown. Without a time of day in the message InfluxDB takes the moment at which it comes.
const levels = msg.topic.split("/"), sample = msg.payload;
if (levels.length !== 5 || !sample || typeof sample.value !== "number" || sample.quality !== "ok") return null;
const fields = { value: sample.value };
if (sample.time) fields.time = Date.parse(sample.time);
return { measurement: "battery", payload: [fields, { device: levels[1], sensor: levels[4] }] };
