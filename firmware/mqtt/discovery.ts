// What Home Assistant's discovery keeps between its steps: what is to be sent, and how far the message that is counted or sent
// just now has come. What the message is made of stays as it was when counting began, or its length would be wrong.

/** The two payloads, as bits. */
export const GATEWAY = 1, BATTERY = 2;
/** Places in a message besides the lines of the image's text: before its head, behind its end. */
export const HEAD = -1, DONE = -2;

export interface Discovery {
  /** When something is due (ms): the task looks at this alone. */
  at: number;
  /** The settings are to be read anew; first levels of the topics ("" when off), and those that are to be emptied. */
  reread: boolean; prefix: string; clear: string;
  /** The connection on which it was begun (its time). */
  since: number;
  /** Payloads to send, not before (ms), and those of them that first tell which components are gone. */
  todo: number; todoAt: number; gone: number;
  /** The payload that is counted or sent, 0 for none; its bytes; whether it is being sent. */
  work: number; bytes: number; sending: boolean;
  /** The next line of the text (or HEAD, DONE), the last cell that was told, and whether a component stands before. */
  line: number; cell: number; comma: boolean;
  /** Made of: cells, level of the commands (0 none, 1 safe, 2 all), largest currents, address of the device's page. */
  cells: number; level: number; cclMax: number; dclMax: number; url: string;
  /** Cells and level that Home Assistant was told last. */
  toldCells: number; toldLevel: number;
}
