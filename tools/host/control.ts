// The host's control route: what the keys do, for scripts and tests. `GET /` says what plays, `POST /` changes it.
import { createServer, type IncomingMessage } from "node:http";
import { listenNear } from "./ports";
import type { Stage } from "./stage";

export const CONTROL_PORT = 8082;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;
const MOST_BYTES = 4096;

export interface ControlDoor {
  url: string;
  close(): Promise<void>;
}

type Change = (stage: Stage, value: unknown) => void;

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string") throw new Error(`${name}: must be a text`);
  return value;
}

/** A member of the body, in the order in which they are done. */
const CHANGES: Record<string, Change> = {
  scenario: (stage, value) => stage.scenario(textOf(value, "scenario")),
  speed: (stage, value) => stage.speed(Number(value)),
  clear: (stage, value) => stage.clear(value === true ? undefined : textOf(value, "clear")),
  fault: (stage, value) => {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) stage.fault(textOf(one, "fault"));
  },
};

function change(stage: Stage, body: string): void {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    throw new Error("is not JSON");
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw new Error("must be a JSON object");
  const strange = Object.keys(given).find((name) => !Object.hasOwn(CHANGES, name));
  if (strange !== undefined) throw new Error(`${strange}: is not known; there are ${Object.keys(CHANGES).join(", ")}`);
  for (const [name, apply] of Object.entries(CHANGES))
    if (name in given) apply(stage, (given as Record<string, unknown>)[name]);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const piece of request) {
    body += String(piece);
    if (body.length > MOST_BYTES) throw new Error(`has more than ${MOST_BYTES} bytes`);
  }
  return body;
}

/**
 * Listens on `port`, or the next free one. Only programs of this machine may ask: a page of a browser names another
 * host, or its origin.
 */
export async function openControlDoor(stage: Stage, port: number): Promise<ControlDoor> {
  const server = createServer((request, answer) => {
    const say = (status: number, what: object): void => {
      answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(what) + "\n");
    };
    const { method, headers } = request;
    if (!LOOPBACK.test(headers.host ?? "") || (headers.origin ?? "") !== "")
      return say(403, { error: "not from a page" });
    if (method === "GET") return say(200, stage.now());
    if (method !== "POST") return void answer.writeHead(405, { allow: "GET, POST" }).end();
    void bodyOf(request)
      .then((body) => {
        change(stage, body);
        say(200, stage.now());
      })
      .catch((error: Error) => say(400, { error: error.message }));
  });
  const listening = await listenNear(server, port, "127.0.0.1");
  return {
    url: `http://127.0.0.1:${listening.port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
