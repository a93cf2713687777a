CREATE TABLE "alarms" (
	"device_id" integer NOT NULL,
	"alarm_id" integer NOT NULL,
	"raised_at" timestamp with time zone NOT NULL,
	"code" text NOT NULL,
	"severity" smallint NOT NULL,
	"value" double precision,
	"cleared_at" timestamp with time zone,
	"acked_at" timestamp with time zone,
	"acked_by" text,
	CONSTRAINT "alarms_device_id_alarm_id_raised_at_pk" PRIMARY KEY("device_id","alarm_id","raised_at")
);
--> statement-breakpoint
CREATE TABLE "config_pushes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"device_id" integer NOT NULL,
	"patch" jsonb NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"state" text NOT NULL,
	"ack" jsonb
);
--> statement-breakpoint
CREATE TABLE "config_versions" (
	"id" bigserial NOT NULL,
	"device_id" integer NOT NULL,
	"module" text NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	"document" jsonb NOT NULL,
	"hash" text NOT NULL,
	"push_id" uuid,
	CONSTRAINT "config_versions_device_id_module_seen_at_pk" PRIMARY KEY("device_id","module","seen_at")
);
--> statement-breakpoint
CREATE TABLE "dead_letters" (
	"hash" text PRIMARY KEY NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"topic" text NOT NULL,
	"payload" "bytea" NOT NULL,
	"qos" smallint NOT NULL,
	"retain" boolean DEFAULT false NOT NULL,
	"reason" text NOT NULL,
	"tries" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_boots" (
	"device_id" integer NOT NULL,
	"boot_at" timestamp with time zone NOT NULL,
	"from_ms" bigint NOT NULL,
	"boot" bigint,
	"epoch" timestamp with time zone NOT NULL,
	"source" text NOT NULL,
	"known_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "device_boots_device_id_boot_at_from_ms_pk" PRIMARY KEY("device_id","boot_at","from_ms")
);
--> statement-breakpoint
CREATE TABLE "device_hardware" (
	"device_id" integer PRIMARY KEY NOT NULL,
	"chip_model" text,
	"chip_rev" text,
	"cpu_freq_mhz" double precision,
	"flash_kb" double precision,
	"cores" double precision,
	"updated_at" timestamp with time zone NOT NULL,
	"times" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_system_status" (
	"device_id" integer PRIMARY KEY NOT NULL,
	"rssi" double precision,
	"heap_free_kb" double precision,
	"heap_min_free_kb" double precision,
	"heap_total_kb" double precision,
	"ip" text,
	"mac" text,
	"uptime_start" timestamp with time zone,
	"flash_used_kb" double precision,
	"flash_free_kb" double precision,
	"flash_system_kb" double precision,
	"updated_at" timestamp with time zone NOT NULL,
	"times" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "devices" (
	"id" serial PRIMARY KEY NOT NULL,
	"device_id" text NOT NULL,
	"prefix" text DEFAULT '' NOT NULL,
	"name" text,
	"first_seen" timestamp with time zone,
	"last_seen" timestamp with time zone,
	"online" boolean,
	"bms_online" boolean,
	"phase" text,
	"fw" text,
	"state" jsonb,
	"times" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "devices_deviceId_unique" UNIQUE("device_id")
);
--> statement-breakpoint
CREATE TABLE "energy_totals" (
	"device_id" integer NOT NULL,
	"direction" text NOT NULL,
	"period" text NOT NULL,
	"date" date NOT NULL,
	"kwh" double precision NOT NULL,
	CONSTRAINT "energy_totals_device_id_direction_period_date_pk" PRIMARY KEY("device_id","direction","period","date")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"device_id" integer NOT NULL,
	"time" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"data" jsonb NOT NULL,
	CONSTRAINT "events_device_id_kind_key_time_pk" PRIMARY KEY("device_id","kind","key","time")
);
--> statement-breakpoint
CREATE TABLE "gaps" (
	"device_id" integer NOT NULL,
	"from_time" timestamp with time zone NOT NULL,
	"to_time" timestamp with time zone NOT NULL,
	"cause" text NOT NULL,
	"replayed" boolean DEFAULT false NOT NULL,
	CONSTRAINT "gaps_device_id_from_time_pk" PRIMARY KEY("device_id","from_time")
);
--> statement-breakpoint
CREATE TABLE "latest" (
	"device_id" integer NOT NULL,
	"sensor_id" integer NOT NULL,
	"time" timestamp with time zone,
	"told_at" timestamp with time zone NOT NULL,
	"value" double precision,
	"text" text,
	"document" jsonb,
	"quality" text,
	"seq" bigint,
	CONSTRAINT "latest_device_id_sensor_id_pk" PRIMARY KEY("device_id","sensor_id")
);
--> statement-breakpoint
CREATE TABLE "measurements" (
	"device_id" integer NOT NULL,
	"sensor_id" integer NOT NULL,
	"time" timestamp with time zone NOT NULL,
	"value" double precision,
	"flags" smallint DEFAULT 0 NOT NULL,
	CONSTRAINT "measurements_device_id_sensor_id_time_pk" PRIMARY KEY("device_id","sensor_id","time")
) PARTITION BY RANGE ("time");
--> statement-breakpoint
CREATE TABLE "measurements_1h" (
	"device_id" integer NOT NULL,
	"sensor_id" integer NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"n" integer NOT NULL,
	"sum" double precision NOT NULL,
	"min" double precision NOT NULL,
	"max" double precision NOT NULL,
	"last" double precision NOT NULL,
	CONSTRAINT "measurements_1h_device_id_sensor_id_bucket_pk" PRIMARY KEY("device_id","sensor_id","bucket")
);
--> statement-breakpoint
CREATE TABLE "measurements_1m" (
	"device_id" integer NOT NULL,
	"sensor_id" integer NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"n" integer NOT NULL,
	"sum" double precision NOT NULL,
	"min" double precision NOT NULL,
	"max" double precision NOT NULL,
	"last" double precision NOT NULL,
	CONSTRAINT "measurements_1m_device_id_sensor_id_bucket_pk" PRIMARY KEY("device_id","sensor_id","bucket")
);
--> statement-breakpoint
CREATE TABLE "roll_up_due" (
	"device_id" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	CONSTRAINT "roll_up_due_device_id_hour_pk" PRIMARY KEY("device_id","hour")
);
--> statement-breakpoint
CREATE TABLE "sensors" (
	"id" serial PRIMARY KEY NOT NULL,
	"sensor_type" text NOT NULL,
	"unit" text DEFAULT '' NOT NULL,
	"label" text DEFAULT '' NOT NULL,
	"digits" smallint DEFAULT 3 NOT NULL,
	CONSTRAINT "sensors_sensorType_unique" UNIQUE("sensor_type")
);
--> statement-breakpoint
CREATE TABLE "spools" (
	"id" text PRIMARY KEY NOT NULL,
	"segment" bigint NOT NULL,
	"offset" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "config_pushes_by_device" ON "config_pushes" USING btree ("device_id","at");--> statement-breakpoint
CREATE INDEX "dead_letters_by_reason" ON "dead_letters" USING btree ("reason","received_at");--> statement-breakpoint
CREATE INDEX "events_by_time" ON "events" USING btree ("device_id","time");
--> statement-breakpoint
CREATE TABLE "measurements_default" PARTITION OF "measurements" DEFAULT;
--> statement-breakpoint
CREATE VIEW "measurements_named" AS
SELECT m."time", d.device_id AS module_id,
	CASE WHEN s.sensor_type LIKE '%/%' THEN split_part(s.sensor_type, '/', 2) ELSE s.sensor_type END AS sensor_type,
	split_part(s.sensor_type, '/', 1) AS metric, m.value, s.unit
FROM "measurements" m JOIN "devices" d ON d.id = m.device_id JOIN "sensors" s ON s.id = m.sensor_id;
