// Figures for Prometheus, read from where they are counted.
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Store } from "./store";

/** Counters of the way in, since the start. */
export interface IntakeCounts {
  received: number;
  bytes: number;
}

export interface Measured {
  store: Store;
  intake: IntakeCounts;
  isBrokerUp(): boolean;
  losses(): number;
  live(): { clients: number; sent: number; dropped: number };
  newestArrival(): number;
  now(): number;
}

/** The registry of `/metrics`. */
export function metricsOf({ store, intake, isBrokerUp, losses, live, newestArrival, now }: Measured): Registry {
  const registers = [new Registry()],
    [registry] = registers;
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name: "recorder_" + name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: "recorder_" + name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  counter("received_total", "Messages from the broker", () => intake.received);
  counter("received_bytes_total", "Their payloads", () => intake.bytes);
  counter("ignored_total", "Messages on their way to devices", () => store.counts.ignored);
  counter("stored_total", "Rows given to the database", () => store.counts.stored);
  counter("acked_total", "Messages kept for good", () => store.counts.acked);
  counter("spooled_total", "Messages written to the spool", () => store.counts.spooled);
  counter("drained_total", "Messages brought from the spool to the database", () => store.counts.drained);
  counter("dead_total", "Dead letters", () => store.counts.dead);
  counter("dead_uncounted_total", "Dead letters beyond 1000 a minute, not kept", () => store.counts.deadUncounted);
  counter("flushes_total", "Batches written", () => store.counts.flushes);
  counter("database_failures_total", "Failures of the database", () => store.counts.failures);
  counter("broker_losses_total", "Lost connections to the broker", losses);
  counter("live_sent_total", "Messages sent to viewers", () => live().sent);
  counter("live_dropped_total", "Messages not sent to viewers that do not keep up", () => live().dropped);
  gauge("live_clients", "Viewers", () => live().clients);
  gauge("waiting_rows", "Rows in memory", () => store.waitingRows);
  gauge("spool_backlog_bytes", "Bytes in the spool that the database does not have", () => store.backlog);
  gauge("spool_full", "1: no room, reading has stopped", () => Number(store.isFull));
  gauge("database_up", "1: the database answers", () => Number(store.isUp));
  gauge("broker_up", "1: connected and subscribed", () => Number(isBrokerUp()));
  gauge("flush_seconds", "Time of the last flush", () => store.lastFlushMs / 1000);
  gauge("lag_seconds", "Since the last message came", () =>
    newestArrival() > 0 ? (now() - newestArrival()) / 1000 : 0,
  );
  return registry;
}
