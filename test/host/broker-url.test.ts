// Broker URLs.
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseBrokerUrl, shownBroker } from "../../tools/host/broker-url";

const good: [url: string, host: string, port: number, user: string, pass: string, isTls: boolean][] = [
  ["mqtt://host:1883", "host", 1883, "", "", false],
  ["mqtt://host", "host", 1883, "", "", false],
  ["mqtt://host/", "host", 1883, "", "", false],
  ["mqtts://host", "host", 8883, "", "", true],
  ["mqtts://host:8883", "host", 8883, "", "", true],
  ["mqtt://user:pass@host:1884", "host", 1884, "user", "pass", false],
  ["mqtt://user@192.0.2.10", "192.0.2.10", 1883, "user", "", false],
  ["mqtt://u%40x:p%3A%2F%C3%A9@host", "host", 1883, "u@x", "p:/é", false],
  ["mqtt://[2001:db8::1]:1885", "2001:db8::1", 1885, "", "", false],
  ["mqtt://[::1]", "::1", 1883, "", "", false],
];

const bad: [url: string, reason: RegExp][] = [
  ["host:1883", /must begin with mqtt/],
  ["", /is not a URL/],
  ["127.0.0.1", /is not a URL/],
  ["http://host", /must begin with mqtt/],
  ["mqtt://", /names no host/],
  ["mqtt://host:99999", /is not a URL/],
  ["mqtt://host:0", /port 0/],
  ["mqtt://host/topic", /must end after the port/],
  ["mqtt://host?x=1", /must end after the port/],
  ["mqtt://u:%zz@host", /password has a bad percent code/],
];

describe("broker URL", () => {
  for (const [url, host, port, user, pass, isTls] of good) {
    it("reads " + url, () => assert.deepEqual(parseBrokerUrl(url), { host, port, user, pass, isTls }));
  }

  for (const [url, reason] of bad) {
    it(`refuses "${url}"`, () => assert.throws(() => parseBrokerUrl(url), reason));
  }

  it("takes any user and password, percent-coded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (user, pass) => {
        const { user: u, pass: p } = parseBrokerUrl(
          `mqtt://${encodeURIComponent(user)}:${encodeURIComponent(pass)}@host`,
        );
        assert.deepEqual([u, p], [user, pass]);
      }),
    );
  });

  it("never says a password", () => {
    assert.equal(shownBroker(parseBrokerUrl("mqtt://me%40home:secret@[::1]:1884")), "mqtt://me%40home@[::1]:1884");
    assert.throws(
      () => parseBrokerUrl("mqtt://me:secret@host/path"),
      (error: Error) => !error.message.includes("secret"),
    );
  });
});
