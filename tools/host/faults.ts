// What can go wrong around the device: network and Wi-Fi. Faults of the UART are the simulator's, of the flash the
// store's.

export interface NetworkFaults {
  /**
   * What `net.connect` meets: a listener, a refusal, nobody (blocks for `blockMs`, then throws), or one who never
   * answers.
   */
  connect: "normal" | "refused" | "blocks" | "blackHole";
  blockMs: number;
  /** Sockets that carry nothing any more, in both directions, without being closed. */
  stalled: "none" | "outgoing" | "all";
  ping: "answers" | "silent";
  dns: "answers" | "fails";
  wifi: "up" | "down";
}

/** No fault. */
export function noNetworkFaults(): NetworkFaults {
  return { connect: "normal", blockMs: 30000, stalled: "none", ping: "answers", dns: "answers", wifi: "up" };
}

/** The broker's host loses its power, or has it again: no echo, connects block, connections carry nothing. */
export function switchBrokerHost(faults: NetworkFaults, isOn: boolean): void {
  Object.assign(
    faults,
    isOn
      ? { connect: "normal", ping: "answers", stalled: "none" }
      : { connect: "blocks", ping: "silent", stalled: "outgoing" },
  );
}
