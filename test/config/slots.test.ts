// Two settings files: a power cut at any write, after any number of bytes, leaves a valid newest document.
import assert from "node:assert/strict";
import { memoryStore, restorePower, storageModule } from "../../tools/host/storage";
import { crc32 } from "../../tools/host/crc32";
import fc from "fast-check";
import { caOf, newestSlot, writeSlot } from "../../firmware/config/slots.cold";

type Files = Record<string, string>;

interface Port {
  read(name: string): string | undefined;
  write(name: string, data: string): boolean;
  erase(name: string): void;
}

function storeOf(files: Files): Port {
  return {
    erase: (name) => void delete files[name],
    read: (name) => files[name],
    write: (name, data) => {
      files[name] = data;
      return true;
    },
  };
}

const checksum = (text: string): number => crc32(Buffer.from(text, "latin1")) >>> 0;
const documentOf = (value: number): string => JSON.stringify({ uart: { poll_ms: value } });

describe("settings files", () => {
  it("are empty at first, then alternate with a rising number", () => {
    const files: Files = {},
      store = storeOf(files);
    assert.deepEqual(newestSlot(store, checksum), { name: "cfg.b", seq: 0, document: "{}" });
    for (let n = 1; n <= 20; n++) {
      assert.equal(writeSlot(store, checksum, documentOf(n), null), "");
      assert.deepEqual(newestSlot(store, checksum), {
        name: n % 2 ? "cfg.a" : "cfg.b",
        seq: n,
        document: documentOf(n),
      });
    }
    assert.match(files["cfg.a"], /^TBC100000013[0-9a-f]{8}\{/);
  });

  it("a power cut after any byte of any write leaves the old document or the new one", () => {
    for (let writes = 0; writes < 4; writes++) {
      for (let kept = 0; kept <= 60; kept++) {
        const files: Files = {},
          store = storeOf(files);
        for (let n = 1; n <= writes; n++) writeSlot(store, checksum, documentOf(n), null);
        const cut = {
          ...store,
          write: (name: string, data: string): boolean => {
            files[name] = data.slice(0, kept);
            throw new Error("power cut");
          },
        };
        assert.match(writeSlot(cut, checksum, documentOf(99), null), /^flash/);
        const after = newestSlot(store, checksum).document,
          old = writes ? documentOf(writes) : "{}";
        assert.ok(
          after === old || (kept >= 20 + documentOf(99).length && after === documentOf(99)),
          `${writes} writes, ${kept} bytes: ${after}`,
        );
        assert.equal(writeSlot(store, checksum, documentOf(100), null), "", "and the next write works");
        assert.equal(newestSlot(store, checksum).document, documentOf(100));
      }
    }
  });

  it("a lost write is told, and the old document counts", () => {
    const store = storeOf({});
    writeSlot(store, checksum, documentOf(1), null);
    assert.equal(
      writeSlot({ ...store, write: () => false }, checksum, documentOf(2), null),
      "flash: read back something else",
    );
    assert.equal(newestSlot(store, checksum).document, documentOf(1));
  });

  it("damage of the newest file's mark, checksum or document falls back to the other one", () => {
    fc.assert(
      fc.property(fc.nat(45), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const files: Files = {},
          store = storeOf(files);
        writeSlot(store, checksum, documentOf(250), null);
        writeSlot(store, checksum, documentOf(500), null);
        const text = files["cfg.b"],
          place = at % text.length;
        // the number is not covered by the checksum; it is written in one piece with the rest
        if (place >= 4 && place < 12) return;
        files["cfg.b"] =
          text.slice(0, place) + String.fromCharCode(text.charCodeAt(place) ^ flip) + text.slice(place + 1);
        assert.equal(newestSlot(store, checksum).document, documentOf(250));
      }),
    );
  });

  it("a certificate counts with the settings that it came with, or not at all, after a power cut at any operation", () => {
    const cas = ["", "old CA ".repeat(20), "another CA ".repeat(15)];
    for (const before of cas)
      for (const after of cas)
        for (let cut = 1, isWhole = false; !isWhole; cut++) {
          const flash = memoryStore(),
            store = storageModule(flash, (message) => {
              throw new Error(message);
            }),
            now = (): string[] => [newestSlot(store, checksum).document, caOf(store, checksum)];
          writeSlot(store, checksum, documentOf(1), null);
          assert.equal(writeSlot(store, checksum, documentOf(2), before), "");
          flash.faults.cutAt = flash.operations + cut;
          const reason = writeSlot(store, checksum, documentOf(3), after);
          isWhole = !flash.isCut;
          restorePower(flash);
          const found = now(),
            is = found[0] === documentOf(3) ? [documentOf(3), after] : [documentOf(2), before];
          assert.deepEqual(found, is, `cut ${cut}`);
          if (isWhole) assert.deepEqual([reason, is[0]], ["", documentOf(3)]);
          assert.equal(writeSlot(store, checksum, documentOf(4), null), "");
          assert.deepEqual(now(), [documentOf(4), is[1]], `the next change, cut ${cut}`);
          assert.equal(store.read("tls.ca") ?? "", is[1]);
          assert.equal(store.read("tls.ca.next"), undefined);
        }
  });

  it("a certificate that cannot be kept leaves all as it was", () => {
    const files: Files = {},
      store = storeOf(files);
    writeSlot(store, checksum, documentOf(1), "old");
    const full = {
      ...store,
      write: (name: string, data: string) => {
        if (name.startsWith("tls")) throw new Error("full");
        return store.write(name, data);
      },
    };
    assert.equal(writeSlot(full, checksum, documentOf(2), "new"), "flash: cannot write");
    assert.deepEqual([newestSlot(store, checksum).document, caOf(store, checksum)], [documentOf(1), "old"]);
  });
});
