// The settings of a gateway over HTTP (firmware/api/README.md): the device checks them once more, says what they would
// do, and keeps all or nothing.
import { setTimeout as sleep } from "node:timers/promises";
import { type Gateway, type Label, NeedsConfirmation } from "./device";
import { type Settings, valuesOf } from "./plan";

const ANSWER_MS = 15_000,
  LOOK_MS = 1000,
  RESTART_MS = 90_000,
  BUSY_TRIES = 10;

interface Reply {
  status: number;
  body: Record<string, unknown>;
}

export interface Login {
  user: string;
  /** Asked only when the device wants it. */
  password(): Promise<string>;
}

const refusalOf = ({ body, status }: Reply): { code: string; reason: string } => {
  const err = (body.err ?? {}) as { code?: string; where?: string; reason?: string };
  return { code: err.code ?? "", reason: err.reason ? `${err.where}: ${err.reason}` : `HTTP ${status}` };
};

/** One request. A login goes along once the device has asked for one. */
function requester(url: string, login: Login) {
  let password: string | null = null;
  const once = async (method: string, path: string, body?: string): Promise<Reply> => {
    const headers: Record<string, string> = { "X-Requested-With": "setup" };
    if (password !== null)
      headers.Authorization = `Basic ${Buffer.from(`${login.user}:${password}`).toString("base64")}`;
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      body: body ?? null,
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch((error: Error) => {
      const cause = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.message;
      throw new Error(`${url}: nobody answers (${cause}); is the device on, and in this network?`);
    });
    const text = await response.text();
    try {
      return { status: response.status, body: JSON.parse(text) as Reply["body"] };
    } catch {
      throw new Error(`${url}: what answers is no gateway`);
    }
  };
  return async (method: string, path: string, body?: string): Promise<Reply> => {
    for (let tries = 0; ; tries++) {
      const reply = await once(method, path, body);
      if (reply.status === 401 && password === null) password = await login.password();
      else if ((reply.status === 503 || refusalOf(reply).code === "Busy") && tries < BUSY_TRIES) await sleep(LOOK_MS);
      else if (reply.status === 401)
        throw new Error("the device refuses the user or the password; its console shows them at each start");
      else return reply;
    }
  };
}

/** The gateway behind an address such as http://192.168.1.20. */
export function openHttpGateway(where: string, login: Login): Gateway {
  const url = where.includes("://") ? where : `http://${where}`,
    request = requester(url, login);
  let needsRestart = false,
    movesTo = "";
  const status = async (): Promise<Record<string, unknown>> => (await request("GET", "/api/status")).body;
  const device = async (): Promise<string> => {
    const { body } = await request("GET", "/api/config/export");
    return String(body.device ?? "the gateway");
  };
  return {
    read: async () => {
      const { version } = await status(),
        { body } = await request("GET", "/api/config");
      // bytes, as the firmware's rules take them
      const document = Buffer.from(JSON.stringify(body), "utf8").toString("latin1");
      return { about: `a gateway ${version as string} at ${url}`, document };
    },
    write: async (settings: Settings, _, confirmed) => {
      const reply = await request("PUT", `/api/config${confirmed ? "?confirm=true" : ""}`, JSON.stringify(settings)),
        { code, reason } = refusalOf(reply);
      if (code === "InterlockBlocked") throw new NeedsConfirmation(reason);
      if (reply.status !== 200) throw new Error(`the device refuses the settings: ${reason}`);
      needsRestart = reply.body.restart === true;
      if (settings.wifi) movesTo = "the other network";
      else if (settings.http?.port !== undefined) movesTo = `port ${settings.http.port as number}`;
      return (reply.body.warnings as string[] | undefined) ?? [];
    },
    settle: async (document): Promise<Label> => {
      const name = await device();
      if (needsRestart) {
        const { uptime_ms: before } = await status();
        await request("POST", "/api/restart");
        await waitUntilBack(status, Number(before), movesTo, name);
      }
      const { ssid } = valuesOf(document, "wifi"),
        { user } = valuesOf(document, "http");
      return {
        device: name,
        network: String(ssid),
        address: new URL(url).host,
        user: String(user),
        password: "the one that you used, or set now",
      };
    },
    close: () => Promise.resolve(),
  };
}

/** The device answers again, and has started since: it was away, or runs for a shorter time than it would else. */
async function waitUntilBack(
  status: () => Promise<Record<string, unknown>>,
  before: number,
  movesTo: string,
  name: string,
): Promise<void> {
  let wasAway = false;
  const begun = Date.now();
  while (Date.now() - begun < RESTART_MS) {
    await sleep(LOOK_MS);
    const uptime = await status().then(
      (body) => Number(body.uptime_ms),
      () => NaN,
    );
    if (uptime < before + (Date.now() - begun) / 2 || (wasAway && uptime >= 0)) return;
    wasAway ||= Number.isNaN(uptime);
  }
  throw new Error(
    movesTo
      ? `the settings are written; ${name} is not at this address any more, it moved to ${movesTo}: look for it there`
      : `the settings are written, but ${name} does not answer: look at its console (npm run setup -- --port PORT)`,
  );
}
