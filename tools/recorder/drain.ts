// `npm run recorder -- drain`: what the spool holds, and what a broker keeps for this recorder's name, into the
// database; for a recorder that leaves for good.
import type { Options } from "./options";
import type { Storage } from "./recorder";
import { forgetSession, Subscriber, WINDOW, type Reach } from "./subscriber";

const QUIET_MS = 5000,
  LOOK_MS = 200,
  PATIENCE_MS = 30_000;

/**
 * Ends when the spool is empty and nothing has come from the broker for 5 s; then the broker keeps nothing more for
 * this name. Rejects when the database does not answer.
 */
export async function drain({ store, spool }: Storage, options: Options, reach: Reach): Promise<void> {
  let last = Date.now(),
    received = 0;
  store.start();
  await store.firstTry;
  if (!store.isUp) throw new Error("the database does not answer");
  const { prefix, group } = options,
    id = options.name ?? `recorder-${spool.id.slice(0, 8)}`;
  const subscriber: Subscriber = new Subscriber({
    // A topic that nobody uses: only what the broker kept is wanted.
    reach,
    id,
    prefix,
    filter: `${prefix}/drain-${id}/test`,
    leaves: [`${prefix}/#`, "#", ...(group === undefined ? [] : [`$share/${group}/${prefix}/#`, `$share/${group}/#`])],
    now: Date.now,
    received: (message, isHeld, ack) => {
      [last, received] = [Date.now(), received + 1];
      store.push(message, null, isHeld, ack);
    },
    changed: () => {
      store.window = WINDOW[subscriber.version];
    },
    warn: (text) => console.error(text),
  });
  subscriber.start();
  const began = Date.now();
  while (Date.now() - last < QUIET_MS || store.backlog > 0) {
    if (!subscriber.isUp && Date.now() - began > PATIENCE_MS) throw new Error("the broker does not answer");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  subscriber.stopReading();
  await store.stop(PATIENCE_MS);
  await subscriber.stop();
  await forgetSession(reach, id, subscriber.version);
  console.log(`${received} messages of the broker, ${store.counts.drained} of the spool; ${store.counts.stored} rows`);
}
