// A device with a small image of its own for the tests of the host: no battery, no CAN, a console that is a list.
import net from "node:net";
import { bootDevice } from "../../tools/host/device";
import type { Device, DeviceOptions } from "../../tools/host/device";
import { patientClock } from "../../tools/host/clock";
import type { HostClock } from "../../tools/host/clock";
import { memoryStore } from "../../tools/host/storage";
import type { Store } from "../../tools/host/storage";

export interface SmallRig {
  device: Device;
  clock: HostClock;
  store: Store;
  lines: string[];
  sent: number[];
  deaths: string[];
  /** Device port 80 as a real port. */
  port: number;
  /** Wait until `count` lines are on the console; throws after 20 s with what is there. */
  printed(count: number): Promise<string[]>;
}

const rigs: { device: Device; server: net.Server }[] = [];

/** Wait until `is` says so; throws after 20 s. */
export async function soon(what: string, is: () => boolean): Promise<void> {
  const limit = performance.now() + 20000;
  while (!is()) {
    if (performance.now() > limit) throw new Error("waited in vain: " + what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function printed(lines: string[], count: number): Promise<string[]> {
  await soon("lines", () => lines.length >= count).catch(() => {
    throw new Error(`${count} lines wanted, there are:\n${lines.join("\n")}`);
  });
  return lines;
}

/** Boot `source` (JavaScript as the built image is) in a device. */
export async function bootSmall(source: string, options: Partial<DeviceOptions> = {}): Promise<SmallRig> {
  const clock = options.clock ?? patientClock(),
    store = options.store ?? memoryStore();
  const lines: string[] = [],
    sent: number[] = [],
    deaths: string[] = [];
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const device = bootDevice({
    image: source,
    store,
    clock,
    registers: { peek32: () => 0, poke32: () => undefined, pinMode: () => undefined, digitalWrite: () => undefined },
    send: (bytes) => sent.push(...bytes),
    servers: new Map([[80, server]]),
    onConsole: (line) => lines.push(line),
    onDeath: (reason) => deaths.push(reason),
    ...options,
  });
  rigs.push({ device, server });
  const port = (server.address() as net.AddressInfo).port;
  return { device, clock, store, lines, sent, deaths, port, printed: (count) => printed(lines, count) };
}

/** For `afterEach`: nothing stays open. */
export async function closeRigs(): Promise<void> {
  for (const { device, server } of rigs.splice(0)) {
    device.dispose();
    await new Promise((resolve) => server.close(resolve));
  }
}
