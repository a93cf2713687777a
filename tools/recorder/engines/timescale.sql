-- TimescaleDB 2.18 or newer: rows in chunks of a day, columns after 14 days, roll-ups made by the database. Not run by our tests.
CREATE EXTENSION IF NOT EXISTS timescaledb;
--> the table of rows
DROP VIEW measurements_named;
--> 
DROP TABLE measurements;
--> 
CREATE TABLE measurements (
  device_id integer NOT NULL, sensor_id integer NOT NULL, "time" timestamptz NOT NULL, value double precision,
  flags smallint NOT NULL DEFAULT 0, PRIMARY KEY (device_id, sensor_id, "time")
);
--> 
SELECT create_hypertable('measurements', by_range('time', INTERVAL '1 day'));
--> 
ALTER TABLE measurements SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'device_id, sensor_id', timescaledb.orderby = '"time"');
--> 
CALL add_columnstore_policy('measurements', after => INTERVAL '14 days');
--> 
CREATE VIEW measurements_named AS
SELECT m."time", d.device_id AS module_id,
  CASE WHEN s.sensor_type LIKE '%/%' THEN split_part(s.sensor_type, '/', 2) ELSE s.sensor_type END AS sensor_type,
  split_part(s.sensor_type, '/', 1) AS metric, m.value, s.unit
FROM measurements m JOIN devices d ON d.id = m.device_id JOIN sensors s ON s.id = m.sensor_id;
--> roll-ups under the same names
DROP TABLE measurements_1m;
--> 
DROP TABLE measurements_1h;
--> 
CREATE MATERIALIZED VIEW measurements_1m WITH (timescaledb.continuous) AS
SELECT device_id, sensor_id, time_bucket('1 minute', "time") AS bucket, count(value)::int AS n, sum(value) AS sum, min(value) AS min,
  max(value) AS max, last(value, "time") AS last FROM measurements WHERE value IS NOT NULL GROUP BY 1, 2, 3 WITH NO DATA;
--> 
CREATE MATERIALIZED VIEW measurements_1h WITH (timescaledb.continuous) AS
SELECT device_id, sensor_id, time_bucket('1 hour', "time") AS bucket, count(value)::int AS n, sum(value) AS sum, min(value) AS min,
  max(value) AS max, last(value, "time") AS last FROM measurements WHERE value IS NOT NULL GROUP BY 1, 2, 3 WITH NO DATA;
--> 
SELECT add_continuous_aggregate_policy('measurements_1m', INTERVAL '7 days', INTERVAL '2 minutes', INTERVAL '5 minutes');
--> 
SELECT add_continuous_aggregate_policy('measurements_1h', INTERVAL '7 days', INTERVAL '2 hours', INTERVAL '30 minutes');
