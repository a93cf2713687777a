// Listening on a port that may be taken already.
import net from "node:net";

const TRIES = 20;

/** Where a server listens, and the port that was wished for. */
export interface Listening {
  wished: number;
  port: number;
}

function listenOnce(server: net.Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: address, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/**
 * Listen on `port` of `address`, or on the next free one of the following 19; 0 takes any free port. Rejects with a
 * sentence that names the port when none is free or the system refuses.
 */
export async function listenNear(server: net.Server, port: number, address: string): Promise<Listening> {
  for (let candidate = port; candidate < Math.min(port + TRIES, 65536); candidate++) {
    try {
      await listenOnce(server, candidate, address);
      return { wished: port, port: (server.address() as net.AddressInfo).port };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE") throw new Error(`cannot listen on ${address} port ${candidate}: ${message}`);
    }
  }
  throw new Error(`port ${port} of ${address} is busy, and so are the next ${TRIES - 1}`);
}
