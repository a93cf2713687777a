// What a session writes, read by the parser of the mqtt package, and what a broker would answer.
import mqttPacket from "mqtt-packet";
import type { Socket } from "../../firmware/kernel/ports";
import { CONNECTED, type Session, sessionOf } from "../../firmware/mqtt/session";

export type Packet = Record<string, unknown>;

/** What the parser makes of byte strings. */
export function parsed(...texts: string[]): Packet[] {
  const packets: Packet[] = [],
    parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet: unknown) => {
    packets.push(packet as Packet);
  });
  parser.on("error", (error: unknown) => {
    throw error;
  });
  for (const text of texts) parser.parse(Buffer.from(text, "latin1"));
  return packets;
}

/** A packet as a byte string. */
export function bytesOf(packet: object): string {
  return mqttPacket
    .generate(packet as Parameters<typeof mqttPacket.generate>[0], { protocolVersion: 4 })
    .toString("latin1");
}

/** An answer with a packet id. */
export function answer(cmd: "puback" | "pubrec" | "pubrel" | "pubcomp", messageId: number): string {
  return bytesOf({ cmd, messageId });
}

/** A connected session over a socket that keeps what is written; packet ids begin with 1. */
export function connected(): { session: Session; written: string[]; socket: Socket; ended: () => number } {
  const session = sessionOf(),
    written: string[] = [];
  let ends = 0;
  const socket: Socket = {
    write: (text) => {
      written.push(text);
    },
    end: () => {
      ends++;
    },
    on: () => undefined,
  };
  Object.assign(session, { state: CONNECTED, socket, base: "tinybms/ESP32-A1B2C3/", nextId: 1 });
  return { session, written, socket, ended: () => ends };
}
