// Storage of the host against Espruino's (Espruino's src/jsflash.c, and runs of the interpreter).
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provision, readSettings, refusal } from "../../tools/host/settings";
import { folderStore, memoryStore, restorePower, storageModule } from "../../tools/host/storage";
import type { Store, StorageModule } from "../../tools/host/storage";
import { bootSmall, closeRigs } from "./rig";

function moduleOf(store: Store): StorageModule {
  return storageModule(store, (message) => {
    throw new Error(message);
  });
}

describe("host Storage", () => {
  afterEach(closeRigs);

  it("cuts names at 28 characters without a word", () => {
    const storage = moduleOf(memoryStore());
    storage.write("abcdefghijklmnopqrstuvwxyz0123", "one");
    assert.equal(storage.read("abcdefghijklmnopqrstuvwxyz01"), "one");
    storage.write("abcdefghijklmnopqrstuvwxyz0199", "two");
    assert.equal(storage.read("abcdefghijklmnopqrstuvwxyz0123"), "two");
  });

  it("knows a missing file as undefined and throws for a zero length", () => {
    const storage = moduleOf(memoryStore());
    assert.equal(storage.read("none"), undefined);
    assert.throws(() => storage.write("none", ""), /Can't create zero length file/);
    storage.erase("none");
  });

  it("takes 40 bytes of flash for 5 characters, none for the same again, and 40 more for others", () => {
    const store = memoryStore(),
      storage = moduleOf(store),
      free = storage.getFree();
    storage.write("q", "hello");
    assert.equal(free - storage.getFree(), 40);
    storage.write("q", "hello");
    assert.equal(free - storage.getFree(), 40);
    storage.write("q", "hellp");
    storage.erase("q");
    assert.equal(free - storage.getFree(), 80);
    assert.equal(store.compactions, 0);
  });

  it("fills a reserved file piece by piece, and never changes what is written (as Espruino 2v29 does)", () => {
    const store = memoryStore(),
      storage = moduleOf(store),
      free = storage.getFree();
    storage.write("ring", "0123456789abcdef", 0, 4096);
    storage.write("ring", "fedcba9876543210", 16, 4096);
    assert.equal(storage.read("ring"), "0123456789abcdeffedcba9876543210".padEnd(4096, "\xff"));
    assert.equal(free - storage.getFree(), 4128);
    assert.throws(
      () => storage.write("ring", "Xedcba9876543210", 16, 4096),
      /File already written with different data/,
    );
    assert.throws(() => storage.write("ring", "0123456789abcdef", 4090, 4096), /Too much data for file size/);
    storage.erase("ring");
    assert.deepEqual(storage.getStats(), { totalBytes: 224 * 4096, freeBytes: free - 4128, trashBytes: 4128 });
    storage.compact();
    assert.deepEqual([storage.getFree(), storage.getStats().trashBytes], [free, 0]);
  });

  it("reclaims deleted files when it is full, and throws when that is not enough", () => {
    const store = memoryStore(),
      storage = moduleOf(store);
    for (let i = 0; i < 3; i++) storage.write("big", String(i).repeat(400000));
    assert.equal(store.compactions, 1);
    assert.equal(storage.read("big"), "2".repeat(400000));
    assert.throws(() => storage.write("other", "x".repeat(600000)), /Unable to find or create file/);
  });

  it("keeps its files in a folder, byte for byte", () => {
    const folder = mkdtempSync(join(tmpdir(), "host-store-"));
    try {
      const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
      moduleOf(folderStore(folder)).write(".boot/é", all);
      moduleOf(folderStore(folder)).write("gone", "x");
      moduleOf(folderStore(folder)).erase("gone");
      assert.equal(moduleOf(folderStore(folder)).read(".boot/é"), all);
      assert.equal(readdirSync(folder).length, 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("at a power cut leaves the old file, none, a torn one or the new one, by the operation", () => {
    const old = "o".repeat(100),
      fresh = "n".repeat(100),
      seen: (string | undefined)[] = [];
    for (let at = 1; at <= 5; at++) {
      const store = memoryStore({ f: old }),
        storage = moduleOf(store);
      store.faults.cutAt = at;
      try {
        storage.write("f", fresh);
      } catch {
        assert.ok(store.isCut);
      }
      seen.push(storage.read("f"));
    }
    assert.deepEqual(seen, [old, undefined, "\xff".repeat(100), "n".repeat(64) + "\xff".repeat(36), fresh]);
  });

  it("a power cut ends the device even when the image catches it", async () => {
    const store = memoryStore();
    store.faults.cutAt = 2;
    const source = `
      setTimeout(function () { print("after"); }, 10);
      try { require("Storage").write("f", "data"); print("written"); } catch (error) { print("caught"); }`;
    const rig = await bootSmall(source, { store });
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(rig.lines, ["caught"]);
    assert.deepEqual(rig.deaths, ["power cut"]);
    restorePower(store);
    const again = await bootSmall(source, { store });
    assert.deepEqual(await again.printed(2), ["written", "after"]);
  });
});

describe("host settings", () => {
  it("are written as the firmware writes them: slot cfg.a first, then the other", () => {
    const store = memoryStore();
    provision(store, { mqtt: { host: "127.0.0.1", port: 1884 } });
    const text = store.files.get("cfg.a") ?? "";
    assert.match(text, /^TBC100000001[0-9a-f]{8}\{"mqtt":\{"host":"127\.0\.0\.1","port":1884\}\}$/);
    provision(store, { mqtt: { port: 1884 } });
    assert.equal(store.files.get("cfg.b"), undefined);
    provision(store, { mqtt: { port: 1885 }, log: {} });
    assert.match(store.files.get("cfg.b") ?? "", /^TBC100000002/);
    assert.deepEqual(readSettings(store).mqtt, { host: "127.0.0.1", port: 1885 });
  });

  it("keep text beyond ASCII", () => {
    const store = memoryStore();
    provision(store, { mqtt: { user: "Jürgen" } });
    assert.equal(readSettings(store).mqtt.user, "Jürgen");
    assert.ok([...(store.files.get("cfg.a") ?? "")].every((character) => character.charCodeAt(0) < 256));
  });

  it("are refused by the firmware's table", () => {
    assert.throws(() => provision(memoryStore(), { mqtt: { port: 0 } }), /setting mqtt\.port must be at least 1/);
    assert.equal(refusal("mqtt", "nonsense", 1), "is no setting");
    assert.equal(refusal("mqtt", "baseTopic", "x".repeat(33)), "must be at most 32 bytes");
    assert.equal(refusal("can", "rate", 499), "must be one of 125, 250, 500, 1000");
    assert.equal(refusal("mqtt", "port", 1.5), "must be a whole number");
    assert.equal(refusal("mqtt", "enabled", "yes"), "must be a boolean");
    assert.equal(refusal("mqtt", "port", 1883), "");
  });
});
