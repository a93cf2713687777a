// A gateway whose settings are read and written, at the end of a cable or over the network.
import type { Plan, Settings } from "./plan";

/** What a person needs to get there. */
export interface Label {
  device: string;
  /** The Wi-Fi network, "" without one; the address, "" while there is none. */
  network: string;
  address: string;
  user: string;
  /** The password, or where to find it. */
  password: string;
}

export interface Gateway {
  /** Who is there, for people, and its settings: a document in which a secret may be `***`. */
  read(): Promise<{ about: string; document: string }>;
  /**
   * Writes settings that were checked. Resolves with warnings; rejects with the reason, `NeedsConfirmation` where they
   * would end a current or silence CAN.
   */
  write(settings: Settings, plan: Plan, confirmed: boolean): Promise<string[]>;
  /** Restarts the device if that is needed and waits until it works. Rejects with what is wrong and how to go on. */
  settle(document: string): Promise<Label>;
  close(): Promise<void>;
}

/** The device wants to be told that somebody means it. */
export class NeedsConfirmation extends Error {}
