// Publishing outside the base topic, at QoS 0 and not retained: what belongs to another convention.
import { publishPacket } from "../mqtt/packet";
import { CONNECTED, type Session } from "../mqtt/session";

/** Bytes that may wait in the socket. */
const MOST_WAITING = 2048;

/** Publish on a whole topic; false when there is no room now. */
export function sendAt(session: Session, topic: string, payload: string, now: number): boolean {
  const socket = session.socket;
  if (!socket || session.state !== CONNECTED || (socket.dSnd || "").length > MOST_WAITING) return false;
  socket.write(publishPacket(topic, payload, 0, 0));
  session.sentAt = session.lastPublish = now;
  session.published++;
  return true;
}
