// The host's `net` against Espruino's (Espruino's libs/network, and runs of the interpreter), with node at the other
// end.
import assert from "node:assert/strict";
import net from "node:net";
import { patientClock } from "../../tools/host/clock";
import { noNetworkFaults, switchBrokerHost } from "../../tools/host/faults";
import { bootSmall, closeRigs, soon } from "./rig";

interface Peer {
  port: number;
  wires: net.Socket[];
  received: string[];
}

const servers: net.Server[] = [];

/** A server of node that keeps what it gets. */
async function peer(accepted: (wire: net.Socket) => void = () => undefined): Promise<Peer> {
  const result: Peer = { port: 0, wires: [], received: [] };
  const server = net.createServer((wire) => {
    result.wires.push(wire);
    wire.on("data", (data) => result.received.push(data.toString("latin1")));
    wire.on("error", () => undefined);
    accepted(wire);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  result.port = (server.address() as net.AddressInfo).port;
  return result;
}

/** A client of node on `port` that keeps what it gets; `ended` when the other side has closed. */
function call(port: number): { wire: net.Socket; text(): string; ended: Promise<void> } {
  let text = "";
  const wire = net.connect(port, "127.0.0.1");
  wire.on("data", (data) => {
    text += data.toString("latin1");
  });
  wire.on("error", () => undefined);
  return { wire, text: () => text, ended: new Promise((resolve) => wire.on("close", () => resolve())) };
}

function connecting(port: number, connected = "", after = ""): string {
  return `var socket;
    try { socket = require("net").connect({ host: "127.0.0.1", port: ${port} }, function () { print("connected"); ${connected} }); }
    catch (error) { print("thrown", error.message); }
    ${after}`;
}

describe("host sockets", () => {
  afterEach(async () => {
    await closeRigs();
    for (const server of servers.splice(0)) server.close();
  });

  it("write returns false, queues in dSnd, and drains with an event", async () => {
    const far = await peer();
    const rig = await bootSmall(
      connecting(
        far.port,
        "",
        `
      print(typeof socket.dSnd, socket.write("a\\xff"), socket.dSnd.length, socket.write("z".repeat(1000)), socket.dSnd.length);
      socket.on("drain", function () { print("drain", socket.dSnd.length); });`,
      ),
    );
    assert.deepEqual(await rig.printed(3), ["undefined false 2 false 1002", "connected", "drain 0"]);
    await soon("1002 bytes", () => far.received.join("").length >= 1002);
    assert.equal(far.received.join(""), "a\xff" + "z".repeat(1000));
  });

  it("gives data as byte strings of at most 536 bytes", async () => {
    const all = Array.from({ length: 1300 }, (_, i) => String.fromCharCode(i & 255)).join("");
    const far = await peer((wire) => wire.end(Buffer.from(all, "latin1")));
    const rig = await bootSmall(
      connecting(
        far.port,
        "",
        `
      var text = "", longest = 0;
      socket.on("data", function (data) { text += data; longest = Math.max(longest, data.length); });
      socket.on("end", function () { print("end"); });
      socket.on("close", function (failed) { print("close", failed, longest, text.length, E.CRC32(text)); });`,
      ),
    );
    const lines = await rig.printed(3);
    const again = await bootSmall(`print(E.CRC32(${JSON.stringify(all)}));`);
    assert.deepEqual(lines, ["connected", "end", `close false 536 1300 ${again.lines[0]}`]);
  });

  it("sends what waits before it closes; writing after end throws, ending twice does not", async () => {
    const far = await peer();
    const rig = await bootSmall(
      connecting(
        far.port,
        `
      socket.write("x".repeat(5000)); socket.end(); socket.end();
      try { socket.write("y"); } catch (error) { print(error.message); }`,
        `
      socket.on("close", function (failed) { print("close", failed); socket.end(); });`,
      ),
    );
    assert.deepEqual(await rig.printed(3), ["connected", "This socket is closed", "close false"]);
    assert.equal(far.received.join("").length, 5000);
  });

  it("serves the device's port 80, and only that", async () => {
    const rig = await bootSmall(`
      var server = require("net").createServer(function (socket) {
        socket.on("data", function (data) { socket.write("got " + data.length); if (data.indexOf("!") >= 0) socket.end(); });
        socket.on("close", function (failed) { print("close", failed); });
      });
      server.listen(80);
      try { server.listen(81); } catch (error) { print(error.message); }`);
    const client = call(rig.port);
    client.wire.write("hello!");
    await client.ended;
    assert.equal(client.text(), "got 6");
    assert.deepEqual(await rig.printed(2), ["the host has no port for the device's port 81", "close false"]);
  });

  it("keeps data until there is a listener", async () => {
    const far = await peer((wire) => wire.write("early"));
    const rig = await bootSmall(
      connecting(
        far.port,
        `
      setTimeout(function () { socket.on("data", function (data) { print(data); }); }, 50);`,
      ),
    );
    assert.deepEqual(await rig.printed(2), ["connected", "early"]);
  });

  it("throws at once for a refusal that the host knows of, and prints Espruino's line", async () => {
    const known = await bootSmall(connecting(1), { isRefused: (_host, port) => port === 1 });
    assert.deepEqual(known.lines, ["ERROR: Connect failed (err 111)", "thrown Unable to create socket"]);
    const network = { ...noNetworkFaults(), connect: "refused" as const };
    assert.equal((await bootSmall(connecting(1), { network })).lines[1], "thrown Unable to create socket");
  });

  it("tells of a refusal that only the network knows by error and close", async () => {
    const rig = await bootSmall(
      connecting(
        1,
        "",
        `
      socket.on("error", function (error) { print("error", typeof error.message); });
      socket.on("close", function (failed) { print("close", failed); });`,
      ),
    );
    assert.deepEqual(await rig.printed(2), ["error string", "close true"]);
  });

  it("tells of a connection that is reset", async () => {
    const far = await peer();
    const rig = await bootSmall(
      connecting(
        far.port,
        "",
        `
      socket.on("data", function () {});
      socket.on("error", function () { print("error"); });
      socket.on("close", function (failed) { print("close", failed); try { socket.write("x"); } catch (e) { print(e.message); } });`,
      ),
    );
    await rig.printed(1);
    await soon("a connection", () => far.wires.length > 0);
    far.wires[0].resetAndDestroy();
    assert.deepEqual(await rig.printed(4), ["connected", "error", "close true", "This socket is closed"]);
  });

  it("blocks the whole thread while a connect goes nowhere, and then throws", async () => {
    const network = { ...noNetworkFaults(), connect: "blocks" as const, blockMs: 300 };
    const startedAt = performance.now();
    const rig = await bootSmall("var t0 = getTime();" + connecting(1, "", "print(getTime() - t0 >= 0.3);"), {
      network,
    });
    assert.deepEqual(rig.lines.slice(1), ["thrown Unable to create socket", "true"]);
    assert.ok(performance.now() - startedAt >= 300);
    const scaled = await bootSmall("var t0 = getTime();" + connecting(1, "", "print(getTime() - t0 >= 30);"), {
      network: { ...network, blockMs: 30000 },
      clock: patientClock(300),
    });
    assert.equal(scaled.lines[2], "true");
  });

  it("connects to a black hole that never answers", async () => {
    const network = { ...noNetworkFaults(), connect: "blackHole" as const };
    const rig = await bootSmall(
      connecting(
        1,
        `
      socket.write("hello?"); setTimeout(function () { print(socket.dSnd.length); socket.end(); }, 30);`,
        `
      socket.on("data", function () { print("data"); });
      socket.on("close", function (failed) { print("close", failed); });`,
      ),
      { network },
    );
    assert.deepEqual(await rig.printed(3), ["connected", "6", "close false"]);
  });

  it("carries nothing while it is stalled, and everything after", async () => {
    const far = await peer((wire) => wire.write("from far"));
    const rig = await bootSmall(
      connecting(
        far.port,
        "",
        `
      socket.on("data", function (data) { print(data); });
      setTimeout(function () { socket.write("from device"); }, 60);
      setTimeout(function () { print("waiting", socket.dSnd.length); }, 120);`,
      ),
    );
    switchBrokerHost(rig.device.network, false);
    assert.deepEqual(await rig.printed(2), ["connected", "waiting 11"]);
    assert.deepEqual(far.received, []);
    switchBrokerHost(rig.device.network, true);
    assert.equal((await rig.printed(3))[2], "from far");
    await soon("data", () => far.received.length > 0);
    assert.deepEqual(far.received, ["from device"]);
  });

  it("lets a slow image slow its peer down instead of filling memory", async () => {
    let flood: net.Socket | undefined;
    const far = await peer((wire) => {
      flood = wire;
      wire.write(Buffer.alloc(16e6));
    });
    const rig = await bootSmall(connecting(far.port));
    await rig.printed(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok((flood?.writableLength ?? 0) > 0, "the peer got rid of 16 MB although nobody reads");
  });

  it("cuts everything when the device is switched off", async () => {
    const far = await peer();
    const rig = await bootSmall(connecting(far.port));
    await rig.printed(1);
    await soon("a connection", () => far.wires.length > 0);
    const closed = new Promise((resolve) => far.wires[0].on("close", resolve));
    rig.device.dispose();
    await closed;
  });
});
