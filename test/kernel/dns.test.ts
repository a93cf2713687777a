// DNS: what is asked, and which bytes of an answer are an address, against a library that knows all of it.
import assert from "node:assert/strict";
import dnsPacket from "dns-packet";
import fc from "fast-check";
import { dnsAddress, dnsQuery, isDnsReply } from "../../firmware/kernel/dns.cold";

const ID = "\x12\xfe",
  NAME = "broker.example.org",
  query = dnsQuery(ID, NAME);
type Answer = dnsPacket.Answer;
const a = (data: string, name = NAME): Answer => ({ type: "A", name, ttl: 60, data });

/** A name server's answer to `query`. */
function reply(answers: Answer[], flags = dnsPacket.RECURSION_AVAILABLE, id = 0x12fe, name = NAME): string {
  const packet = dnsPacket.encode({ type: "response", id, flags, questions: [{ type: "A", name }], answers });
  return packet.toString("latin1");
}

describe("DNS", () => {
  it("asks one question for an IPv4 address, with recursion", () => {
    const { id, flags, questions } = dnsPacket.decode(Buffer.from(query, "latin1"));
    assert.deepEqual({ id, flags }, { id: 0x12fe, flags: dnsPacket.RECURSION_DESIRED });
    assert.deepEqual(questions, [{ name: NAME, type: "A", class: "IN" }]);
  });

  it("takes the first address, behind aliases too", () => {
    const alias: Answer = { type: "CNAME", name: NAME, ttl: 5, data: "host.example.net" };
    const text: Answer = { type: "TXT", name: NAME, ttl: 5, data: "x".repeat(100) };
    const six: Answer = { type: "AAAA", name: NAME, ttl: 5, data: "2001:db8::1" };
    for (const answers of [
      [a("10.1.2.3"), a("10.1.2.4")],
      [alias, a("10.1.2.3", "host.example.net")],
      [text, six, a("10.1.2.3")],
    ]) {
      const packet = reply(answers);
      assert.ok(isDnsReply(packet, query));
      assert.equal(dnsAddress(packet, query), "10.1.2.3");
    }
    // names as servers write them: a pointer to the question
    const pointed =
      reply([]).slice(0, 7) + "\x01" + reply([]).slice(8) + "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03";
    assert.equal(dnsAddress(pointed, query), "10.1.2.3");
  });

  it("finds none where there is none", () => {
    const nobody = reply([], 3),
      other: Answer = { type: "AAAA", name: NAME, ttl: 5, data: "2001:db8::1" };
    for (const packet of [
      nobody,
      reply([]),
      reply([other]),
      reply([a("10.1.2.3")]).slice(0, -1),
      reply([a("10.1.2.3")], 2),
    ])
      assert.equal(dnsAddress(packet, query), "");
  });

  it("hears no answer to another question, and no question", () => {
    assert.ok(!isDnsReply(reply([a("10.1.2.3")], 0, 0x12ff), query));
    assert.ok(!isDnsReply(reply([a("10.1.2.3")], 0, 0x12fe, "broker.example.com"), query));
    assert.ok(!isDnsReply(query, query));
  });

  it("ends with any bytes", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 200 }), byte, (bytes, count) => {
        const packet =
          ID +
          "\x81\x80\0\x01\0" +
          String.fromCharCode(count) +
          "\0\0\0\0" +
          query.slice(12) +
          String.fromCharCode(...bytes);
        assert.ok(isDnsReply(packet, query));
        assert.match(dnsAddress(packet, query), /^(\d+\.\d+\.\d+\.\d+)?$/);
      }),
      { numRuns: 500 },
    );
  });
});
