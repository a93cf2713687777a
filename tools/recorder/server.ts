// The HTTP server: page, REST with its OpenAPI, health and figures; Socket.IO listens on the same port.
import cookie from "@fastify/cookie";
import cors from "@fastify/cors";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import { TypeBoxValidatorCompiler, type TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { buildPage } from "./page";
import { configRoutes } from "./routes/config";
import { errorSender, type App, type Context } from "./routes/context";
import { deviceRoutes } from "./routes/devices";
import { serviceRoutes, type Health } from "./routes/service";

const BODY_BYTES = 1_000_000;

export interface ServerOptions {
  context: Context;
  health: Health;
  registry: Registry;
  origins: string[];
  logger: Logger;
  version: string;
}

async function pageRoutes(app: App): Promise<void> {
  const page = await buildPage();
  const show = async (
    _request: unknown,
    reply: { type(type: string): { header(name: string, value: string): { send(text: string): unknown } } },
  ): Promise<unknown> =>
    reply.type("text/html; charset=utf-8").header("content-security-policy", page.policy).send(page.html);
  app.get("/", { schema: { hide: true } }, show);
  app.get("/device/:device", { schema: { hide: true } }, show);
}

/** A server that does not listen yet. */
export async function buildServer({
  context,
  health,
  registry,
  origins,
  logger,
  version,
}: ServerOptions): Promise<App> {
  const app = fastify({ bodyLimit: BODY_BYTES, forceCloseConnections: true })
    .withTypeProvider<TypeBoxTypeProvider>()
    .setValidatorCompiler(TypeBoxValidatorCompiler) as unknown as App;
  app.setErrorHandler(errorSender((error) => logger.error({ err: error }, "request")));
  app.setNotFoundHandler(async ({ url }, reply) =>
    reply
      .status(404)
      .send({
        ok: false,
        err: { code: "NotFound", where: url.slice(0, 100), reason: "there is nothing", retryable: false },
      }),
  );
  app.addHook("onSend", async (_request, reply) => {
    void reply
      .header("x-content-type-options", "nosniff")
      .header("referrer-policy", "no-referrer")
      .header("x-frame-options", "DENY");
    if (!reply.hasHeader("content-security-policy"))
      void reply.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if (!reply.hasHeader("cache-control")) void reply.header("cache-control", "no-store");
  });
  await app.register(cookie);
  if (origins.length > 0) await app.register(cors, { origin: origins, credentials: true });
  await app.register(rateLimit, { global: false });
  const security = { securitySchemes: { token: { type: "http" as const, scheme: "bearer" } } };
  await app.register(swagger, {
    openapi: { info: { title: "TinyBMS recorder", version }, components: security, security: [{ token: [] }] },
  });
  deviceRoutes(app, context);
  configRoutes(app, context);
  serviceRoutes(app, context, health, registry);
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  await pageRoutes(app);
  return app;
}
