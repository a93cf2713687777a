// Settings of devices: what they are, what they were, changing them on one or on many; commands.
import Type from "typebox";
import { pushableFields } from "../catalog";
import { commands } from "../commands";
import type { Pushed } from "../configure";
import type { Json } from "../normalize";
import { undoOf, type Patch } from "../pushes";
import * as reads from "../reads";
import { ByDevice, DeviceId, guard, HttpError, numberOf, refused, type App, type Context } from "./context";

const AnyPatch = Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()));
const PushBody = Type.Object(
  {
    patch: Type.Optional(AnyPatch),
    wait: Type.Optional(Type.Literal("online")),
    by: Type.Optional(Type.String({ maxLength: 60 })),
    confirm: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: true },
);

/** A success or a wait as an answer; everything else is thrown. */
function answerOf({ status, state, id, changed, err, ms }: Pushed): {
  ok: boolean;
  id: string;
  state: string;
  changed?: string[];
  ms?: number;
} {
  if (err && status >= 400) throw new HttpError(status, err);
  return { ok: state === "done", id, state, changed, ms };
}

/** The patch of a body: its member `patch`, or the body itself as the device's own API takes it. */
function patchOf(body: Record<string, unknown>): unknown {
  if (body.patch !== undefined) return body.patch;
  return Object.fromEntries(Object.entries(body).filter(([key]) => !["wait", "by", "confirm"].includes(key)));
}

function readRoutes(app: App, { db, auth }: Context): void {
  const onRequest = guard(auth, "read"),
    params = ByDevice,
    querystring = Type.Object({ module: Type.Optional(Type.String({ maxLength: 60 })) });
  app.get(
    "/api/settings",
    { onRequest, schema: { summary: "Settings that may be changed and commands: type, range, unit, meaning" } },
    async () => ({ fields: pushableFields(), commands }),
  );
  app.get(
    "/api/devices/:device/config",
    { onRequest, schema: { params, summary: "Settings as the device told them last" } },
    async ({ params: { device } }) => ({ modules: await reads.configOf(db, await numberOf(db, device)) }),
  );
  app.get(
    "/api/devices/:device/config/versions",
    { onRequest, schema: { params, querystring, summary: "Earlier settings, newest first" } },
    async ({ params: { device }, query }) => ({
      versions: await reads.versionsOf(db, await numberOf(db, device), query.module),
    }),
  );
  app.get(
    "/api/devices/:device/pushes",
    { onRequest, schema: { params, summary: "Changes that were sent, newest first" } },
    async ({ params: { device } }) => ({ pushes: await reads.pushesOf(db, await numberOf(db, device)) }),
  );
}

function writeRoutes(app: App, { auth, configurator }: Context): void {
  const onRequest = guard(auth, "write"),
    params = ByDevice;
  for (const url of ["/api/devices/:device/config", "/devices/:device/config"]) {
    app.post(
      url,
      { onRequest, schema: { params, body: PushBody, summary: "Change settings" } },
      async ({ params: { device }, body }, reply) => {
        const { by = "api", wait, confirm } = body,
          pushed = await configurator.push(device, patchOf(body), by, wait === "online", confirm);
        reply.status(pushed.status);
        return answerOf(pushed);
      },
    );
  }
}

function undoRoute(app: App, { db, auth, configurator }: Context): void {
  const onRequest = guard(auth, "write"),
    params = ByDevice;
  app.post(
    "/api/devices/:device/config/undo",
    {
      onRequest,
      schema: {
        params,
        body: Type.Object({ version: Type.Integer() }),
        summary: "Bring the settings of a version back",
      },
    },
    async ({ params: { device }, body: { version } }, reply) => {
      const id = await numberOf(db, device),
        wanted = (await reads.versionsOf(db, id)).find((one) => one.version === version);
      if (!wanted) throw refused(404, "UnknownVersion", String(version), "is no version of this device");
      const now = (await reads.configOf(db, id)).find(({ module }) => module === wanted.module),
        allowed = new Set(pushableFields().map(({ module, key }) => `${module}.${key}`));
      const undo = Object.entries(undoOf(wanted.document as Json, (now?.document ?? {}) as Json)).filter(([key]) =>
        allowed.has(`${wanted.module}.${key}`),
      );
      if (undo.length === 0) return { ok: true, id: "", state: "done", changed: [] };
      const pushed = await configurator.push(
        device,
        { [wanted.module]: Object.fromEntries(undo) } satisfies Patch,
        `undo to ${version}`,
        false,
      );
      reply.status(pushed.status);
      return answerOf(pushed);
    },
  );
}

function commandRoute(app: App, { auth, configurator }: Context): void {
  const onRequest = guard(auth, "write"),
    params = ByDevice;
  const Command = Type.Object({
    cmd: Type.String({ maxLength: 40 }),
    args: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  });
  app.post(
    "/api/devices/:device/commands",
    { onRequest, schema: { params, body: Command, summary: "Send a command that is on the list" } },
    async ({ params: { device }, body: { cmd, args } }, reply) => {
      const { status, answer, err } = await configurator.command(device, cmd, args ?? {});
      if (err) throw new HttpError(status, err);
      reply.status(status);
      return answer;
    },
  );
}

function fleetRoutes(app: App, { auth, configurator }: Context): void {
  const body = Type.Object({
    devices: Type.Array(DeviceId, { minItems: 1, maxItems: 20_000 }),
    patch: AnyPatch,
    by: Type.Optional(Type.String({ maxLength: 60 })),
  });
  app.post(
    "/api/fleet/config",
    {
      onRequest: guard(auth, "write"),
      schema: { body, summary: "Change settings of many: one first, then ten at a time, until three have failed" },
    },
    async ({ body: { devices, patch, by } }, reply) => {
      reply.status(202);
      const { id } = configurator.rollOut([...new Set(devices)], patch as Patch, by ?? "api");
      return { ok: true, id };
    },
  );
  app.get(
    "/api/fleet/config/:id",
    {
      onRequest: guard(auth, "read"),
      schema: { params: Type.Object({ id: Type.String({ maxLength: 40 }) }), summary: "How far it is" },
    },
    async ({ params: { id } }) => {
      const roll = configurator.rollOuts.get(id);
      if (!roll) throw refused(404, "UnknownRollOut", id, "is not known here");
      const results = roll.results.map(({ state, err, ms, changed }, i) => ({
        device: roll.devices[i],
        state,
        err,
        ms,
        changed,
      }));
      return { id, devices: roll.devices.length, isDone: roll.isDone, results };
    },
  );
}

export function configRoutes(app: App, context: Context): void {
  readRoutes(app, context);
  writeRoutes(app, context);
  undoRoute(app, context);
  commandRoute(app, context);
  fleetRoutes(app, context);
}
