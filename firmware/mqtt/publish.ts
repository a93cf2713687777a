// The MQTT session: one connection, its state, what is in flight. It decides; the task acts. MQTT 3.1.1 (OASIS).
import { publishTo } from "./outbox.cold";
import { LAST_ID, MOST_IN_FLIGHT, MOST_WAITING, type Session } from "./session";

/** A name of the image is found sooner than one of the interpreter. */
const chars = String.fromCharCode;

/** A message of QoS 1 or 2 begins to be in flight. Its packet id, as it stands in the packet. */
function takeOff(session: Session, topic: string, payload: string, flags: number): string {
  const id = session.nextId;
  session.nextId = id < LAST_ID ? id + 1 : 1;
  session.inFlight.push({ id: id, topic: topic, payload: payload, flags: flags });
  return chars(id >> 8, id & 255);
}

/**
 * Publish below the base topic, up to 16 kB. True: it is sent, or waits in the outbox. False, and counted: no room, try
 * again later. Flags as session.ts has them. What can go at once goes here, as one PUBLISH (3.3; the topic is
 * shorter than 256 bytes), everything else is `publishTo`'s.
 */
export function publish(session: Session, suffix: string, payload: string, flags: number, now: number): boolean {
  const socket = session.free,
    topic = session.base + suffix,
    length = topic.length;
  if (
    !socket ||
    (socket.dSnd && socket.dSnd.length > MOST_WAITING) ||
    (flags & 6 && session.inFlight.length >= MOST_IN_FLIGHT)
  ) {
    return publishTo(session, topic, payload, flags, now);
  }
  if (flags & 6) payload = takeOff(session, topic, payload, flags) + payload;
  const size = 2 + length + payload.length;
  socket.write(
    (size < 128
      ? chars(0x30 | flags, size, 0, length)
      : chars(0x30 | flags, (size & 127) | 128, size >> 7, 0, length)) +
      topic +
      payload,
  );
  session.lastPublish = now;
  session.published++;
  return true;
}
