// When the next attempt to connect comes: each echo request takes C heap for good, so with little of it they are rare.
import assert from "node:assert/strict";
import { sessionOf, WAITING } from "../../firmware/mqtt/session";
import { advance, connectFault } from "../../firmware/publish/connect.cold";
import type { MqttTask } from "../../firmware/publish/state";

const MINUTE_MS = 60_000;

/** How long after the last failure the name of the broker is looked up again, ms; Infinity: not within two hours. */
function attemptAfter(heap: number, isPinged = true, backOff = 10_000): number {
  const session = sessionOf();
  let lookUps = 0;
  Object.assign(session, { state: WAITING, since: 0, retryAt: MINUTE_MS, host: "broker", ping: isPinged, backOff });
  const network = { address: () => "192.0.2.2", lookUp: () => void lookUps++ };
  const mqtt = {
    session,
    can: { gridAt: 0 },
    errorsSaid: 0,
    needs: { network, memory: { heap }, natives: { now: () => 0 } },
  } as unknown as MqttTask;
  for (let now = 0; now <= 120 * MINUTE_MS; now += 10_000) {
    advance(mqtt, now);
    if (lookUps) return now;
  }
  return Infinity;
}

describe("what connect threw", () => {
  const codes: [string, boolean, string][] = [
    ["Error: TLS needs 40000 bytes of heap, there are 30000", true, "TlsUnavailable"],
    ["InternalError: mbedtls_ssl_setup: Not enough memory", true, "TlsUnavailable"],
    ["InternalError: HTTPS init failed! mbedtls_x509_crt_parse of 'ca': Not enough memory", true, "TlsUnavailable"],
    ["InternalError: Not enough memory to allocate SSL socket", true, "TlsUnavailable"],
    ["InternalError: HTTPS init failed! mbedtls_pk_parse_key: Invalid format", true, "TlsFailed"],
    ["InternalError: HTTPS init failed! mbedtls_pk_parse_key: N", true, "TlsFailed"],
    ["InternalError: Unable to create socket", true, "ConnRefused"],
    ["InternalError: Unable to create socket", false, "ConnRefused"],
  ];
  for (const [thrown, isTls, code] of codes)
    it(`${thrown.slice(0, 60)}: ${code}`, () => {
      const [told, text] = connectFault(thrown, isTls, "broker:8883");
      assert.equal(told, code);
      if (code === "TlsUnavailable") assert.ok(text!.startsWith("TLS needs") && !text!.endsWith("."), text);
    });
});

describe("the next attempt to connect", () => {
  it("comes when the back-off is over while there is heap, or when it is not known", () => {
    assert.deepEqual(
      [30_000, 20_000, NaN].map((heap) => attemptAfter(heap)),
      [MINUTE_MS, MINUTE_MS, MINUTE_MS],
    );
  });

  it("comes each ten minutes, then each hour, as the heap goes down", () => {
    assert.deepEqual(
      [19_999, 15_000, 14_999].map((heap) => attemptAfter(heap) / MINUTE_MS),
      [10, 10, 60],
    );
  });

  it("does not wait for heap when nobody is pinged, nor the first time", () => {
    assert.deepEqual([attemptAfter(10_000, false), attemptAfter(10_000, true, 5000)], [MINUTE_MS, MINUTE_MS]);
  });
});
