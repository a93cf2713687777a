// The network of the interpreter: sockets of `net`, names and echoes of `Wifi`. `connect` blocks everything until TCP has
// answered, so callers make sure of a live host first.
import type { NetworkPort } from "../kernel/ports";
import { connectTls } from "./tls.cold";
import { ask } from "./sntp.cold";
import { lookUp, ownAddress, ping } from "./wifi.cold";

export const network: NetworkPort = {
  address: ownAddress,
  lookUp: lookUp,
  ping: ping,
  connect: function (ip, port, opened) { return require("net").connect({ host: ip, port: port }, opened); },
  connectTls: connectTls,
  listen: function (port, accepted) { require("net").createServer(accepted).listen(port); },
  ask: ask,
};
