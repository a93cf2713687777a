// Brokers that do not answer as they should, in an Espruino for Linux: a version that is refused, MQTT 5, PUBACK for
// QoS 2.
import assert from "node:assert/strict";
import net from "node:net";
import mqttPacket from "mqtt-packet";
import { buildImage } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";

/** As long as brokers in clouds want them. */
const TOKEN = "t".repeat(256);

describe("what a broker answers, in an Espruino for Linux", () => {
  let system: System,
    server: net.Server,
    connections = 0;
  const published: mqttPacket.IPublishPacket[] = [],
    users: string[] = [];

  /** What CONNECT gets, the first connection's first; later ones get what they should. */
  const connacks = [
    [0x20, 2, 0, 0x84],
    [0x20, 3, 0, 0x84, 0],
  ];

  function accept(wire: net.Socket): void {
    const parser = mqttPacket.parser({ protocolVersion: 4 }),
      answer = connacks[connections++] ?? [0x20, 2, 0, 0];
    const say = (packet: object): void => void wire.write(mqttPacket.generate(packet as mqttPacket.Packet));
    wire.on("error", () => undefined);
    wire.on("data", (bytes) => parser.parse(bytes));
    parser.on("packet", (packet: mqttPacket.Packet) => {
      if (packet.cmd === "connect") {
        users.push(packet.username ?? "");
        wire.write(Buffer.from(answer));
      }
      if (packet.cmd === "subscribe") say({ cmd: "suback", messageId: packet.messageId, granted: [0, 1] });
      if (packet.cmd === "pingreq") say({ cmd: "pingresp" });
      if (packet.cmd === "publish") published.push(packet);
      if (packet.cmd === "publish" && packet.qos) say({ cmd: "puback", messageId: packet.messageId });
    });
  }

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    server = net.createServer(accept);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo,
      mqtt = {
        host: "127.0.0.1",
        port,
        default_qos: 2,
        user: TOKEN,
        pass: TOKEN,
        reconnect_interval_ms: 3000,
        reconnect_max_ms: 3000,
      };
    const { code: image } = await buildImage({ board: "host" });
    system = await startSystem({ image, broker: "none", settings: { mqtt } });
  });
  after(async () => {
    await system?.stop();
    server?.close();
  });

  it("is told in words; QoS 2 that is answered with PUBACK goes on", async () => {
    const status = async (): Promise<Record<string, unknown>> =>
      (JSON.parse((await system.http("/api/status")).text) as { mqtt: Record<string, unknown> }).mqtt;
    const words: string[] = [];
    await until("a session", 60000, async () => {
      const { last_error_message: message, connected } = await status().catch(() => ({}) as Record<string, unknown>);
      if (message && !words.includes(message as string)) words.push(message as string);
      return connected === true;
    });
    assert.ok(
      words.some((text) => /protocol version refused/.test(text)) &&
        words.some((text) => /MQTT 5, with 0x84/.test(text)),
      words.join(" | "),
    );
    await until("messages of QoS 2", 30000, () => published.filter(({ qos }) => qos === 2).length > 4);
    const from = published.length;
    await sleep(20000);
    const later = published.slice(from);
    assert.ok(later.filter(({ qos }) => qos === 2).length >= 5, `${later.length} messages in 20 s`);
    const { connected, state, last_error_message: message } = await status();
    assert.deepEqual([connected, state, connections], [true, "connected", 3]);
    assert.match(message as string, /QoS 2 with PUBACK/);
    assert.deepEqual(users, [TOKEN, TOKEN, TOKEN]);
    assert.deepEqual(system.errors(), []);
  });
});
