// The HTTP server on sockets of the test's own: whole and split requests, what is refused, and who makes room for a
// fifth client.
import assert from "node:assert/strict";
import { accept, bodyText, errorText, headText, serverOf, sweep, tokenOf } from "../../firmware/http/server.cold";
import type { Server } from "../../firmware/http/server";
import type { Socket } from "../../firmware/kernel/ports";

interface Peer {
  written: string;
  ended: boolean;
  emit(event: string, bytes?: string): void;
}

const clock = { now: 0 };

function server(): Server {
  return serverOf(
    () => clock.now,
    (work) => work(),
    (method, path, header, body) => (piece) =>
      ["HTTP/1.1 200 OK\r\n\r\n", `${method} ${path} ${body}`, ""][piece] ?? "",
  );
}

/** A client that has just connected. */
function join(own: Server): Peer {
  const heard: Record<string, (bytes: string) => void> = {};
  const peer: Peer = { written: "", ended: false, emit: (event, bytes = "") => heard[event]?.(bytes) };
  const socket = {
    write: (text: string) => {
      peer.written += text;
    },
    end: () => {
      peer.ended = true;
    },
    on: (event: string, callback: (bytes: string) => void) => {
      heard[event] = callback;
    },
  };
  accept(own, socket as unknown as Socket);
  return peer;
}

/** Send pieces and let the output drain; the answer's status line and body. */
function ask(own: Server, ...pieces: string[]): string {
  const peer = join(own);
  pieces.forEach((piece) => peer.emit("data", piece));
  for (let i = 0; i < 5 && !peer.ended; i++) peer.emit("drain");
  assert.equal(own.clients.length, peer.ended ? 0 : 1);
  return peer.written;
}

const PUT = "PUT /api/config?x=1 HTTP/1.1\r\nHost: a\r\nX-Setup-Token: 12AB\r\ncontent-LENGTH: 10\r\n\r\n0123456789";

const CHUNKED = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n";

/** What a request gets, whole. */
const rest = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

describe("http server", () => {
  it("keeps a bounded part of what comes while nobody can look at it, and plans as much work", () => {
    const work: (() => void)[] = [],
      own = { ...server(), soon: (job: () => void) => work.push(job) } as unknown as Server,
      peer = join(own);
    for (let pieces = 0; pieces < 100; pieces++) peer.emit("data", "x".repeat(536));
    assert.ok(own.clients[0].rx.length <= 6000, `${own.clients[0].rx.length} characters`);
    assert.ok(work.length <= 12, `${work.length} jobs`);
    work.forEach((job) => job());
    assert.match(peer.written, /^HTTP\/1\.1 431 /);
  });

  it("answers a request, whole and split at every byte", () => {
    for (let at = 0; at <= PUT.length; at++)
      assert.equal(ask(server(), PUT.slice(0, at), PUT.slice(at)), "HTTP/1.1 200 OK\r\n\r\nPUT /api/config 0123456789");
    assert.match(ask(server(), ...Array.from(PUT)), /0123456789$/);
  });

  it("takes a body in chunks, whole and split at every byte, and forgets what stands around them", () => {
    const sent = CHUNKED + "4;name=value\r\n0123\r\n006\r\n456\r\n9\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\nmore",
      answer = "HTTP/1.1 200 OK\r\n\r\nPUT /a 0123456\r\n9";
    for (let at = 0; at < sent.length - 4; at++) assert.equal(ask(server(), sent.slice(0, at), sent.slice(at)), answer);
    assert.equal(ask(server(), ...Array.from(sent.slice(0, -4))), answer);
    const most = "x".repeat(4096);
    assert.equal(
      rest(ask(server(), `${CHUNKED}800\r\n${most.slice(2048)}\r\n`, `800\r\n${most.slice(2048)}\r\n0\r\n\r\n`)),
      "PUT /a " + most,
    );
    assert.equal(rest(ask(server(), CHUNKED + "0\r\n\r\n")), "PUT /a ");
    const own = server(),
      peer = join(own);
    peer.emit("data", CHUNKED.replace("Host", "Expect: 100-continue\r\nHost"));
    for (const piece of ["5\r", "\nhel", "lo\r\n", "0\r\n\r\n"]) peer.emit("data", piece);
    assert.equal(peer.written, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  });

  const refused: [string, string, number][] = [
    ["a header without an end", "GET / HTTP/1.1\r\nHost: a\r\n" + "x".repeat(1100), 431],
    ["a header that is too long", "GET / HTTP/1.1\r\nHost: a\r\nA: " + "x".repeat(1100) + "\r\n\r\n", 431],
    ["no request line", "hello\r\n\r\n", 400],
    ["no path", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["another protocol", "GET / FTP/1.1\r\n\r\n", 400],
    ["a body that is too long", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n", 413],
    ["another coding", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501],
    ["chunks of HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501],
    ["chunks that are too long", CHUNKED + "800\r\n" + "x".repeat(2048) + "\r\n801\r\n", 413],
    ["a chunk that is too long", CHUNKED + "fffffff\r\n", 413],
    ["too many chunks", CHUNKED + "1\r\nx\r\n".repeat(201), 400],
    ["a long trailer", CHUNKED + "0\r\nA: " + "x".repeat(300), 400],
    ...["", "-1", "0x5", "5 5", "g", "123456789", "x".repeat(70)].map((size): [string, string, number] => [
      `a chunk of the size "${size}"`,
      CHUNKED + size + "\r\nhello\r\n0\r\n\r\n",
      400,
    ]),
    ["a size line without an end", CHUNKED + "5" + ";x".repeat(40), 400],
    ["a chunk that is longer than it says", CHUNKED + "4\r\nhello\r\n0\r\n\r\n", 400],
    ...["-1", "1.5", "abc", "1e99", "0x10", "1e3", "+5", "5, 5", "5 5", ""].map((length): [string, string, number] => [
      "a length of " + length,
      `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`,
      400,
    ]),
  ];
  const twisted: [string, string][] = [
    ["no Host", ""],
    ["two Hosts", "Host: a\r\nhost: a\r\n"],
    ["two lengths", "Host: a\r\nContent-Length: 5\r\ncontent-length: 5\r\n"],
    ["chunks beside a length", "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"],
    ["two encodings", "Host: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"],
    ["a blank before a colon", "Host: a\r\nContent-Length : 5\r\n"],
    ["a folded line", "Host: a\r\nX: 1\r\n Content-Length: 5\r\n"],
    ["a line without a colon", "Host: a\r\nContent-Length\r\n"],
    ["a line without a name", "Host: a\r\n: 5\r\n"],
    ["a bare line feed", "Host: a\nContent-Length: 5\r\n"],
  ];
  for (const [name, head] of twisted) refused.push([name, `PUT / HTTP/1.1\r\n${head}\r\nhello`, 400]);
  for (const [name, request, status] of refused) {
    it(`${status} for ${name}`, () => {
      const answer = ask(server(), request);
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
      const { ok, err } = JSON.parse(answer.split("\r\n\r\n")[1]) as { ok: boolean; err: Record<string, unknown> };
      assert.deepEqual(
        [ok, typeof err["code"], typeof err["where"], typeof err["reason"]],
        [false, "string", "string", "string"],
      );
    });
  }

  it("HTTP/1.0 needs no Host, and a length may begin with zeros", () => {
    assert.match(ask(server(), "PUT /a HTTP/1.0\r\nContent-Length: 005\r\n\r\nhello"), /PUT \/a hello$/);
  });

  it("an empty line before the request is skipped, however it comes; targets may be absolute", () => {
    for (const lead of ["\r\n", "\r\n\r\n"]) {
      assert.match(ask(server(), lead + PUT), /PUT \/api\/config 0123456789$/);
      assert.match(ask(server(), ...Array.from(lead + PUT)), /PUT \/api\/config 0123456789$/);
    }
    for (const [target, path] of [
      ["http://gateway/api/status", "/api/status"],
      ["HTTP://192.0.2.1:80/api/status?x=http://a/", "/api/status"],
      ["http://gateway", "/"],
    ])
      assert.equal(rest(ask(server(), `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)), `GET ${path} `, target);
    assert.match(ask(server(), "GET ftp://a/api HTTP/1.1\r\nHost: a\r\n\r\n"), /^HTTP\/1\.1 400 /);
  });

  it("HEAD has the head of what GET would have, of an error too", () => {
    assert.equal(ask(server(), "HEAD /api/status HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 OK\r\n\r\n");
    const [get, head] = ["GET", "HEAD"].map((method) => ask(server(), `${method} x HTTP/1.1\r\nHost: a\r\n\r\n`));
    assert.equal(head, get!.slice(0, get!.indexOf("\r\n\r\n") + 4));
  });

  it("Expect: 100-continue gets it before the body, no other client does, and another expectation is 417", () => {
    const head = PUT.slice(0, -10).replace("Host: a", "Host: a\r\nExpect: 100-Continue"),
      own = server(),
      peer = join(own);
    peer.emit("data", head);
    assert.equal(peer.written, "HTTP/1.1 100 Continue\r\n\r\n");
    peer.emit("drain");
    peer.emit("data", "01234");
    peer.emit("data", "56789");
    for (let i = 0; i < 3; i++) peer.emit("drain");
    assert.match(
      peer.written,
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n\r\nPUT \/api\/config 0123456789$/,
    );
    assert.doesNotMatch(ask(server(), head + "0123456789"), /100 Continue/, "the body is there already");
    assert.match(
      ask(server(), head.replace("length: 10", "length: 5000").replace("LENGTH: 10", "LENGTH: 5000")),
      /^HTTP\/1\.1 413/,
    );
    const old = join(server());
    old.emit("data", head.replace("HTTP/1.1", "HTTP/1.0"));
    assert.equal(old.written, "");
    assert.match(ask(server(), head.replace("100-Continue", "miracles")), /^HTTP\/1\.1 417 Expectation Failed/);
  });

  it("what is whole has its length", () => {
    for (const answer of [errorText(404, "NotFound", "/", "there is no such path"), bodyText(200, '{"ok":true}\r\n')]) {
      const [, length] = /\r\nContent-Length: (\d+)\r\n/.exec(answer)!;
      assert.equal(Number(length), rest(answer).length);
    }
    assert.doesNotMatch(headText(200), /Content-Length/);
  });

  it("an answer that throws is a 500, and the server lives", () => {
    const own = server();
    own.answer = () => {
      throw new Error("no");
    };
    assert.match(ask(own, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), /^HTTP\/1\.1 500 [^]*"where":"\/x"/);
  });

  it("the token is read in any case of its name, and is empty when it is missing", () => {
    assert.equal(tokenOf(PUT.split("\r\n\r\n")[0]), "12AB");
    assert.equal(tokenOf("GET / HTTP/1.1\r\nHost: a"), "");
    assert.equal(tokenOf("GET / HTTP/1.1\r\nX-Other: x-setup-token: 1"), "");
  });

  it("a fifth client takes the place of the one that has been silent longest", () => {
    const own = server(),
      peers: Peer[] = [];
    for (clock.now = 0; clock.now < 4; clock.now++) peers.push(join(own));
    peers[0].emit("data", "GET");
    peers.push(join(own));
    assert.deepEqual(
      peers.map((peer) => peer.ended),
      [false, true, false, false, false],
    );
    assert.equal(own.clients.length, 4);
    const told = peers[1].written;
    assert.match(told, /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\nRetry-After: 1\r\n[^]*"code":"Busy"[^]*}\r\n$/);
    peers[1].emit("data", "GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n"); // a closed socket is written to no more
    assert.equal(peers[1].written, told);
    peers[2].emit("close");
    assert.equal(own.clients.length, 3);
  });

  it("an answer is not torn for a new client, which gets a whole 503, unless nobody takes it", () => {
    const own = server();
    clock.now = 0;
    const busy = Array.from({ length: 4 }, () => join(own));
    for (const peer of busy) peer.emit("data", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    clock.now = 3000;
    const fifth = join(own);
    assert.ok(fifth.ended && fifth.written.startsWith("HTTP/1.1 503 "));
    fifth.emit("data", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.deepEqual([own.clients.length, ...busy.map((peer) => peer.ended)], [4, false, false, false, false]);
    busy[0]!.emit("drain");
    clock.now = 3001;
    assert.equal(join(own).ended, false);
    assert.deepEqual(
      busy.map((peer) => peer.ended),
      [false, true, false, false],
      "it took nothing for 3 s",
    );
    assert.doesNotMatch(busy[1]!.written, /503/, "its answer has begun");
    busy[0]!.emit("drain");
    assert.match(busy[0]!.written, /GET \/a $/);
    clock.now = 0;
  });

  it("who has asked and waits for its turn is not turned away for a new one, and plans no more than that turn", () => {
    const work: (() => void)[] = [],
      own = { ...server(), soon: (job: () => void) => void work.push(job) } as unknown as Server,
      asked = Array.from({ length: 4 }, () => join(own));
    for (const peer of asked) for (const piece of ["GET /a HTTP/1.1\r\n", "Host: a\r\n\r\n"]) peer.emit("data", piece);
    const late = join(own);
    late.emit("data", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(late.written, /^HTTP\/1\.1 503 /);
    assert.equal(work.length, 4);
    work.splice(0).forEach((job) => job());
    for (const peer of asked) assert.match(peer.written, /^HTTP\/1\.1 200 /);
  });

  it("silent clients are closed after 10 s", () => {
    const own = server();
    clock.now = 0;
    const peer = join(own);
    sweep(own, 10000);
    assert.equal(peer.ended, false);
    sweep(own, 10001);
    assert.deepEqual([peer.ended, own.clients.length], [true, 0]);
  });

  it("lets who waits for an answer stay, and answers when making it fails", () => {
    const own = serverOf(
        () => clock.now,
        (work) => work(),
        (_method, path) => () => {
          if (path === "/throws") throw new Error("no memory");
          return null;
        },
      ),
      waiting = join(own);
    clock.now = 0;
    waiting.emit("data", "PUT /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    clock.now = 5000;
    const silent = Array.from({ length: 4 }, () => join(own));
    assert.deepEqual([waiting.ended, silent[0].ended], [false, true]);
    clock.now = 14000;
    sweep(own, clock.now);
    assert.deepEqual([waiting.ended, silent[3].ended], [false, false]);
    const peer = join(own);
    peer.emit("data", "GET /throws HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.emit("drain");
    assert.match(peer.written, /^HTTP\/1\.1 500 [^]*"reason":"Error: no memory"/);
    assert.ok(peer.ended);
    clock.now = 0;
  });
});
