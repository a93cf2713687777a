// The name server of the device's network: what the gateway answers to a question for an IPv4 address.
import dnsPacket from "dns-packet";

/** Where it listens, as everywhere (RFC 1035, 4.2.1). */
export const NAME_PORT = 53;
const NXDOMAIN = 3;

/**
 * The answer to a question; `lookUp` tells null for a name that nobody knows. Nothing is told of a packet that is no
 * question.
 */
export function answerName(
  packet: Buffer,
  lookUp: (name: string, tell: (address: string | null) => void) => void,
  tell: (packet: Buffer) => void,
): void {
  let query: dnsPacket.Packet;
  try {
    query = dnsPacket.decode(packet);
  } catch {
    return;
  }
  const question = query.questions?.[0];
  if (!question) return;
  lookUp(question.name, (address) => {
    const found = address !== null && question.type === "A";
    tell(
      dnsPacket.encode({
        type: "response",
        id: query.id,
        flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (found ? 0 : NXDOMAIN),
        questions: query.questions,
        answers: found ? [{ type: "A", name: question.name, ttl: 60, data: address }] : [],
      }),
    );
  });
}
