// What Espruino for Linux lacks, in Espruino's language subset, as Storage file .boot0 that runs before the image: a UART on a
// pty, the CAN controller's registers, Wi-Fi, Bluetooth, a serial number; plus memory figures and switches for faults. Lines
// for the rig begin with "~". What the rig's own code costs runs through Array.reduce (`hidden`), where tools/bench does not
// count; callbacks of the image are called by timers, never from here, so that they are counted.
// With `o.counted` the registers are hidden too: poke32 only queues and the next peek32 carries the writes out, so an array
// that was poked must stay unchanged till then. A read at the begin of the window always gives its 13 words and the count of
// messages behind them; of the other address range status with flags, and the captures, are answered, as pairs; so are
// bit timing and error counters.
print("~bare " + process.memory().usage);
(function (o) {
  echo(0);
  var one = [0], queue = [], words = {}, regs = new Uint8Array(32), tx = new Uint8Array(13), fifo = [], ballast = [];
  var complete = 1, freeAt = 0, overrun = 0, off = 0, backAt = 0, bus = "k", pings = 1, names = 1, blockS = 0, most = 0, line = "";
  var net = require("net"), setup = Serial1.setup, now = getTime, shift = -now();
  function hidden(f) { return one.reduce.bind(one, f); }
  function hex(v) { return (256 + v).toString(16).substr(1); }

  function status() {
    if (off && backAt && now() >= backAt) off = backAt = regs[15] = 0;
    return (fifo.length ? 1 : 0) | overrun << 1 | (now() < freeAt ? 0 : 4 | complete << 3) | (off || regs[15] > 95 ? 0x40 : 0) | off << 7;
  }
  function transmit(once) {
    if (regs[0] & 3 || off) return;
    complete = 0;
    freeAt = now() + 0.0003;
    if (bus === "o") {
      off = regs[0] = 1 | regs[0];
      off = 1;
      backAt = 0;
      regs[15] = 127;
    } else if (bus === "n") {
      if (regs[15] < 128) regs[15] += 8;
      if (!once) freeAt = 1e12;
    } else {
      complete = 1;
      if (regs[15]) regs[15]--;
      var n = Math.min(tx[0] & 15, 8), s = "";
      for (var i = 0; i < n; i++) s += hex(tx[3 + i]);
      print("~can " + (tx[1] << 3 | tx[2] >> 5).toString(16) + " " + n + " " + s + "- " + ((now() - o.start) * 1000).toFixed(1));
    }
  }
  function command(v) {
    if (v & 8) overrun = 0;
    if (v & 4) fifo.shift();
    if (v & 1) transmit(v & 2);
    else if (v & 2 && now() < freeAt) {
      freeAt = 0;
      complete = 1;
    }
  }
  function mode(v) {
    if (v & 1) {
      fifo = [];
      freeAt = overrun = 0;
    } else if (regs[0] & 1 && off && bus !== "o") backAt = now() + 0.003;
    regs[0] = regs[0] & 1 ? v : regs[0] | v & 1;
  }
  function poke(a, v) {
    if (typeof v === "object") {
      for (var i = 0; i < v.length; i++) poke(a + 4 * i, v[i]);
      return;
    }
    var r = (a - 0x3FF6B000) / 4;
    if (r < 0 || r > 31) words[a] = v;
    else if (r === 0) mode(v);
    else if (r === 1) command(v);
    else if (r > 15 && r < 29 && !(regs[0] & 1)) tx[r - 16] = v;
    else if (r === 4 || regs[0] & 1) regs[r] = v;
  }
  function peek(a) {
    if (queue.length) {
      for (var i = 0; i < queue.length; i += 2) poke(queue[i], queue[i + 1]);
      queue.splice(0, queue.length);
    }
    var r = (a - 0x3FF6B000) / 4;
    if (a === 0x3FF75144) return (Math.random() * 4294967295 ^ now() * 1e6) >>> 0;
    if (a === 0x6002B008) return [status(), complete ? 0 : 128];
    if (a === 0x6002B02C) return [0, 0xD9];
    if (r < 0 || r > 31) return words[a] || 0;
    if (r === 2) return status();
    if (r === 29) return fifo.length;
    if (r === 16 && !(regs[0] & 1)) {
      if (fifo.length) fifo[0][13] = fifo.length;
      return fifo[0] || new Uint32Array(14);
    }
    if (r === 6 || r === 14) return [regs[r], regs[r + 1]];
    return r === 1 ? 0 : regs[r];
  }
  function receive(id, bytes) {
    var a = id >> 3, b = (id & 7) << 5;
    if (regs[0] & 1 || (a ^ regs[16]) & ~regs[20] & 255 || (b ^ regs[17]) & ~regs[21] & 224) return;
    if (fifo.length > 4) overrun = 1;
    else {
      var frame = new Uint32Array(14);
      frame.set([bytes.length, a, b]);
      frame.set(bytes, 3);
      fifo.push(frame);
    }
  }
  function provide(name, faces) {
    Modules.addCached(name, ";");
    Object.assign(require(name), faces);
  }
  function memory() { print("~mem " + process.memory().usage + " " + most); }
  function told(c) {
    var v = c.substr(1);
    if (c[0] === "r") receive(parseInt(v.substr(0, 3), 16), E.toUint8Array(atob(v.substr(3))));
    if (c[0] === "b") bus = v;
    if (c[0] === "p") pings = +v;
    if (c[0] === "n") names = +v;
    if (c[0] === "c") blockS = +v;
    if (c[0] === "z") most = 0;
    if (c[0] === "m") memory();
    if (c[0] === "e") eval(v);
    if (c[0] === "f") print("~flags " + E.getErrorFlags().join(" "));
    if (c[0] === "d") {
      E.reverseByte(0);
      print("~mark 0");
    }
  }
  function heard(d) {
    line += d;
    for (var end = line.indexOf("\n"); end >= 0; end = line.indexOf("\n")) {
      var c = line.substr(0, end);
      line = line.substr(end + 1);
      told(c);
    }
  }
  function sample() {
    var u = process.memory(false).usage;
    if (u > most) most = u;
  }

  Serial1.setup = function (baud, options) {
    options.path = o.pty;
    setup.call(Serial1, baud, options);
  };
  global.peek32 = o.counted ? hidden(peek) : peek;
  global.poke32 = o.counted ? queue.push.bind(queue) : poke;
  function nothing() {}
  global.pinMode = global.digitalWrite = nothing;
  if (o.clock) {
    global.getTime = function () { return now() + shift; };
    global.setTime = function (s) { shift = s - now(); };
  }
  global.getSerial = function () { return "a0b1c2a1-b2c3"; };
  global.NRF = { setServices: nothing };
  global.ESP32 = { reboot: print.bind(global, "rebooting"), getState: function () { return { freeHeap: 60000 }; } };
  provide("Wifi", {
    connect: function (s, p, cb) { setTimeout(cb, 50, null); }, setHostname: nothing, on: nothing,
    getIP: function () { return { ip: "127.0.0.1", mac: "a0:b1:c2:a1:b2:c3" }; },
    getDetails: function () { return { status: "connected", rssi: -50 }; },
    getHostByName: function (name, cb) { setTimeout(cb, 20, names ? o.hosts[name] || name : null); },
    ping: function (ip, cb) { setTimeout(cb, pings ? 20 : 1000, { totalBytes: pings * 64, error: 1 - pings }); }
  });
  provide("net", {
    createServer: net.createServer,
    connect: function (to, opened) {
      if (!blockS) return net.connect(to, opened);
      for (var end = now() + blockS; now() < end;);
      throw new Error("Unable to create socket");
    }
  });
  net.connect({ host: "127.0.0.1", port: o.control }).on("data", hidden(heard));
  if (o.sampleMs) setInterval(hidden(sample), o.sampleMs, 0);
  if (o.room) for (var n = process.memory().free - o.room; n > 0; n--) ballast.push(0);
  memory();
})
