// Commands that ask the TinyBMS, between the polls: what they say, what they refuse, that nothing is half written, and
// that the polls go on.
import assert from "node:assert/strict";
import type { Host } from "../../tools/host/run";
import { closeHosts, LIMITS, sent, status, untilStatus } from "../system/rig";
import { ack, command, commander, heard, say, type Json } from "./rig";
import { commandsImage } from "./image";

const ALLOWED = { mqtt: { commands: "all" }, bms: { allow_write: true } };

const errorOf = ({ err }: Json): unknown[] => [(err as Json).code, (err as Json).where, (err as Json).retryable];
const replyOf = (answer: Json): Json => {
  assert.equal(answer.ok, true, JSON.stringify(answer));
  return answer.reply as Json;
};

/** Registers as the unit has them, through the device. */
async function words(host: Host, address: number, count = 1): Promise<number[]> {
  return replyOf(await ack(host, "bms.read", { address, count })).words as number[];
}

describe("commands to the TinyBMS over MQTT", () => {
  before(commandsImage);
  afterEach(closeHosts);

  it("reads registers and events", async () => {
    const host = await commander();
    assert.equal(
      await command(host, '{"cmd":"bms.read","args":{"address":300,"count":3},"id":"r"}'),
      '{"ok":true,"cmd":"bms.read","id":"r","reply":{"address":300,"count":3,"words":[3550,2900,0]}}',
    );
    assert.equal((await words(host, 0, 29)).length, 29);
    const voltage = await words(host, 36, 2),
      bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(voltage[0] + voltage[1] * 65536);
    assert.ok(Math.abs(bytes.readFloatLE() - ((await status(host)).live_data.voltage as number)) < 1);
    const reply = replyOf(await ack(host, "bms.events")) as { lifetime_s: number; total: number; events: Json[] };
    assert.ok(reply.total >= 1 && reply.events.length >= 1 && reply.events.length <= reply.total);
    assert.deepEqual(Object.keys(reply.events[0]), ["id", "name", "severity", "at_s"]);
    assert.ok(reply.events.some(({ name, severity }) => name === "system_started" && severity === "info"));
    assert.equal((replyOf(await ack(host, "bms.events", { count: 1 })).events as Json[]).length, 1);
    for (const { text } of heard(host, "ack")) assert.ok(text.length <= 1024);
  });

  it("writes registers and settings, and says how to take it back", async () => {
    const host = await commander({ settings: ALLOWED }),
      before = await words(host, 300, 29);
    const byAddress = replyOf(await ack(host, "bms.write", { address: 319, value: 55, confirm: true }));
    assert.deepEqual(byAddress, { done: { over_heat_cutoff: 55 }, undo: { over_heat_cutoff: 60 }, written: true });
    const shared = replyOf(await ack(host, "bms.write", { address: 330, value: 0x0502, confirm: true }));
    assert.deepEqual(shared.done, { charger_type: 2, discharge_over_current_timeout: 5 });
    const named = replyOf(
      await ack(host, "bms.write", {
        settings: { over_voltage_cutoff: 3700, low_temp_charger_cutoff: -12 },
        confirm: true,
      }),
    );
    assert.deepEqual(
      [named.done, named.undo],
      [
        { over_voltage_cutoff: 3700, low_temp_charger_cutoff: -12 },
        { over_voltage_cutoff: 3650, low_temp_charger_cutoff: 1 },
      ],
    );
    assert.deepEqual(
      [await words(host, 315), await words(host, 319, 2), await words(host, 330)],
      [[3700], [55, 0x10000 - 12], [0x0502]],
    );
    await host.until(
      "cfg/registers",
      () => ((heard(host, "cfg/registers/slot1").at(-1)?.json.regs ?? {}) as Json)["315"] === 3700,
      10000,
    );
    for (const { undo } of [named, shared, byAddress])
      replyOf(await ack(host, "bms.write", { settings: undo, confirm: true }));
    assert.deepEqual(await words(host, 300, 29), before);
    assert.deepEqual(
      replyOf(await ack(host, "bms.write", { address: 319, value: 60, confirm: true })),
      { done: {}, undo: {}, written: false },
      "as it is already",
    );
    assert.deepEqual(replyOf(await ack(host, "bms.write", { settings: { over_heat_cutoff: 50 }, dry: true })), {
      done: { over_heat_cutoff: 50 },
      undo: { over_heat_cutoff: 60 },
      written: false,
    });
    assert.deepEqual(await words(host, 319), [60]);
  });

  it("refuses what may not be, and changes nothing then", async () => {
    const host = await commander({ settings: ALLOWED }),
      before = await words(host, 300, 29);
    const refused: [Json, string, string][] = [
      [{ value: 1, confirm: true }, "MissingValue", "address"],
      [{ address: 300, confirm: true }, "MissingValue", "value"],
      [{ address: 300, value: 3600 }, "InterlockBlocked", "confirm"],
      [{ address: 300, value: 3600, confirm: "true" }, "InterlockBlocked", "confirm"],
      [{ address: 36, value: 1, confirm: true }, "ReadOnlyRegister", "address"],
      [{ address: 302, value: 1, confirm: true }, "ReadOnlyRegister", "address"],
      [{ address: 344, value: 1, confirm: true }, "ReadOnlyRegister", "address"],
      [{ address: 313, value: 1, confirm: true }, "ReadOnlyRegister", "address"],
      [{ address: 300, value: 70000, confirm: true }, "OutOfRange", "value"],
      [{ address: 300, value: 3645, confirm: true }, "OutOfRange", "value"],
      [{ address: 319, value: 19, confirm: true }, "OutOfRange", "value"],
      [{ address: 319, value: 55.5, confirm: true }, "OutOfRange", "value"],
      [{ address: 329, value: 8, confirm: true }, "OutOfRange", "value"],
      [{ address: 331, value: 99, confirm: true }, "OutOfRange", "value"],
      [{ address: 300, value: "3600", confirm: true }, "OutOfRange", "value"],
      [{ settings: {}, confirm: true }, "OutOfRange", "settings"],
      [{ settings: 5, confirm: true }, "OutOfRange", "settings"],
      [{ settings: { over_heat_cutoff: 55 }, address: 300, confirm: true }, "UnknownKey", "address"],
      [{ settings: { over_heat_cutoff: 55, nothing: 1 }, confirm: true }, "UnknownKey", "nothing"],
      [{ settings: { over_heat_cutoff: 55, series_cells: "many" }, confirm: true }, "OutOfRange", "series_cells"],
      [
        { settings: { over_heat_cutoff: 55, over_voltage_cutoff: 3555 }, confirm: true },
        "OutOfRange",
        "over_voltage_cutoff",
      ],
    ];
    for (const [args, code, key] of refused)
      assert.deepEqual(
        errorOf(await ack(host, "bms.write", args)),
        [code, `bms.write.${key}`, false],
        JSON.stringify(args),
      );
    host.simulator.faults.set("locked");
    const locked = await ack(host, "bms.write", { settings: { over_heat_cutoff: 55 }, confirm: true });
    assert.deepEqual(errorOf(locked), ["Failed", "bms.write.over_heat_cutoff", false]);
    assert.match((locked.err as Json).reason as string, /locked/);
    host.simulator.faults.clear();
    host.simulator.faults.set("altered-write", { times: 1 });
    assert.match(
      (
        (await ack(host, "bms.write", { settings: { over_heat_cutoff: 55, over_voltage_cutoff: 3700 }, confirm: true }))
          .err as Json
      ).reason as string,
      /as before/,
    );
    host.simulator.faults.clear();
    assert.deepEqual(await words(host, 300, 29), before);
  });

  it("does one at a time, and the polls go on meanwhile", async () => {
    const host = await commander({ settings: ALLOWED }),
      { uart } = await status(host),
      from = host.clock.now();
    say(host, "cmd", {
      cmd: "bms.write",
      args: { settings: { over_heat_cutoff: 55, over_voltage_cutoff: 3700, charger_type: 2 }, confirm: true },
      id: 1,
    });
    const busy = await ack(host, "bms.read", { address: 0 });
    assert.deepEqual(errorOf(busy), ["Busy", "bms.read", true]);
    await host.until("the write", () => heard(host, "ack").some(({ json }) => json.id === 1), 20000);
    const took = host.clock.now() - from,
      after = (await status(host)).uart;
    assert.ok(after.seq - uart.seq >= (took / 250) * 0.6, `${after.seq - uart.seq} polls in ${took} ms`);
    assert.deepEqual([after.crc, after.timeouts, after.foreign], [uart.crc, uart.timeouts, uart.foreign]);
    assert.ok(sent(host, from, LIMITS).length >= took / 1000 - 2);
    replyOf(await ack(host, "bms.read", { address: 0 }));
  });

  it("says when the TinyBMS does not answer, and goes on when it does again", async () => {
    const host = await commander({ settings: ALLOWED });
    host.simulator.faults.set("silence");
    for (const [cmd, args] of [
      ["bms.read", { address: 0 }],
      ["bms.events", {}],
    ] as const)
      assert.deepEqual(errorOf(await ack(host, cmd, args)), ["UartTimeout", cmd, true]);
    host.simulator.faults.clear();
    assert.equal((await words(host, 300))[0], 3550);
    await untilStatus(host, "polls", ({ live_data: { phase } }) => phase === "normal", 10000);
  });

  it("reads no wrong value from a bad line", async () => {
    const host = await commander();
    host.simulator.faults.set("bad-crc");
    const answer = await ack(host, "bms.read", { address: 300, count: 2 });
    assert.equal(answer.ok, false);
    assert.ok(["CrcError", "UartTimeout"].includes((answer.err as Json).code as string));
    host.simulator.faults.clear();
    assert.deepEqual(await words(host, 300, 2), [3550, 2900]);
  });
});
