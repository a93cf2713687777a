// The image of a board with an MCP2515, end to end in node: battery, image, the chip's model on its SPI port, virtual
// GX.
import assert from "node:assert/strict";
import type { Image } from "../../tools/build/image";
import { builtImage } from "../fixtures/image";
import { boot, closeHosts, EACH_SECOND, LIMITS, MAKER } from "./rig";

describe("system: a board with an MCP2515", () => {
  let image: Image;

  before(async () => {
    image = await builtImage("esp32-mcp2515");
  });
  afterEach(closeHosts);

  it("sends every frame, hears the GX, survives bus-off, and its chip has nothing to complain about", async () => {
    const host = await boot({ imageText: image.code, mcp2515: 8, settings: { battery: { chemistry: "lfp" } } });
    const sent = (id: number): number => host.frames.filter((frame) => frame.isOwn && frame.id === id).length;
    await host.until("all frames", () => [...EACH_SECOND, MAKER].every((id) => sent(id) >= 2), 60000);
    const status = async (): Promise<Record<string, unknown>> =>
      ((await (await host.request("/api/status")).json()) as { can: Record<string, unknown> }).can;
    assert.equal(host.gx().battery, "present");
    const { state, rx, keepalive_ok: isPresent } = await status();
    assert.deepEqual([state, (rx as number) > 0, isPresent], ["active", true, true]);
    host.can().bus.partner = "noEcho";
    const before = sent(LIMITS);
    await host.wait(12000);
    host.can().bus.partner = "ack";
    await host.until("limits again", () => sent(LIMITS) >= before + 3, 40000);
    assert.ok(((await status()).bus_off as number) > 0);
    assert.deepEqual([host.can().violations, host.can().warnings], [[], []]);
  });
});

describe("system: one CAN driver an image", () => {
  it("the build leaves out the driver that the board does not name", async () => {
    const [onChip, overSpi] = [await builtImage("host"), await builtImage("esp32-mcp2515")];
    const twaiBase = String(0x3ff6b000),
      spiPort = "SPI2";
    assert.deepEqual([onChip.code.includes(twaiBase), onChip.code.includes(spiPort)], [true, false]);
    assert.deepEqual([overSpi.code.includes(twaiBase), overSpi.code.includes(spiPort)], [false, true]);
    assert.ok(Math.abs(onChip.bytes - overSpi.bytes) < 2000, onChip.bytes + " and " + overSpi.bytes + " bytes");
  });
});
