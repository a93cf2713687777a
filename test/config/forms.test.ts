// The forms of texts in the settings, against what node and the standards say.
import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import fc from "fast-check";
import { formed, levels, refuseForm, trimmed } from "../../firmware/config/forms.cold";

const bytes = (text: string): string => Buffer.from(text).toString("latin1");

describe("forms of settings", () => {
  it("a text is what a strict decoder reads, without control characters and noncharacters", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: "binary", maxLength: 4 }).map((text) => Uint8Array.from(Buffer.from(text))),
      fc
        .constantFrom(
          "\xed\xa0\x80",
          "\xc0\x80",
          "\xe0\x80\x80",
          "\xf0\x80\x80\x80",
          "\xf4\x90\x80\x80",
          "\xef\xbf\xbe",
          "\xf8\x88",
        )
        .map((text) => Uint8Array.from(Buffer.from(text, "latin1"))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 4 }), (pieces) => {
        const all = Buffer.concat(pieces);
        let wanted = true;
        try {
          const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(all);
          wanted = !/[\0-\x1f\x7f-\x9f\p{Noncharacter_Code_Point}]/u.test(text);
        } catch {
          wanted = false;
        }
        assert.equal(refuseForm("text", all.toString("latin1")) === "", wanted, all.toString("hex"));
      }),
      { numRuns: 5000 },
    );
  });

  it("a host is a name of DNS or an IPv4 address", () => {
    fc.assert(fc.property(fc.oneof(fc.domain(), fc.ipV4()), (host) => assert.equal(refuseForm("host", host), "")));
    const digits = fc.array(fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "01", "-1")), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(digits, (parts) => {
        const text = parts.join(".");
        assert.equal(text === "" || isIPv4(text), refuseForm("host", text) === "", text);
      }),
    );
    for (const good of ["", "a", "my-broker.local", "under_score", "1and1.example", "192.0.2.1", "A.b"])
      assert.equal(refuseForm("host", good), "", good);
    for (const bad of [
      "a..b",
      ".a",
      "a.",
      "-a",
      "a-",
      "a b",
      "a/b",
      "a\nb",
      "a@b",
      "\xc3\xa4",
      "a".repeat(64),
      "[::1]",
      "fe80::1",
    ])
      assert.notEqual(refuseForm("host", bad), "", bad);
  });

  it("a server may have a port", () => {
    for (const good of ["", "pool.ntp.org", "192.0.2.1:123", "a:65535"])
      assert.equal(refuseForm("server", good), "", good);
    for (const bad of [":123", "a:", "a:65536", "a:1x", "a:-1", "::1", "[::1]:123", "ntp://a"])
      assert.notEqual(refuseForm("server", bad), "", bad);
  });

  it("a topic holds what a broker takes from a client", () => {
    for (const good of ["", "a", "a/b", "/a/", " a / b ", "a/$b", bytes("Stra\u00dfe/\u00e0")])
      assert.equal(refuseForm("topic", good), "", good);
    for (const bad of ["#", "a/+", " / ", "$SYS", "/$SYS/x", " $a", "a\0b", "a\x7f", "\xff", "\xed\xa0\x80"])
      assert.notEqual(refuseForm("topic", bad), "", bad);
  });

  it("one level, and a key of WPA", () => {
    for (const good of ["", "a-B_9"]) assert.equal(refuseForm("level", good), "");
    for (const bad of ["a b", "a/b", "\xc3\xa4", "\0"]) assert.notEqual(refuseForm("level", bad), "", bad);
    for (const good of ["", "8 bytes\xff", "x".repeat(63), "0123456789ABCDEFabcdef".padEnd(64, "9")])
      assert.equal(refuseForm("psk", good), "", good);
    for (const bad of ["1234567", "x".repeat(64)]) assert.notEqual(refuseForm("psk", bad), "", bad);
  });

  it("a time zone is a POSIX TZ text", () => {
    for (const good of ["", "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3"]) assert.equal(refuseForm("zone", good), "", good);
    for (const bad of ["Europe/Paris", "CET", "UTC+"]) assert.match(refuseForm("zone", bad), /POSIX TZ/, bad);
  });

  it("blanks around are cut off, letters of UTF-8 never", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..." \t\r\nab/\u00e0\u00a0") }), (text) => {
        const wanted = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
        assert.equal(trimmed(bytes(text)), bytes(wanted));
        for (const form of ["host", "server", "topic", "zone"]) assert.equal(formed(form, bytes(text)), bytes(wanted));
        for (const form of ["text", "level", "psk", undefined]) assert.equal(formed(form, text), text);
      }),
    );
    assert.equal(levels(bytes(" /caf\u00e9 \u00e0/ /b/")), bytes("caf\u00e9 \u00e0/b"));
  });
});
