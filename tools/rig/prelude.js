// What Espruino for Linux lacks, in Espruino's language subset, as Storage file .boot0 that runs before the image: a
// UART and time as the ESP32 has them, the CAN controller's registers, Wi-Fi, Bluetooth, a serial number; plus memory
// figures and switches for faults. Lines for the rig begin with "~". What the rig's own code costs runs through
// Array.reduce (`hidden`), where tools/bench does not count. Time is the rig's: it stands still until the rig lets it
// go on (command "t"), then what is due runs in the order of Espruino's main loop, and the answer says how far it went;
// with bytes to send it stops at once. The UART is tools/host/uart-model.ts (`w`), on that time. With `o.counted` time
// and timers are the interpreter's own, callbacks are called by them so that they are counted, and bytes of the UART
// come as they are. The registers are hidden then too: poke32 only queues and the next peek32 carries the writes out,
// so an array that was poked must stay unchanged till then. A read at the begin of the window always gives its 13 words
// and the count of messages behind them; of the other address range status with flags, and the captures, are answered,
// as pairs; so are bit timing and error counters.
(function (o, w) {
  echo(0);
  var one = [0], queue = [], words = {}, regs = new Uint8Array(32), tx = new Uint8Array(13), fifo = [], ballast = [];
  var complete = 1, freeAt = 0, overrun = 0, off = 0, backAt = 0, bus = "k", pings = 1, names = 1,
    echo = 0, blockS = 0, most = 0, line = "";
  var net = require("net"), native = getTime, zero = native(), shift = 0, time = 0,
    later = setTimeout, interval = setInterval;
  var timers = [], lastId = 0, changed = 0, stops = 0, hears = null, uart = w.uartModel(o.uart, 0), link;
  function hidden(f) { return one.reduce.bind(one, f); }
  function hex(v) { return (256 + v).toString(16).substr(1); }

  function nothing() {}
  /** s since the start. */
  function now() { return o.counted ? native() - zero : time / 1000; }
  function read() {
    time += 0.07; // what a call takes on a chip: a loop that waits for a time gets there
    return now() + shift;
  }
  function call(f, values) {
    try {
      f.apply(global, values);
    } catch (e) {
      later(function () { throw e; }, 0);
    }
  }
  function add(period, from) {
    var t = { due: time + Math.max(from[1] || 0, 0.1), period: period, f: from[0], values: [], id: ++lastId };
    for (var i = 2; i < from.length; i++) t.values.push(from[i]);
    timers.push(t);
    changed = 1;
    return t.id;
  }
  function placeOf(id) {
    for (var i = 0; i < timers.length; i++) if (timers[i].id === id) return i;
    return -1;
  }
  function drop(from) {
    var at = placeOf(from[0]);
    if (!from.length) timers = [];
    else if (from[0] === undefined) throw new Error("clearTimeout(undefined) not allowed");
    else if (at >= 0) timers.splice(at, 1);
    changed = 1;
  }
  /** One pass over the timers that were due at `at`; it ends when a callback touched timers. */
  function pass(at) {
    changed = 0;
    for (var i = 0; i < timers.length && !changed; i++) {
      var t = timers[i], due = t.due;
      if (due > at) continue;
      call(t.f, t.values);
      if (t.period) t.due = due + t.period;
      else {
        var place = timers.indexOf(t);
        if (place >= 0) timers.splice(place, 1);
        if (place === i) i--;
      }
    }
  }
  function turn() {
    if (hears) {
      w.uartLook(uart, time);
      for (var d = w.uartTake(uart, time); d !== ""; d = w.uartTake(uart, time)) call(hears, [d]);
    }
    var at = time;
    do pass(at); while (changed);
  }
  function dueAt() {
    w.uartAdvance(uart, time);
    var due = hears ? w.uartDue(uart) : Infinity;
    for (var t of timers) if (t.due < due) due = t.due;
    return due;
  }
  function run(until) {
    stops = 0;
    while (!stops) {
      var due = dueAt();
      if (due > until) {
        if (until > time) time = until;
        break;
      }
      if (due > time) time = due;
      turn();
    }
    link.write("t" + time + "\n");
  }
  /** Bytes at the UART; with a time, on the wire then. */
  function hear(v) {
    var at = v.indexOf(" "), bytes = atob(v.substr(at + 1));
    if (!o.counted) w.uartHear(uart, bytes, +v.substr(0, at));
    else for (var i = 0; i < bytes.length; i += 64) later(hears, 0, bytes.substr(i, 64));
  }

  function status() {
    if (off && backAt && now() >= backAt) off = backAt = regs[15] = 0;
    return (fifo.length ? 1 : 0) | overrun << 1 | (now() < freeAt ? 0 : 4 | complete << 3)
      | (off || regs[15] > 95 ? 0x40 : 0) | off << 7;
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
      print("~can " + (tx[1] << 3 | tx[2] >> 5).toString(16) + " " + n + " " + s + "- " + (now() * 1000).toFixed(1));
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
    if (c[0] === "t") run(+v);
    if (c[0] === "u") hear(v);
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

  Serial1.setup = nothing;
  Serial1.on = function (event, f) { hears = f; };
  Serial1.write = function (d) {
    stops = 1;
    link.write("w" + (now() * 1000).toFixed(3) + " " + btoa(d) + "\n");
  };
  global.peek32 = o.counted ? hidden(peek) : peek;
  global.poke32 = o.counted ? queue.push.bind(queue) : poke;
  global.pinMode = global.digitalWrite = nothing;
  global.getTime = o.counted ? now : read;
  global.setTime = function (s) { shift = s - now(); };
  if (!o.counted) {
    global.setInterval = function (f, ms) { return add(Math.max(ms || 0, 0.1), arguments); };
    global.setTimeout = function (f, ms) { return typeof f === "string" ? later(f, ms) : add(0, arguments); };
    global.clearTimeout = global.clearInterval = function () { drop(arguments); };
    global.changeInterval = function (id, ms) {
      var t = timers[placeOf(id)];
      if (!t) throw new Error("Unknown Interval");
      t.period = Math.max(ms || 0, 0.1);
      t.due = time + t.period;
      changed = 1;
    };
  }
  global.getSerial = function () { return "a0b1c2a1-b2c3"; };
  global.NRF = { setServices: nothing };
  global.ESP32 = {
    reboot: print.bind(global, "rebooting"),
    getState: function () { return { freeHeap: 60000, minHeap: 50000, BLE: false }; }
  };
  var radio = "AP", asked = {}, dgram = require("dgram"), release = process.env.VERSION.indexOf(".") < 0;
  // after the image was evaluated
  setTimeout(function () { print("access point: " + (release && radio[0] === "A" ? "on" : "off")); }, 0);
  provide("Wifi", {
    connect: function (s, p, cb) { radio = radio[0] === "A" ? "APSTA" : "STA"; setTimeout(cb, 50, null); },
    setHostname: nothing, on: nothing,
    getStatus: function () { return { mode: radio }; },
    stopAP: function () { radio = radio === "APSTA" || radio === "STA" ? "STA" : "NULL"; },
    save: require("Storage").erase.bind(require("Storage"), ".wificfg"),
    getIP: function () { return { ip: "127.0.0.1", gw: "127.0.0.1", mac: "a0:b1:c2:a1:b2:c3" }; },
    getDetails: function () { return { status: "connected", rssi: -50 }; },
    getHostByName: function (name, cb) {
      setTimeout(cb, 20, !release ? (names ? o.hosts[name] || name : null) : asked[name] ? "160.217.251.63" : null);
      asked[name] = 1;
    },
    ping: function (ip, cb) { // answers that come while JavaScript runs break the ESP32: see tools/host/wifi.ts
      if ((echo = cb)) setTimeout(function () {
        if (echo === cb) print("ERROR: Guru Meditation: an echo was answered while JavaScript ran");
        else if (pings) cb({ totalBytes: 32, error: 0 });
      }, 20);
    }
  });
  provide("dgram", {
    createSocket: function (type) {
      var socket = dgram.createSocket(type), send = socket.send, on = socket.on;
      socket.send = function (packet, port, ip) {
        if (port !== 53) send.call(socket, packet, port, ip);
        else if (names) send.call(socket, packet, o.namePort, ip);
      };
      socket.on = function (event, heard) {
        on.call(socket, event, function (packet, from) {
          if (from.port === o.namePort) from.port = 53;
          heard(packet, from);
        });
      };
      return socket;
    }
  });
  provide("net", {
    createServer: net.createServer,
    connect: function (to, opened) {
      if (!blockS) return net.connect(to, opened);
      time += blockS * 1000;
      for (var end = now() + blockS; o.counted && now() < end;);
      throw new Error("Unable to create socket");
    }
  });
  link = net.connect({ host: "127.0.0.1", port: o.control });
  // Not in the socket's own callback: the interpreter has no current network after a write in one, and a TLS socket
  // that it looks at next ends it
  link.on("data", later.bind(global, hidden(heard), 0));
  if (o.sampleMs) interval(hidden(sample), o.sampleMs, 0);
  // Espruino for Linux looks at its sockets when a timer is due, else each 50 ms
  interval(hidden(nothing), o.counted ? 5 : 2, 0);
  return function () {
    if (o.room) for (var n = process.memory().free - o.room; n > 0; n--) ballast.push(0);
    memory();
  };
})
