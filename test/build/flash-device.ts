// A device at the end of a line, for the flash tool: Espruino's console as far as it is used, over a model of the
// flash, with the faults that were seen or can be thought of. It runs the very lines that the tool sends.
import vm from "node:vm";
import { crc32 } from "../../tools/host/crc32";
import { memoryStore, storageModule } from "../../tools/host/storage";
import type { Port } from "../../tools/tinybms/port";

export interface FakeFaults {
  /**
   * Of the lines that write a block, by their number from 0: is swallowed; is answered, but nothing is written; loses a
   * character.
   */
  swallow?(write: number): boolean;
  blank?(write: number): boolean;
  damage?(write: number): boolean;
  /** This byte of the flash is stuck at 0. */
  stuckAt?: number;
  /** Bluetooth is on. */
  bluetooth?: boolean;
  version?: string;
  /** What is in the flash; an old image when not said. */
  files?: Record<string, string>;
  /** What the gateway prints when it starts, and what its Wi-Fi says then; nothing starts without it. */
  start?: { prints: string; ip: string; station: string };
}

export interface FakeDevice {
  port: Port;
  /** What is in .bootcde; undefined when there is none. And what is in any file. */
  bootCode(): string | undefined;
  file(name: string): string | undefined;
  /** What was started, in its order. */
  calls: string[];
  writes: number;
}

const FILE = ".bootcde";

function environment(faults: FakeFaults, device: FakeDevice, print: (text: string) => void) {
  const store = memoryStore(faults.files ?? { [FILE]: "old" }),
    storage = storageModule(store, (message) => {
      throw new Error(message);
    });
  const read = (name: string, offset = 0, length = Infinity): string | undefined => {
    const data = storage.read(name);
    return data?.slice(offset, offset + length);
  };
  const write = (name: string, data: string, offset: number, size: number): boolean => {
    const number = device.writes - 1;
    if (faults.blank?.(number)) {
      if (offset === 0) storage.write(name, "\xff", 0, size);
      return true;
    }
    storage.write(name, data, offset, size);
    const stuck = faults.stuckAt;
    if (stuck !== undefined && stuck >= offset && stuck < offset + data.length) {
      const now = store.files.get(name)!;
      store.files.set(name, now.slice(0, stuck) + "\0" + now.slice(stuck + 1));
    }
    return true;
  };
  let bluetooth = faults.bluetooth ?? false,
    isStarted = false;
  const wifi = {
    getIP: () => ({ ip: (isStarted && faults.start?.ip) || "0.0.0.0" }),
    getStatus: () => ({ station: isStarted ? faults.start?.station : "Unknown reason" }),
  };
  const reboot = (): void => {
    device.calls.push("reboot");
    if (!faults.start) return;
    isStarted = true;
    print(faults.start.prints);
  };
  const names = {
    print,
    atob,
    btoa,
    process: { env: { VERSION: faults.version ?? "2v29" } },
    E: {
      CRC32: (text: string) => crc32(Buffer.from(text, "latin1")),
      enableWatchdog: (seconds: number) => void device.calls.push(`watchdog ${seconds}`),
    },
    poke32: (address: number, value: number) =>
      void device.calls.push(`poke ${address.toString(16)} ${value.toString(16)}`),
    ESP32: {
      getState: () => ({ BLE: bluetooth }),
      reboot,
      enableBLE: (isOn: boolean) => {
        bluetooth = isOn;
        device.calls.push("bluetooth off");
      },
    },
    reset: () => void device.calls.push("reset"),
    require: (name: string) => (name === "Wifi" ? wifi : { ...storage, read, write }),
  };
  const realm = vm.createContext({ ...names });
  vm.runInContext("var global = globalThis", realm);
  return { realm, store };
}

/** A device that answers on its own time, as a serial line does. */
export function fakeDevice(faults: FakeFaults = {}): FakeDevice {
  let hear = (_bytes: string): void => undefined,
    line = "";
  const device: FakeDevice = {
    port: undefined as never,
    bootCode: () => store.files.get(FILE),
    file: (name) => store.files.get(name),
    calls: [],
    writes: 0,
  };
  const { realm, store } = environment(faults, device, (text) =>
    setImmediate(() => hear(`\r\n>noise of a program\r\n${text}\r\n>`)),
  );
  const run = (text: string): void => {
    let code = text;
    if (/\bw\(\d+,/.test(text)) {
      const number = device.writes++;
      if (faults.swallow?.(number)) return;
      if (faults.damage?.(number)) code = text.replace("line ", "lime ");
    }
    vm.runInContext(code, realm);
  };
  device.port = {
    where: "fake",
    write: (bytes) => {
      for (const character of bytes) {
        if (character === "\x03") line = "";
        else if (character === "\n") {
          const text = line.replace("\x10", "");
          line = "";
          run(text);
        } else line += character;
      }
    },
    onData: (receiver) => void (hear = receiver),
    onEnd: () => undefined,
    close: () => Promise.resolve(),
  };
  return device;
}
