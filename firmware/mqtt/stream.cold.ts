// A message longer than memory: its length is announced first, then it goes out in pieces over many steps. Until the last
// piece nothing else may stand between them, so publications wait and answers are kept back. A connection that ends meanwhile
// takes the message with it; who streams begins anew.
import { CONNECTED, LAST_ID, MOST_WAITING, type Session } from "./session";

/** Bytes of a UTF-8 field behind its length (1.5.3), and of the remaining length (2.2.3). */
function field(text: string): string {
  return String.fromCharCode(text.length >> 8, text.length & 255) + text;
}

function varint(size: number): string {
  return size < 128 ? String.fromCharCode(size) : String.fromCharCode(size & 127 | 128) + varint2(size >> 7);
}

function varint2(size: number): string {
  return size < 128 ? String.fromCharCode(size) : String.fromCharCode(size & 127 | 128, size >> 7);
}

/** Begin a message of `size` bytes (up to 2 MB) to any topic; flags: QoS 0 or 1, retain. False: not now. */
export function streamBegin(session: Session, topic: string, size: number, flags: number, now: number): boolean {
  const socket = session.free, id = session.nextId;
  if (!socket || session.state !== CONNECTED || (socket.dSnd || "").length > MOST_WAITING) return false;
  const head = field(topic) + (flags & 2 ? String.fromCharCode(id >> 8, id & 255) : "");
  if (flags & 2) session.nextId = id < LAST_ID ? id + 1 : 1;
  socket.write(String.fromCharCode(0x30 | flags & 3) + varint(head.length + size) + head);
  session.stream = size;
  session.free = size ? null : socket;
  session.lastPublish = now;
  session.published++;
  return true;
}

/** The next piece. False: no room yet, or no message under way (`session.stream` is then 0: begin anew). */
export function streamPiece(session: Session, piece: string, now: number): boolean {
  const socket = session.socket;
  if (!socket || !session.stream || piece.length > session.stream || (socket.dSnd || "").length > MOST_WAITING) return false;
  session.stream -= piece.length;
  socket.write(session.stream ? piece : piece + session.owed);
  if (!session.stream) session.owed = "";
  session.sentAt = now;
  return true;
}
