// What a browser or a script gets from the API: the status with its documented members, and polite answers to rude
// clients.
import assert from "node:assert/strict";
import net from "node:net";
import type { Host } from "../../tools/host/run";
import { boot, closeHosts, imageText, LIMITS, running, sent, status } from "./rig";

const MEMBERS: Record<string, string[]> = {
  live_data: [
    "voltage",
    "current",
    "soc_percent",
    "soh_percent",
    "temperature",
    "min_cell_mv",
    "max_cell_mv",
    "cell_imbalance_mv",
    "balancing_bits",
    "online_status",
    "pack_power_w",
    "age_ms",
    "phase",
  ],
  limits: ["cvl", "ccl", "dcl", "reason"],
  can: ["tx", "rx", "errors", "keepalive_ok"],
  mqtt: [
    "enabled",
    "configured",
    "subscribed",
    "connected",
    "client_id",
    "root_topic",
    "publish_count",
    "failed_count",
    "error_count",
    "dropped_count",
    "last_publish_ms",
    "last_error_code",
    "last_error_message",
    "qos",
    "retain",
    "clean_session",
    "use_tls",
    "queue_len",
    "queue_max",
  ],
  memory: ["used", "total"],
};

/** A raw client: what it sends and all that it gets until the device closes (or `limit_ms` of its time pass). */
function talk(host: Host, text: string, limit_ms = 60000): Promise<{ answer: string; isClosed: boolean }> {
  return new Promise((resolve) => {
    let answer = "";
    const wire = net.connect(host.http.port, "127.0.0.1", () => wire.write(text));
    const cancel = host.clock.schedule(limit_ms, () => {
      wire.destroy();
      resolve({ answer, isClosed: false });
    });
    wire.on("data", (bytes) => {
      answer += bytes.toString("latin1");
    });
    wire.on("error", () => undefined);
    wire.on("close", () => {
      cancel();
      resolve({ answer, isClosed: true });
    });
  });
}

/** Clients that connect and say nothing. */
async function silentClients(host: Host, count: number, text = ""): Promise<net.Socket[]> {
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<net.Socket>((resolve, reject) => {
          const wire = net.connect(host.http.port, "127.0.0.1", () => {
            if (text) wire.write(text);
            resolve(wire);
          });
          wire.on("error", reject);
        }),
    ),
  );
}

describe("system: HTTP", () => {
  before(imageText);
  afterEach(closeHosts);

  it("shows the battery in a status with every documented member", async () => {
    const host = await boot();
    await running(host);
    const answer = await host.request("/api/status"),
      document = (await answer.json()) as Record<string, Record<string, unknown>>;
    assert.equal(answer.headers.get("content-type"), "application/json");
    assert.deepEqual(Object.keys(document).sort(), [
      "alarms",
      "can",
      "clock",
      "espruino",
      "limits",
      "live_data",
      "memory",
      "mqtt",
      "replay",
      "tasks",
      "time",
      "uart",
      "uptime_ms",
      "version",
    ]);
    for (const [member, names] of Object.entries(MEMBERS)) {
      assert.deepEqual(
        names.filter((name) => !(name in document[member])),
        [],
        member,
      );
    }
    const live = (await status(host)).live_data;
    for (const name of MEMBERS.live_data) assert.notEqual(live[name], null, name);
    assert.ok((live.voltage as number) > 48 && (live.voltage as number) < 56);
    assert.ok(live.seq > 0);
    assert.deepEqual(Object.keys((await status(host)).tasks[0]), ["name", "late", "longest_ms", "faults"]);
  });

  it("has the cells in the status, and answers HEAD", async () => {
    const host = await boot();
    await running(host);
    const { cells_mv: cells } = (await status(host)).live_data as unknown as { cells_mv: number[] };
    assert.ok(cells.length === 16 && cells.every((mv) => mv > 2500 && mv < 3700), String(cells));
    for (const path of ["/api/status", "/api/config", "/api/mqtt"]) {
      const answer = await host.request(path, { method: "HEAD" });
      assert.deepEqual([answer.status, await answer.text()], [200, ""]);
    }
    const { answer } = await talk(
      host,
      "PUT /api/config HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
      3000,
    );
    assert.equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
  });

  it("answers while ten silent clients hold on", async () => {
    const host = await boot();
    await running(host);
    for (const text of ["", "GET /api/st", "PUT /api/config HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"]) {
      const wires = await silentClients(host, 10, text);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal((await status(host)).live_data.phase, "normal");
      wires.forEach((wire) => wire.destroy());
    }
    assert.ok(sent(host, host.clock.now() - 1500, LIMITS).length > 0);
  });

  it("closes a client that stays silent", async () => {
    const host = await boot();
    const { isClosed, answer } = await talk(host, "GET /api/sta", 15000);
    assert.deepEqual([isClosed, answer], [true, ""]);
  });

  it("answers nonsense with an error and closes", async () => {
    const host = await boot();
    const cases: [string, number][] = [
      ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400],
      ["hello\r\n\r\n", 400],
      ["GET noslash HTTP/1.1\r\nHost: a\r\n\r\n", 400],
      ["GET /api/status HTTP/1.1\r\nHost: a\r\nX: " + "y".repeat(2000) + "\r\n\r\n", 431],
      ["z".repeat(3000), 431],
      ["PUT /api/config HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n", 400],
      ["PUT /api/config HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400],
      ["PUT /api/config HTTP/1.1\r\nHost: a\r\nContent-Length: 1e9\r\n\r\n", 400],
      ["PUT /api/config HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n", 413],
      ["GET /api/status HTTP/1.1\r\n\r\n", 400],
      ["PUT /api/config HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501],
      ["PUT /api/config HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n", 400],
      ["GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404],
      ["DELETE /api/status HTTP/1.1\r\nHost: a\r\n\r\n", 405],
      ["POST /api/config HTTP/1.1\r\nHost: a\r\n\r\n", 405],
    ];
    for (const [request, code] of cases) {
      const { answer, isClosed } = await talk(host, request),
        about = JSON.stringify(request.slice(0, 60));
      assert.ok(isClosed, `${about}: closed`);
      assert.equal(Number(answer.split(" ")[1]), code, `${about}: ${answer}`);
      const { ok, err } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as {
        ok: boolean;
        err: Record<string, unknown>;
      };
      assert.equal(ok, false);
      assert.deepEqual(Object.keys(err), ["code", "where", "reason", "retryable"], about);
    }
    assert.equal((await host.request("/api/status?x=1")).status, 200);
  });

  it("takes a request byte by byte, and is not hurt by clients that leave", async () => {
    const host = await boot();
    await running(host);
    for (let clients = 0; clients < 30; clients++) {
      const [wire] = await silentClients(host, 1, "GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n");
      wire.destroy();
    }
    const answer = await new Promise<string>((resolve, reject) => {
      let text = "";
      const wire = net.connect(host.http.port, "127.0.0.1");
      const request = "GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n";
      [...request].forEach((byte, i) => setTimeout(() => wire.write(byte), 3 * i));
      wire.on("data", (bytes) => {
        text += bytes.toString("latin1");
      });
      wire.on("error", reject);
      wire.on("close", () => resolve(text));
    });
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))));
  });
});
