// The broker's URL in a patch of settings, against node's own reading of URLs.
import assert from "node:assert/strict";
import fc from "fast-check";
import { takeUri } from "../../firmware/config/document.cold";
import { parseBrokerUrl } from "../../tools/host/broker-url";

const bytes = (text: string): string => Buffer.from(text).toString("latin1");

function taken(uri: string): { reason: string; fields: Record<string, unknown> } {
  const fields = { uri: bytes(uri), host: "old", port: 1, user: "old", pass: "old", use_tls: true };
  return { reason: takeUri({ mqtt: fields }), fields };
}

const bad: [uri: string, reason: RegExp][] = [
  ["host:1883", /must begin with/],
  ["http://host", /must begin with/],
  ["mqtt://", /names no host/],
  ["mqtt://:1883", /names no host/],
  ["mqtt://[]", /IPv6/],
  ["mqtt://[::1", /IPv6/],
  ["mqtt://[::1]", /IPv6/],
  ["mqtt://me:secret@[2001:db8::1]:1883", /IPv6/],
  ["mqtt://host/topic", /must end/],
  ["mqtt://host?x=1", /must end/],
  ["mqtt://host#x", /must end/],
  ["mqtt://ho st", /must end/],
  ["mqtt://host:18a", /no number/],
  ["mqtt://host:", /no number/],
  ["mqtt://host:1234567", /no number/],
  ["mqtt://u:%zz@host", /percent/],
  ["mqtt://u%4@host", /percent/],
  ["mqtt://%00@host", /a user that must not hold control characters/],
  ["mqtt://%ff@host", /a user that must be UTF-8/],
  ["mqtt://h%00st", /a host that/],
  ["mqtt://h%C3%B6st", /a host that must be a host name/],
  ["mqtt://1.2.3", /a host that must be an IPv4/],
];

describe("mqtt.uri", () => {
  for (const [uri, reason] of bad) it(`refuses "${uri}"`, () => assert.match(taken(uri).reason, reason));

  it("gives the fields that node reads, for any login, host and port", () => {
    const login = fc
      .tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }))
      .filter(([user]) => !/[\0-\x1f\x7f-\x9f\ufdd0-\ufdef\p{Noncharacter_Code_Point}]/u.test(user));
    const host = fc.oneof(fc.domain(), fc.ipV4());
    fc.assert(
      fc.property(
        fc.constantFrom("mqtt", "mqtts", "MQTT"),
        fc.option(login),
        host,
        fc.option(fc.integer({ min: 1, max: 65535 })),
        fc.constantFrom("", "/"),
        (scheme, user, name, port, slash) => {
          const uri = `${scheme}://${user ? user.map(encodeURIComponent).join(":") + "@" : ""}${name}${port ? `:${port}` : ""}${slash}`;
          const { reason, fields } = taken(uri),
            { isTls, ...address } = parseBrokerUrl(uri);
          assert.equal(reason, "", uri);
          assert.deepEqual(
            { ...fields, host: undefined },
            {
              ...address,
              host: undefined,
              user: bytes(address.user),
              pass: bytes(address.pass),
              use_tls: isTls,
              uri: "",
            },
          );
          assert.equal(fields["host"], name, "as it was written");
        },
      ),
    );
  });

  it("has no blanks around it, and any bytes in the password", () => {
    assert.deepEqual(taken(" mqtt://me:%00%ff@host\n").fields, {
      uri: "",
      host: "host",
      port: 1883,
      user: "me",
      pass: "\0\xff",
      use_tls: false,
    });
  });

  it("leaves everything alone without a URL, and takes an @ in a password", () => {
    for (const settings of [
      {},
      { mqtt: null },
      { mqtt: "x" },
      { mqtt: {} },
      { mqtt: { uri: "" } },
      { mqtt: { uri: "***" } },
      { mqtt: { uri: 5 } },
    ]) {
      const before = JSON.stringify(settings);
      assert.deepEqual([takeUri(settings), JSON.stringify(settings)], ["", before]);
    }
    assert.deepEqual(
      [taken("mqtt://me:p@ss:w@host").fields["user"], taken("mqtt://me:p@ss:w@host").fields["pass"]],
      ["me", "p@ss:w"],
    );
    assert.deepEqual(
      taken("mqtt://host").fields,
      { uri: "", host: "host", port: 1883, user: "", pass: "", use_tls: false },
      "no login: an old password goes nowhere",
    );
  });

  it("never throws, whatever it is given", () => {
    const text = fc.string({ unit: fc.constantFrom(..."mqts:/@[]%4fz#? .a1\xe9") });
    fc.assert(
      fc.property(text, (rest) => {
        for (const uri of [rest, "mqtt://" + rest]) assert.equal(typeof taken(uri).reason, "string");
      }),
      { numRuns: 3000 },
    );
  });
});
