// Simulated devices on a broker: the messages, and how often, of one real image each. From a seed, so that a test knows
// what was told.
import { connect, type MqttClient } from "mqtt";
import { isObject, jsonOf, type Json } from "./normalize";
import type { Reach } from "./subscriber";

const SECOND = 1000,
  DAY_S = 1200,
  CELLS = 16,
  HISTORY_STEP = 300_000,
  /** The charge is told so often in history: a device that is silent for 90 s makes a gap. */
  CHARGE_STEP = 75_000,
  HISTORY_BATCH = 500;

export interface DemoOptions {
  reach: Reach;
  prefix: string;
  devices: number;
  seed: number;
  /** QoS of the register messages. */
  qos: 0 | 1;
  /** Days of history to tell first. */
  days: number;
  now(): number;
  /** Told each message, before it is published. */
  tell?(topic: string, payload: string, qos: number): void;
}

/** mulberry32: a small generator, the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A battery at a time: the sun of a day that lasts 20 minutes (a real day for history). */
interface Battery {
  soc: number;
  voltage: number;
  current: number;
  power: number;
  cells: number[];
  temperature: number;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

export function batteryAt(phase: number, random: () => number): Battery {
  const angle = phase * 2 * Math.PI,
    soc = 58 + 34 * Math.sin(angle),
    current = 42 * Math.cos(angle) + 4 * (random() - 0.5);
  const cell = 3280 + (soc - 50) * 1.1 + current * 0.35;
  const cells = Array.from({ length: CELLS }, (_, i) => round(cell + 3 * Math.sin(i * 1.7) + random(), 1));
  const voltage = round(cells.reduce((sum, one) => sum + one, 0) / 1000, 3);
  return {
    soc: round(soc, 3),
    voltage,
    current: round(current, 3),
    power: Math.round(voltage * current),
    cells,
    temperature: round(21 + 4 * Math.sin(angle - 1) + random() * 0.2, 1),
  };
}

/** One simulated device. */
interface Device {
  id: string;
  base: string;
  startedAt: number;
  seq: number;
  random: () => number;
  phase: number;
  settings: Record<string, Json>;
  alarmAt: number;
  energy: [number, number];
  isMuted: boolean;
}

type Publish = (device: Device, suffix: string, payload: unknown, qos?: 0 | 1, retain?: boolean) => void;

function deviceOf(i: number, { prefix, seed, now }: DemoOptions): Device {
  const random = randomOf(seed * 7919 + i),
    id = `DEMO-${String(i + 1).padStart(4, "0")}`;
  const settings = {
    mqtt: { sensorMinPublishMs: 1000, default_qos: 0, heartbeat_ms: 1000, commands: "safe" },
    log: { level: "warn" },
    alarms: { low_soc_warning: 15, low_soc_alarm: 10 },
    uart: { poll_ms: 250, timeout_ms: 150, retries: 1 },
  };
  return {
    id,
    base: `${prefix}/${id}/`,
    startedAt: now() - 60_000 - Math.round(random() * 1e6),
    seq: 0,
    random,
    phase: random(),
    settings,
    alarmAt: 0,
    energy: [random() * 4, random() * 4],
    isMuted: false,
  };
}

function connected(device: Device, publish: Publish): void {
  const { id, settings, startedAt, random } = device,
    mac = `A0:B1:C2:00:${id.slice(5, 7)}:${id.slice(7)}`;
  publish(device, "status", { online: true }, 1, true);
  publish(device, "rt/bms", "online", 1, true);
  publish(
    device,
    "system/config",
    {
      ip: `10.0.0.${1 + Math.floor(random() * 250)}`,
      mac,
      uptimeStart: startedAt / 1000,
      boot: 1 + Math.floor(random() * 40),
      flash: { freeKb: 896 },
      memory: { heapTotalKb: 320 },
    },
    1,
    true,
  );
  publish(
    device,
    "hardware/config",
    { chip: { model: "ESP32", rev: 3, cpuFreqMhz: 240, flashKb: 4096, cores: 2 } },
    1,
    true,
  );
  publish(device, "manifest", { mode: "per_page", pages: 1, fw: "0.2.0", count: 78 }, 1, true);
  for (const [module, values] of Object.entries(settings)) publish(device, "cfg/" + module, values, 1, true);
}

function register(
  device: Device,
  suffix: string,
  value: number | null,
  unit: string,
  publish: Publish,
  qos: 0 | 1,
  at: number,
): void {
  publish(
    device,
    "rt/reg/" + suffix,
    {
      key: suffix,
      unit,
      value,
      timestamp_ms: at - device.startedAt,
      seq: device.seq,
      quality: value === null ? "stale" : "ok",
    },
    qos,
  );
}

const twoDigits = (n: number): string => String(n).padStart(2, "0");

/** Register messages of a second: 4.2 on average, as measured on an image that charges and discharges. */
function registers(device: Device, battery: Battery, tick: number, publish: Publish, qos: 0 | 1, at: number): void {
  const { voltage, current, power, soc, cells, temperature } = battery;
  const send = (suffix: string, value: number, unit: string): void =>
    register(device, suffix, value, unit, publish, qos, at);
  send("battery_pack_current", current, "A");
  send("pack_power", power, "W");
  if (tick % 2 === 0) send("battery_pack_voltage", voltage, "V");
  const cell = tick % CELLS;
  send(`cell_${twoDigits(cell + 1)}_voltage`, cells[cell], "mV");
  if (tick % 3 === 0) {
    send("min_cell_voltage", Math.min(...cells), "mV");
    send("max_cell_voltage", Math.max(...cells), "mV");
  }
  if (tick % 5 === 0) send("state_of_charge", soc, "%");
  if (tick % 10 === 0) send("battery_temperature", temperature, "degC");
  if (tick % 20 === 0) {
    send("charge_voltage_limit", 55.2, "V");
    send("charge_current_limit", soc > 90 ? 20 : 135, "A");
    send("discharge_current_limit", soc < 30 ? 60 : 180, "A");
  }
}

const phaseOf = (device: Device, at: number, day_s: number): number => device.phase + at / 1000 / day_s;

function state(device: Device, { voltage, current, power, soc, cells, temperature }: Battery, publish: Publish): void {
  const [cmin, cmax] = [Math.min(...cells), Math.max(...cells)].map(Math.round),
    ccl = soc > 90 ? 20 : 135,
    dcl = soc < 30 ? 60 : 180;
  const st = current > 0 ? "charging" : "discharging",
    low = soc < 28;
  publish(device, "rt/state", {
    soc: Math.round(soc),
    v: round(voltage, 2),
    i: round(current, 2),
    p: power,
    cmin,
    cmax,
    cd: cmax - cmin,
    t1: temperature,
    t2: temperature,
    st,
    ein: round(device.energy[0], 2),
    eout: round(device.energy[1], 2),
    est: null,
    ttg: null,
    cvl: 55.2,
    ccl,
    dcl,
    lim: soc > 90 ? "cell_high" : "bms_max",
    prob: low ? 1 : 0,
    chg: 0,
    bal: 0,
    ph: "normal",
    seq: device.seq,
  });
}

/** A warning while the charge is low. */
function alarm(device: Device, { soc }: Battery, publish: Publish, at: number): void {
  const isLow = soc < 28,
    data = { id: 5, code: "LowSoc", k: 0, v: soc, lc: at - device.startedAt };
  if (isLow === device.alarmAt > 0) return;
  if (isLow) device.alarmAt = at;
  publish(device, "rt/alarms/id5", { ...data, a: isLow ? 1 : 0, c: isLow ? 1 : 0, s: isLow ? 1 : 0 }, 1, true);
  if (!isLow) [device.alarmAt] = [0, publish(device, "rt/alarms/id5", "", 1, true)];
}

function seldom(device: Device, battery: Battery, tick: number, publish: Publish, at: number): void {
  const { soc, cells, voltage } = battery;
  if (tick % 10 === 0)
    publish(
      device,
      "rt/limits",
      {
        cvl: 55.2,
        ccl: soc > 90 ? 20 : 135,
        dcl: soc < 30 ? 60 : 180,
        charge_allowed: true,
        discharge_allowed: true,
        reason: soc > 90 ? "cell_high" : "bms_max",
        phase: "normal",
        seq: device.seq,
        timestamp_ms: at - device.startedAt,
        state: soc > 88 ? "ABS" : "BULK",
      },
      1,
    );
  if (tick % 30 === 0) publish(device, "rt/cells", { c: cells.map(Math.round), bal: 0, seq: device.seq });
  if (tick % 60 === 0) {
    publish(device, "system", {
      rssi: -50 - Math.round(device.random() * 30),
      memory: { heapFreeKb: 90, heapMinFreeKb: 60 },
    });
    publish(device, "rt/diag", { poll_ms: 250, crc: 0, seq: device.seq });
    publish(device, "rt/stat", { soh: 98.4, temp_int: 24.2, seq: device.seq });
    const date = new Date(at).toISOString().slice(0, 10);
    publish(device, "rt/energy/charge/daily", { value: round(device.energy[0], 2), unit: "kWh", date }, 1, true);
    publish(device, "rt/energy/discharge/daily", { value: round(device.energy[1], 2), unit: "kWh", date }, 1, true);
  }
  // Of what a GX shows about one message a second is new.
  publish(device, "rt/gx/Dc/Battery/Voltage", {
    value: round(voltage, 1),
    unit: "V",
    gx_raw: Math.round(voltage * 10),
    modbus: 840,
    timestamp_ms: at - device.startedAt,
  });
}

/** A second of a device: 7.7 messages on average. */
function step(device: Device, tick: number, publish: Publish, qos: 0 | 1, at: number): void {
  const battery = batteryAt(phaseOf(device, at, DAY_S), device.random);
  device.seq += 4;
  device.energy[battery.current > 0 ? 0 : 1] += Math.abs(battery.power) / 3.6e6;
  publish(device, "status/connected", "true");
  state(device, battery, publish);
  registers(device, battery, tick, publish, qos, at);
  seldom(device, battery, tick, publish, at);
  alarm(device, battery, publish, at);
}

/** What a device answers to a change of its settings, or to a command. */
function answer(device: Device, suffix: string, payload: string, publish: Publish): void {
  const json = jsonOf(payload);
  if (!isObject(json))
    return publish(
      device,
      suffix === "cmd" ? "ack" : "cfg/ack",
      { ok: false, err: { code: "BadCfgJson", where: suffix, retryable: false } },
      1,
    );
  const { id, ...patch } = json,
    echoed = id === undefined ? {} : { id };
  if (suffix === "cmd") return publish(device, "ack", { ok: true, ...echoed, reply: { pong: true } }, 1);
  const changed: string[] = [];
  for (const [module, values] of Object.entries(patch as Record<string, Json>)) {
    device.settings[module] = { ...device.settings[module], ...values };
    changed.push(...Object.keys(values).map((key) => `${module}.${key}`));
  }
  publish(device, "cfg/ack", { ok: true, where: "cfg/set", changed, ...echoed }, 1);
  for (const module of Object.keys(patch)) publish(device, "cfg/" + module, device.settings[module], 1, true);
}

/** Values of the days before, each 5 minutes; a hole in one of them. */
async function history(client: MqttClient, devices: Device[], { days, now }: DemoOptions): Promise<void> {
  const end = now(),
    values = (battery: Battery): [string, number, string][] => [
      ["battery_pack_voltage", battery.voltage, "V"],
      ["battery_pack_current", battery.current, "A"],
      ["pack_power", battery.power, "W"],
      ["state_of_charge", battery.soc, "%"],
      ["min_cell_voltage", Math.min(...battery.cells), "mV"],
      ["max_cell_voltage", Math.max(...battery.cells), "mV"],
      ["battery_temperature", battery.temperature, "degC"],
    ];
  let sent = 0;
  const begin = end - days * 86_400_000;
  for (let at = begin; at < end - CHARGE_STEP; at += CHARGE_STEP) {
    for (const device of devices) {
      if (Math.floor(at / 3_600_000) % 24 === Math.floor(device.phase * 24)) continue;
      const all = values(batteryAt(phaseOf(device, at, 86_400), device.random)),
        told = (at - begin) % HISTORY_STEP === 0 ? all : all.filter(([suffix]) => suffix === "state_of_charge");
      for (const [suffix, value, unit] of told) {
        client.publish(
          `${device.base}rt/reg/${suffix}`,
          JSON.stringify({ key: suffix, unit, value, time: new Date(at).toISOString(), quality: "ok" }),
          { qos: 1 },
        );
        if (++sent % HISTORY_BATCH === 0) await new Promise((resolve) => setTimeout(resolve, 60));
      }
    }
  }
  for (const device of devices) {
    for (let day = days; day > 0; day--) {
      const date = new Date(end - day * 86_400_000).toISOString().slice(0, 10);
      for (const side of ["charge", "discharge"])
        client.publish(
          `${device.base}rt/energy/${side}/yesterday`,
          JSON.stringify({ value: round(3 + device.random() * 4, 2), unit: "kWh", date }),
          { qos: 1 },
        );
    }
  }
}

export interface Demo {
  devices: string[];
  /** Messages published so far. */
  readonly published: number;
  /**
   * Go on for so many seconds of the devices, at once and whatever the clock says; ends when the broker has all of QoS
   * 1.
   */
  run(seconds: number, from: number): Promise<void>;
  close(): Promise<void>;
}

function publisher(
  client: MqttClient,
  { tell }: DemoOptions,
  sent: { count: number; open: Set<Promise<unknown>> },
): Publish {
  return (device, suffix, payload, qos = 0, retain = false) => {
    const topic = device.base + suffix,
      text = typeof payload === "string" ? payload : JSON.stringify(payload);
    tell?.(topic, text, qos);
    sent.count++;
    // Without a callback: of a full wire mqtt.js would hear once for each message that has one.
    if (qos === 0) return void client.publish(topic, text, { qos, retain });
    const done = client.publishAsync(topic, text, { qos, retain }).catch(() => undefined);
    sent.open.add(done);
    void done.finally(() => sent.open.delete(done));
  };
}

/** Connect and begin. With `isTimed` each device goes on once a second, spread over it. */
export async function startDemo(options: DemoOptions, isTimed = true): Promise<Demo> {
  const { reach, prefix, qos, days, now } = options,
    devices = Array.from({ length: options.devices }, (_, i) => deviceOf(i, options));
  const client = connect({
    ...reach,
    clientId: `recorder-demo-${process.pid}-${options.seed}`,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 1000,
  });
  client.on("error", () => undefined); // it comes back by itself
  const sent = { count: 0, open: new Set<Promise<unknown>>() },
    publish = publisher(client, options, sent),
    byId = new Map(devices.map((device) => [device.id, device]));
  await new Promise<void>((resolve) => client.once("connect", () => resolve()));
  await client.subscribeAsync([`${prefix}/+/cfg/set`, `${prefix}/+/cmd`], { qos: 1 });
  client.on("message", (topic, payload) => {
    const [id, ...suffix] = topic.slice(prefix.length + 1).split("/"),
      device = byId.get(id);
    if (device) answer(device, suffix.join("/"), payload.toString(), publish);
  });
  for (const device of devices) connected(device, publish);
  // A broker may pass on in another order: when they booted must be there before the rest.
  await Promise.all(sent.open);
  if (days > 0) void history(client, devices, options);
  let tick = 0,
    next = 0;
  const SLICES = 20;
  const timer = isTimed
    ? setInterval(() => {
        const slice = next++ % SLICES;
        if (slice === 0) tick++;
        devices.forEach((device, i) => {
          if (i % SLICES === slice) step(device, tick + i, publish, qos, now());
        });
      }, SECOND / SLICES)
    : undefined;
  return {
    devices: devices.map(({ id }) => id),
    get published() {
      return sent.count;
    },
    run: async (seconds, from) => {
      for (let second = 0; second < seconds; second++)
        for (const [i, device] of devices.entries()) step(device, second + i, publish, qos, from + second * SECOND + i);
      while (sent.open.size > 0) await Promise.all(sent.open);
    },
    close: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
