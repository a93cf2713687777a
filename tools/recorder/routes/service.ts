// For whoever runs it: health, figures, dead letters, export; and the login of the page.
import { Readable } from "node:stream";
import type { Registry } from "prom-client";
import Type from "typebox";
import { COOKIE, cookieOf } from "../auth";
import { csvOf } from "../export";
import * as reads from "../reads";
import { askerOf, DeviceId, guard, refused, Time, timeOf, type App, type Context } from "./context";

const LOGINS_A_MINUTE = 5,
  DAY = 86_400_000;

export interface Health {
  isReady(): { ok: boolean; database: boolean; broker: boolean; spool: "ok" | "full" };
}

function healthRoutes(app: App, { auth }: Context, health: Health, registry: Registry): void {
  app.get("/health/live", { schema: { summary: "The process runs" } }, async () => ({ ok: true }));
  app.get("/health/ready", { schema: { summary: "Database, broker and spool are there" } }, async (_request, reply) => {
    const state = health.isReady();
    return reply.status(state.ok ? 200 : 503).send(state);
  });
  app.get(
    "/metrics",
    { onRequest: guard(auth, "read"), schema: { summary: "Figures for Prometheus" } },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  );
}

function loginRoutes(app: App, { auth }: Context): void {
  const rateLimit = { max: LOGINS_A_MINUTE, timeWindow: 60_000 };
  app.post(
    "/api/login",
    {
      config: { rateLimit },
      schema: { body: Type.Object({ token: Type.String({ maxLength: 200 }) }), summary: "A cookie for a token" },
    },
    async (request, reply) => {
      if (!auth.isFriendly(askerOf(request)))
        throw refused(403, "Forbidden", "origin", "a login must come from this page");
      const login = auth.login(request.body.token);
      if (!login) throw refused(401, "Unauthorized", "token", "is not right");
      const secure = request.protocol === "https";
      void reply.setCookie(COOKIE, login.secret, {
        path: "/",
        httpOnly: true,
        sameSite: "strict",
        secure,
        maxAge: 7 * 86_400,
      });
      return { ok: true, role: login.role };
    },
  );
  app.post("/api/logout", { schema: { summary: "Forget the login" } }, async (request, reply) => {
    const secret = cookieOf(request.headers.cookie);
    if (secret !== undefined && auth.isFriendly(askerOf(request))) auth.logout(secret);
    void reply.clearCookie(COOKIE, { path: "/" });
    return { ok: true };
  });
  app.get(
    "/api/session",
    { schema: { summary: "What whoever asks may do: write, read, or nothing (null)" } },
    async (request) => ({ role: auth.roleOfRequest(askerOf(request)), open: auth.isOpen }),
  );
}

function letterRoutes(app: App, { db, sql, auth, store, prefix }: Context): void {
  const querystring = Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    device: Type.Optional(DeviceId),
  });
  app.get(
    "/api/dead-letters",
    {
      onRequest: guard(auth, "read"),
      schema: { querystring, summary: "Messages that could not be kept, newest first; all, or those of a device" },
    },
    async ({ query: { limit = 200, device } }) => ({
      letters: await reads.deadOf(db, limit, device === undefined ? undefined : [`${prefix}/${device}/`, `${device}/`]),
    }),
  );
  app.post(
    "/api/dead-letters/:hash/retry",
    {
      onRequest: guard(auth, "write"),
      schema: { params: Type.Object({ hash: Type.String({ pattern: "^[0-9a-f]{64}$" }) }), summary: "Try it again" },
    },
    async ({ params: { hash } }) => {
      const result = await reads.retryLetter(sql, store, hash);
      if (result === null) throw refused(404, "UnknownLetter", hash, "is not there");
      return { ok: result === "kept", reason: result };
    },
  );
}

function exportRoutes(app: App, { db, sql, auth, now }: Context): void {
  const querystring = Type.Object({
    device: DeviceId,
    sensor: Type.Optional(Type.String({ maxLength: 4000 })),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
  });
  app.get(
    "/api/export.csv",
    {
      onRequest: guard(auth, "read"),
      schema: { querystring, summary: "Rows as CSV: time, device, sensor, value, unit" },
    },
    async ({ query: { device, sensor, from, to } }, reply) => {
      if ((await reads.deviceNumber(db, device)) === null)
        throw refused(404, "UnknownDevice", device, "has never told anything");
      const until = timeOf(to, "to", now()),
        since = timeOf(from, "from", until - DAY);
      void reply.type("text/csv; charset=utf-8").header("content-disposition", `attachment; filename="${device}.csv"`);
      return reply.send(Readable.from(csvOf(sql, { device, sensors: sensor?.split(","), from: since, to: until })));
    },
  );
}

export function serviceRoutes(app: App, context: Context, health: Health, registry: Registry): void {
  healthRoutes(app, context, health, registry);
  loginRoutes(app, context);
  letterRoutes(app, context);
  exportRoutes(app, context);
}
