// The session's cores over a real socket, with the least shell that works: to try them on real brokers without an
// image.
import net from "node:net";
import {
  connectPacket,
  keepAlive,
  refusal,
  sessionEnter,
  sessionFail,
  sessionFeed,
  sessionResume,
  subscribePacket,
} from "../../firmware/mqtt/session.cold";
import { outboxDrain } from "../../firmware/mqtt/outbox.cold";
import { ANSWERING, CONNECTED, type Incoming, type Session, WAITING, sessionOf } from "../../firmware/mqtt/session";
import { until } from "../../tools/rig/wait";

export interface LinkOptions {
  port: number;
  clientId?: string;
  user?: string;
  pass?: string;
  cleanSession?: boolean;
  commandQos?: number;
  keepAlive?: number;
  /** Chance that the connection breaks at an answer of ours, or at what is received. */
  loss?: number;
}

export interface Link {
  session: Session;
  /** Messages in the order in which they came. */
  received: Incoming[];
  /** Connect and subscribe; resolves when it is connected, or has failed (`session.errorCode`). */
  open(): Promise<void>;
  /** The connection breaks, now. */
  cut(): void;
  close(): void;
}

const STEP_MS = 5;

function attach(session: Session, wire: net.Socket, options: LinkOptions): (bytes: string) => void {
  const isMine = (): boolean => session.socket === face;
  const isLost = (): boolean => session.state === CONNECTED && Math.random() < (options.loss ?? 0);
  const face = {
    write: (text: string) => {
      if (/^[\x40\x50\x62\x70]/.test(text) && isLost()) wire.resetAndDestroy();
      else if (!wire.destroyed) wire.write(Buffer.from(text, "latin1"));
    },
    end: () => {
      wire.end();
    },
    on: () => undefined,
  };
  session.socket = face;
  sessionEnter(session, ANSWERING, Date.now());
  face.write(
    connectPacket({
      clientId: options.clientId ?? "link",
      user: options.user ?? "",
      pass: options.pass ?? "",
      keepAlive: 30,
      cleanSession: options.cleanSession ?? true,
      willTopic: session.base + "status",
      willPayload: '{"online":false}',
    }),
  );
  wire.on("error", () => undefined);
  wire.on("close", () => {
    if (isMine()) sessionFail(session, "ConnRefused", "closed", Date.now());
  });
  wire.on("data", (bytes) => (isLost() ? wire.resetAndDestroy() : heard(bytes.toString("latin1"))));
  const heard = (bytes: string): void => {
    const now = Date.now();
    session.heardAt = now;
    for (let rest = bytes, code = 0; code !== -1 && isMine(); rest = "") {
      code = sessionFeed(session, rest, now);
      if (code === 0 || code === 257) {
        sessionResume(session, code === 257, now);
        face.write(subscribePacket(session, options.commandQos ?? 0));
      } else if (code === 256) {
        sessionEnter(session, CONNECTED, now);
        session.waitingSince = session.lookAt = now;
      } else if (code !== -1) {
        const [name, text] = code < 0 ? ["Broken", `${code}`] : refusal(code, "it");
        sessionFail(session, name, text, now);
      }
    }
  };
  return heard;
}

/** A session for topics below `tinybms/link/`. */
export function linkTo(options: LinkOptions): Link {
  const session = Object.assign(sessionOf(), {
    state: WAITING,
    base: "tinybms/link/",
    keepAlive: options.keepAlive ?? 30000,
  });
  const received: Incoming[] = [];
  let wire: net.Socket | null = null,
    heard = (_bytes: string): void => undefined;
  const timer = setInterval(() => {
    received.push(...session.inbox.splice(0));
    if (session.rx) heard("");
    if (session.state !== CONNECTED) return;
    outboxDrain(session, Date.now());
    if (Date.now() >= session.lookAt) keepAlive(session, Date.now());
  }, STEP_MS);
  return {
    session,
    received,
    open: async () => {
      const errors = session.errors;
      wire = net.connect(options.port, "127.0.0.1");
      wire.setNoDelay(true);
      heard = attach(session, wire, options);
      await until("the connection", 5000, () => session.state === CONNECTED || session.errors > errors);
    },
    cut: () => {
      wire?.resetAndDestroy(); // before anybody ends it: node keeps a socket for ever that is reset after its end
      sessionFail(session, "Failed", "cut", Date.now());
    },
    close: () => {
      clearInterval(timer);
      wire?.destroy();
    },
  };
}
