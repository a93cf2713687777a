// Each message to whoever watches, as it comes and before it is stored; and for the list of devices, what changed, once
// a second.
import type { Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import { cookieOf, type Auth } from "./auth";
import type { Message, Outcome } from "./effects";

const MOST_UNSENT = 1_000_000,
  ENOUGH_SENT = 250_000,
  LOOK_MS = 250,
  FLEET_MS = 1000,
  MOST_WATCHED = 200;

/** What the seed's clients know: event `mqtt-message`. `time` is ISO. */
export interface MqttMessage {
  topic: string;
  value: unknown;
  time: string;
  metadata: {
    device: string;
    suffix: string;
    sensor: string;
    unit: string;
    seq: number | null;
    quality: string;
    flags: number;
    retained: boolean;
    received: string;
  };
}

/** A row of the list of devices that changed; only what did. Event `fleet`, an array once a second. */
export interface FleetChange {
  id: string;
  lastSeen: string;
  online?: boolean;
  bmsOnline?: boolean;
  phase?: string;
  state?: unknown;
  stateAt?: number;
}

type Kept = Extract<Outcome, { kind: "kept" }>;

export function liveMessage({ topic, retain, arrival }: Message, { device, suffix, live }: Kept): MqttMessage {
  const { value, time, sensor, unit, seq, quality, flags } = live,
    iso = (at: number): string => new Date(at).toISOString();
  return {
    topic,
    value,
    time: iso(time),
    metadata: { device, suffix, sensor, unit, seq, quality, flags, retained: retain, received: iso(arrival) },
  };
}

function changeOf(change: FleetChange, { effects }: Kept): FleetChange {
  for (const { field, value, at } of effects.facts) {
    if (field === "online") change.online = value as boolean;
    else if (field === "bms_online") change.bmsOnline = value as boolean;
    else if (field === "phase") change.phase = value as string;
    else if (field === "state") [change.state, change.stateAt] = [value, at];
  }
  return change;
}

export interface LiveOptions {
  server: HttpServer;
  auth: Auth;
  origins: string[];
  /** Devices that somebody watches ("*": all): with several recorders they are subscribed to only then. */
  watched(devices: Set<string>): void;
}

/**
 * Socket.IO on the same port. A client gets all messages, unless it asks with `?watch=none` and `watch([ids])`;
 * `fleet(true)` for the list.
 */
export class Live {
  sent = 0;
  dropped = 0;
  private readonly io: Server;
  private readonly changes = new Map<string, FleetChange>();
  private readonly timers: NodeJS.Timeout[];

  constructor(private readonly options: LiveOptions) {
    const { server, auth, origins } = options;
    this.io = new Server(server, {
      serveClient: false,
      cors: origins.length > 0 ? { origin: origins, credentials: true } : undefined,
    });
    this.io.use((socket, next) => {
      const { headers } = socket.request,
        { token } = socket.handshake.auth as { token?: unknown };
      const authorization = typeof token === "string" ? `Bearer ${token}` : headers.authorization;
      const role = auth.roleOfRequest({
        authorization,
        cookie: cookieOf(headers.cookie),
        origin: headers.origin,
        host: headers.host,
      });
      next(role ? undefined : new Error("unauthorized"));
    });
    this.io.on("connection", (socket) => this.connected(socket));
    this.timers = [setInterval(() => this.look(), LOOK_MS), setInterval(() => this.tellFleet(), FLEET_MS)];
    for (const timer of this.timers) timer.unref();
  }

  get clients(): number {
    return this.io.engine.clientsCount;
  }

  /** Somebody may want to hear of messages. */
  get isWatched(): boolean {
    return this.io.sockets.sockets.size > 0;
  }

  private connected(socket: Socket): void {
    const leave = (): void => {
      for (const room of socket.rooms) if (room === "all" || room.startsWith("device:")) void socket.leave(room);
    };
    if (socket.handshake.query.watch !== "none") void socket.join("all");
    socket.on("watch", (ids: unknown) => {
      leave();
      const all = Array.isArray(ids)
        ? ids.filter((id): id is string => typeof id === "string").slice(0, MOST_WATCHED)
        : [];
      for (const id of all) void socket.join("device:" + id);
      this.told();
    });
    socket.on("fleet", (isOn: unknown) => void (isOn ? socket.join("fleet") : socket.leave("fleet")));
    socket.on("disconnect", () => this.told());
    this.told();
  }

  private told(): void {
    const { rooms } = this.io.sockets.adapter;
    const devices = [...rooms.keys()]
      .filter((room) => room.startsWith("device:"))
      .map((room) => room.slice("device:".length));
    this.options.watched(new Set(rooms.has("all") || rooms.has("fleet") ? ["*"] : devices));
  }

  /** Whoever does not keep up is left out until it has read what it has. */
  private look(): void {
    for (const socket of this.io.sockets.sockets.values()) {
      const { socket: wire } = socket.conn.transport as unknown as { socket?: { bufferedAmount?: number } };
      const unsent = wire?.bufferedAmount ?? 0;
      if (unsent > MOST_UNSENT) void socket.join("slow");
      else if (unsent < ENOUGH_SENT && socket.rooms.has("slow")) void socket.leave("slow");
    }
  }

  /** A message that came. */
  send(message: Message, outcome: Kept): void {
    const { device } = outcome,
      { rooms } = this.io.sockets.adapter;
    if (rooms.has("fleet")) {
      const change = this.changes.get(device) ?? { id: device, lastSeen: "" };
      if (!message.retain) change.lastSeen = new Date(message.arrival).toISOString();
      this.changes.set(device, changeOf(change, outcome));
    }
    const all = rooms.get("all")?.size ?? 0,
      own = rooms.get("device:" + device)?.size ?? 0,
      slow = rooms.get("slow");
    if (all + own === 0) return;
    this.sent += all + own;
    for (const id of slow ?? [])
      if (rooms.get("all")?.has(id) || rooms.get("device:" + device)?.has(id)) this.dropped++;
    this.io
      .to(["all", "device:" + device])
      .except("slow")
      .emit("mqtt-message", liveMessage(message, outcome));
  }

  private tellFleet(): void {
    if (this.changes.size === 0) return;
    this.io
      .to("fleet")
      .except("slow")
      .emit("fleet", [...this.changes.values()]);
    this.changes.clear();
  }

  async close(): Promise<void> {
    this.timers.forEach(clearInterval);
    await this.io.close();
  }
}
