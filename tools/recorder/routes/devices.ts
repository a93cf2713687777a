// Devices and what they told: the list, newest values, history, events, alarms, energy.
import Type from "typebox";
import * as reads from "../reads";
import {
  ByDevice,
  DeviceId,
  guard,
  numberOf,
  refused,
  spanOf,
  SpanQuery,
  Time,
  timeOf,
  type App,
  type Context,
} from "./context";

const DAY = 86_400_000,
  MOST_SENSORS = 40,
  POINTS = 800;
const HistoryQuery = Type.Object({
  sensor: Type.String({ maxLength: 4000, description: "one, or several with commas" }),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  points: Type.Optional(Type.Integer({ minimum: 10, maximum: 5000, default: POINTS })),
});

function listRoutes(app: App, { db, now, auth }: Context): void {
  const onRequest = guard(auth, "read");
  app.get("/api/devices", { onRequest, schema: { summary: "All devices with their newest state" } }, async () => ({
    time: now(),
    devices: await reads.fleet(db),
  }));
  app.get(
    "/api/devices/:device",
    { onRequest, schema: { params: ByDevice, summary: "One device: state, system, hardware" } },
    async ({ params: { device } }) => {
      const id = await numberOf(db, device),
        [own] = await reads.fleet(db, device);
      return { time: now(), device: own, ...(await reads.aboutDevice(db, id)) };
    },
  );
  app.post(
    "/api/devices/:device/name",
    {
      onRequest: guard(auth, "write"),
      schema: {
        params: ByDevice,
        body: Type.Object({ name: Type.String({ maxLength: 60 }) }),
        summary: "A name for people",
      },
    },
    async ({ params: { device }, body: { name } }) => {
      await reads.rename(db, await numberOf(db, device), name);
      return { ok: true };
    },
  );
}

function valueRoutes(app: App, { db, sql, now, auth }: Context): void {
  const onRequest = guard(auth, "read"),
    params = ByDevice;
  app.get(
    "/api/devices/:device/latest",
    { onRequest, schema: { params, summary: "The newest of each sensor and topic" } },
    async ({ params: { device } }) => ({ time: now(), latest: await reads.latestOf(db, await numberOf(db, device)) }),
  );
  app.get(
    "/api/devices/:device/history",
    { onRequest, schema: { params, querystring: HistoryQuery, summary: "Values as points of a chart, null in gaps" } },
    async ({ params: { device }, query }) => {
      const id = await numberOf(db, device),
        to = timeOf(query.to, "to", now()),
        from = timeOf(query.from, "from", to - DAY);
      if (from >= to) throw refused(400, "BadRequest", "from", "must be before `to`");
      const names = query.sensor.split(",").slice(0, MOST_SENSORS),
        numbers = await reads.sensorNumbers(db, names);
      const series = [];
      for (const name of names) {
        const sensor = numbers.get(name);
        if (sensor === undefined) throw refused(404, "UnknownSensor", name, "no device has told it");
        series.push(await reads.historyOf(sql, [id, sensor], name, from, to, query.points ?? POINTS));
      }
      return { device, from, to, series };
    },
  );
}

function storyRoutes(app: App, { db, auth }: Context): void {
  const onRequest = guard(auth, "read"),
    params = ByDevice;
  const EventQuery = Type.Object({ ...SpanQuery.properties, kind: Type.Optional(Type.String({ maxLength: 20 })) });
  app.get(
    "/api/devices/:device/gaps",
    { onRequest, schema: { params, querystring: SpanQuery, summary: "Times without a value, and whose fault" } },
    async ({ params: { device }, query }) => ({
      gaps: await reads.gapsOfDevice(db, await numberOf(db, device), spanOf(query)),
    }),
  );
  app.get(
    "/api/devices/:device/events",
    { onRequest, schema: { params, querystring: EventQuery, summary: "What happened, newest first" } },
    async ({ params: { device }, query }) => ({
      events: await reads.eventsOf(db, await numberOf(db, device), {
        ...spanOf(query),
        kind: query.kind,
        limit: query.limit ?? 200,
      }),
    }),
  );
  app.get(
    "/api/devices/:device/boots",
    { onRequest, schema: { params, summary: "Starts of the device, newest first" } },
    async ({ params: { device } }) => ({ boots: await reads.bootsOf(db, await numberOf(db, device)) }),
  );
  const EnergyQuery = Type.Object({
    period: Type.Optional(Type.Union([Type.Literal("daily"), Type.Literal("monthly")])),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
  });
  app.get(
    "/api/devices/:device/energy",
    { onRequest, schema: { params, querystring: EnergyQuery, summary: "Energy by day or month, kWh" } },
    async ({ params: { device }, query }) => {
      const day = (text: string | undefined, where: string, preset: number): string =>
        new Date(timeOf(text, where, preset)).toISOString().slice(0, 10);
      const period = query.period ?? "daily";
      return {
        period,
        energy: await reads.energyOf(
          db,
          await numberOf(db, device),
          period,
          day(query.from, "from", 0),
          day(query.to, "to", 4e12),
        ),
      };
    },
  );
}

function alarmRoutes(app: App, { db, auth }: Context): void {
  const AlarmQuery = Type.Object({
    ...SpanQuery.properties,
    device: Type.Optional(DeviceId),
    active: Type.Optional(Type.Boolean()),
  });
  app.get(
    "/api/alarms",
    { onRequest: guard(auth, "read"), schema: { querystring: AlarmQuery, summary: "Alarms, newest first" } },
    async ({ query }) => ({
      alarms: await reads.alarmsOf(db, {
        ...spanOf(query),
        device: query.device,
        isActive: query.active,
        limit: query.limit ?? 500,
      }),
    }),
  );
  app.post(
    "/api/devices/:device/alarms/:alarm/acknowledge",
    {
      onRequest: guard(auth, "write"),
      schema: {
        params: Type.Object({ device: DeviceId, alarm: Type.Integer() }),
        body: Type.Object({ raisedAt: Type.Optional(Time), by: Type.Optional(Type.String({ maxLength: 60 })) }),
        summary: "Somebody has seen it",
      },
    },
    async ({ params: { device, alarm }, body: { raisedAt, by } }) => {
      const at = raisedAt === undefined ? undefined : new Date(timeOf(raisedAt, "raisedAt", 0));
      if (!(await reads.acknowledge(db, await numberOf(db, device), alarm, at, by ?? "page")))
        throw refused(404, "UnknownAlarm", String(alarm), "no such alarm waits for somebody");
      return { ok: true };
    },
  );
}

export function deviceRoutes(app: App, context: Context): void {
  listRoutes(app, context);
  valueRoutes(app, context);
  storyRoutes(app, context);
  alarmRoutes(app, context);
}
