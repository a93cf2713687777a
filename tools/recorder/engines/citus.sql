-- Citus 12 or newer: rows distributed by device, dictionaries on every worker. Not run by our tests.
CREATE EXTENSION IF NOT EXISTS citus;
--> dictionaries
SELECT create_reference_table('devices');
--> 
SELECT create_reference_table('sensors');
--> by device
SELECT create_distributed_table('measurements', 'device_id');
--> 
SELECT create_distributed_table('latest', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('measurements_1m', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('measurements_1h', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('roll_up_due', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('events', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('alarms', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('gaps', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('device_boots', 'device_id', colocate_with => 'measurements');
--> 
SELECT create_distributed_table('energy_totals', 'device_id', colocate_with => 'measurements');
