// A message too long for the memory: its length first, then the payload in pieces (MQTT 3.1.1, 2.2.3 and 3.3). In between nothing
// else may be written, which `session.stream` says; what comes in meanwhile waits in `rx`.
import { CONNECTED, type Session } from "./session";

/** Bytes that may wait in the socket before a message or a piece. */
const MOST_WAITING = 2048;

/** The length as MQTT writes it, seven bits a byte. */
function lengthBytes(length: number): string {
  let text = "", rest = length;
  do {
    text += String.fromCharCode(rest > 127 ? rest & 127 | 128 : rest);
    rest = rest >> 7;
  } while (rest);
  return text;
}

/** Begin a message of `size` bytes on a whole topic. False when it cannot be now. Flags: QoS x 2 (0 or 1), retain 1. */
export function streamBegin(session: Session, topic: string, size: number, flags: number, now: number): boolean {
  const socket = session.socket, id = session.nextId;
  if (!socket || session.state !== CONNECTED || session.stream || (socket.dSnd || "").length > MOST_WAITING) return false;
  if (flags & 6) session.nextId = id < 65535 ? id + 1 : 1;
  socket.write(String.fromCharCode(0x30 | flags) + lengthBytes(2 + topic.length + (flags & 6 ? 2 : 0) + size)
    + String.fromCharCode(topic.length >> 8, topic.length & 255) + topic + (flags & 6 ? String.fromCharCode(id >> 8, id & 255) : ""));
  session.stream = size;
  session.sentAt = session.lastPublish = now;
  session.published++;
  return true;
}

/** The next piece; the last one ends the message. False: no room, no message under way, or more than was announced. */
export function streamPiece(session: Session, piece: string, now: number): boolean {
  const socket = session.socket;
  if (!socket || piece.length > session.stream || (socket.dSnd || "").length > MOST_WAITING) return false;
  session.stream -= piece.length;
  socket.write(piece);
  session.sentAt = now;
  return true;
}
