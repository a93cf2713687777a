// The network of the interpreter: sockets of `net`, names and echoes of `Wifi`. `connect` blocks everything until TCP
// has answered, so callers make sure of a live host first.
import type { NetworkPort } from "../kernel/ports";
import { ask, connectTls, lookUp, ownAddress, ping, tlsFault } from "./network.cold";

export const network: Omit<NetworkPort, "soon"> = {
  address: ownAddress,
  lookUp: lookUp,
  ping: ping,
  connect: function (ip, port, opened) {
    return require("net").connect({ host: ip, port: port }, opened);
  },
  connectTls: connectTls,
  tlsFault: tlsFault,
  listen: function (port, accepted) {
    require("net").createServer(accepted).listen(port);
  },
  ask: ask,
};
