// What the routes share: the server with its types, who asks, and errors in the shape of the device's own.
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import Type from "typebox";
import { COOKIE, cookieOf, type Asker, type Auth, type Role } from "../auth";
import type { Configurator } from "../configure";
import type { DeviceError } from "../pushes";
import { deviceNumber, type Db } from "../reads";
import type { Sql } from "../sql";
import type { Store } from "../store";

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What routes work on. */
export interface Context {
  sql: Sql;
  db: Db;
  auth: Auth;
  configurator: Configurator;
  store: Store;
  prefix: string;
  now(): number;
}

/** An answer that is no success: thrown by a route, sent as `{"ok":false,"err":{...}}`. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly err: DeviceError,
  ) {
    super(err.reason);
  }
}

export const refused = (status: number, code: string, where: string, reason: string): HttpError =>
  new HttpError(status, { code, where, reason, retryable: status >= 500 });

export function askerOf(request: FastifyRequest): Asker {
  const { authorization, cookie, origin, host } = request.headers;
  return { authorization, cookie: cookieOf(cookie, COOKIE), origin, host };
}

/** Lets through whoever may: `write` for all that changes something. */
export function guard(auth: Auth, wanted: Role) {
  return async (request: FastifyRequest): Promise<void> => {
    const role = auth.roleOfRequest(askerOf(request));
    if (!role)
      throw refused(401, "Unauthorized", "token", "a token is needed: header `Authorization: Bearer ...`, or a login");
    if (wanted === "write" && role !== "write") throw refused(403, "Forbidden", "token", "this token may only read");
  };
}

/** The number of a device, or 404. */
export async function numberOf(db: Db, device: string): Promise<number> {
  const id = await deviceNumber(db, device);
  if (id === null) throw refused(404, "UnknownDevice", device, "has never told anything");
  return id;
}

/** An error as an answer; what is not the asker's fault goes to the log. */
export function errorSender(failed: (error: unknown) => void) {
  const answer = (reply: FastifyReply, status: number, code: string, where: string, reason: string): FastifyReply =>
    reply.status(status).send({ ok: false, err: { code, where, reason, retryable: status === 503 || status === 429 } });
  return async (error: unknown, _request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { validation, statusCode, message } = error as Error & {
      validation?: { instancePath: string; message?: string }[];
      statusCode?: number;
    };
    if (error instanceof HttpError) return void reply.status(error.status).send({ ok: false, err: error.err });
    if (validation) {
      const [{ instancePath, message: reason = "is not right" }] = validation;
      return void answer(reply, 400, "BadRequest", instancePath.slice(1) || "request", reason);
    }
    if (statusCode && statusCode < 500)
      return void answer(reply, statusCode, statusCode === 429 ? "Busy" : "BadRequest", "request", message);
    failed(error);
    answer(reply, 503, "NotReady", "request", "the database does not answer");
  };
}

// Schemas that several routes use.

export const DeviceId = Type.String({ pattern: "^[A-Za-z0-9_-]{1,32}$" });
export const ByDevice = Type.Object({ device: DeviceId });
/** A time as ISO text or ms since 1970. */
export const Time = Type.String({ maxLength: 40 });
export const SpanQuery = Type.Object({
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })),
});

/** A time of a query; `preset` when it is not given. */
export function timeOf(text: string | undefined, where: string, preset: number): number {
  if (text === undefined) return preset;
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(time) || Math.abs(time) > 8.64e15)
    throw refused(400, "BadRequest", where, "must be a time: ISO, or ms since 1970");
  return time;
}

export const spanOf = ({ from, to }: { from?: string; to?: string }): { from?: Date; to?: Date } => ({
  from: from === undefined ? undefined : new Date(timeOf(from, "from", 0)),
  to: to === undefined ? undefined : new Date(timeOf(to, "to", 0)),
});
