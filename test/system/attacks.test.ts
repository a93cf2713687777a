// Who attacks the server from the network stops nothing: the next good request is answered, no connection stays, CVL,
// CCL and DCL leave in time.
import assert from "node:assert/strict";
import { jsonOf } from "../../tools/host/virtual-network";
import { seededRandom } from "../../tools/simulator/random";
import { attacks } from "../fixtures/attacks";
import { imageText, LIMITS, type Status } from "./rig";
import { startVirtual, type VirtualRig } from "./virtual";

/** The longest silence of 0x351; longer than the longest time of an idle client, ms. */
const GAP_MS = 1500,
  IDLE_MS = 12000;
const GET = "GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n";

type Exchange = ReturnType<VirtualRig["connect"]>;

describe("system: attacks by HTTP", () => {
  let rig: VirtualRig, login: string, times: number[];
  const all: Exchange[] = [];
  const connect = (bytes: string): Exchange => {
    const one = rig.connect(bytes);
    all.push(one);
    return one;
  };
  const say = (one: Exchange, text: string): void => {
    if (!one.isOver) one.wire.write(Buffer.from(text, "latin1"));
  };

  before(async () => {
    rig = startVirtual({ image: await imageText(), seed: 16 });
    rig.frames.push(({ id, at }) => id === LIMITS && times.push(at));
    times = [];
    rig.clock.run(20000);
    const pass = /^login: admin, password: (\S+)/m.exec(rig.console.join("\n"))![1]!;
    login = `Authorization: Basic ${Buffer.from("admin:" + pass).toString("base64")}\r\n`;
  });
  beforeEach(() => {
    times = [rig.clock.now()];
  });
  afterEach(() => {
    let good = connect(GET);
    rig.clock.run(6000);
    if (good.text.startsWith("HTTP/1.1 503")) good = connect(GET); // as it says
    rig.clock.run(8000);
    assert.equal(jsonOf<Status>(good)?.live_data.phase, "normal", `the next request: ${good.text.slice(0, 200)}`);
    rig.clock.run(IDLE_MS);
    assert.deepEqual(
      all.splice(0).filter(({ isOver }) => !isOver),
      [],
      "no connection stays",
    );
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    assert.ok(gaps.length > 10 && Math.max(...gaps) < GAP_MS, `${Math.max(...gaps)} ms without limits`);
    assert.deepEqual([rig.deaths, rig.device.exceptions], [[], []]);
  });

  it("what is made to break a server is refused, each in its way", () => {
    for (const { name, bytes, status } of attacks(login)) {
      const one = connect(bytes);
      rig.clock.run(4000);
      const told = one.text ? +one.text.split(" ")[1]! : "";
      assert.equal(told, status, `${name}: ${one.text.slice(0, 300)}`);
    }
  });

  it("heads and bodies that come a byte a second", () => {
    const slow = [GET, GET.replace("GET", "PUT").slice(0, -2) + login + "Content-Length: 99\r\n\r\n{}"],
      clients = Array.from({ length: 8 }, () => connect(""));
    for (let at = 0; at < 40; at++) {
      clients.forEach((one, i) => say(one, slow[i % 2]![at] ?? " "));
      rig.clock.run(1000);
    }
  });

  it("200 clients that leave at any byte", () => {
    const random = seededRandom(16),
      request = `PUT /api/mqtt?dry=1 HTTP/1.1\r\nHost: a\r\n${login}Content-Length: 2\r\n\r\n{}`;
    for (let clients = 0; clients < 200; clients++) {
      const one = connect(request.slice(0, Math.floor(random() * (request.length + 1))));
      rig.clock.run(Math.floor(random() * 150));
      one.wire.destroy();
    }
  });

  it("100 requests a second for a minute", function () {
    let whole = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 100; i++) {
        connect("GET /api/log HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.clock.run(10);
      }
      whole += all.filter(({ isOver, text }) => isOver && text.startsWith("HTTP/1.1 200")).length;
      all.splice(0, all.length, ...all.filter(({ isOver }) => !isOver));
    }
    assert.ok(whole > 60, `${whole} of them were answered`);
  });

  it("passwords that are guessed as fast as they go", () => {
    for (let guess = 0; guess < 300; guess++) {
      const text = `Authorization: Basic ${Buffer.from("admin:" + guess).toString("base64")}\r\n`,
        one = connect(`PUT /api/mqtt HTTP/1.1\r\nHost: a\r\n${text}Content-Length: 2\r\n\r\n{}`);
      rig.clock.run(200);
      assert.doesNotMatch(one.text, /^HTTP\/1\.1 200/);
    }
    const owner = connect(`PUT /api/mqtt?dry=1 HTTP/1.1\r\nHost: a\r\n${login}Content-Length: 2\r\n\r\n{}`);
    rig.clock.run(4000);
    assert.match(owner.text, /^HTTP\/1\.1 200/);
  });
});
