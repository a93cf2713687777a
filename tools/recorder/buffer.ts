// When to write what has gathered: a queue with two triggers (so many rows, so long), one flush at a time. Pure: time
// is an argument.

/**
 * Flush at 5 s or 100 rows; what gathers during a flush is the next batch, up to 5,000. Between two of them are 200 ms,
 * unless the broker waits: a transaction costs as much as a hundred rows, so many devices make large batches.
 */
export const FLUSH_MS = 5000,
  FLUSH_ROWS = 100,
  MOST_BATCH = 5000,
  REST_MS = 200;

/** `window`: messages that a broker sends without an answer; when so many wait for their PUBACK nothing more comes. */
export interface BufferOptions {
  flushMs?: number;
  flushRows?: number;
  mostBatch?: number;
  restMs?: number;
  window?: number;
}

interface Entry<T> {
  item: T;
  rows: number;
  isHeld: boolean;
  at: number;
}

/** A queue of messages on their way to the database, oldest first. */
export class Buffer<T> {
  private entries: Entry<T>[] = [];
  private inFlight: Entry<T>[] = [];
  private waitingRows = 0;
  private flightRows = 0;
  private held = 0;
  private takenAt = -Infinity;
  readonly options: Required<BufferOptions>;

  constructor(options: BufferOptions = {}) {
    const preset = { flushMs: FLUSH_MS, flushRows: FLUSH_ROWS, mostBatch: MOST_BATCH, restMs: REST_MS, window: 5000 };
    this.options = { ...preset, ...options };
  }

  /** Rows that wait, those of the batch on its way among them. */
  get rows(): number {
    return this.waitingRows + this.flightRows;
  }

  /** Messages that wait, without the batch on its way. */
  get length(): number {
    return this.entries.length;
  }

  get isFlushing(): boolean {
    return this.inFlight.length > 0;
  }

  /** Take a message with so many rows; `isHeld`: the broker waits for its PUBACK. */
  push(item: T, rows: number, isHeld: boolean, now: number): void {
    this.entries.push({ item, rows, isHeld, at: now });
    this.waitingRows += rows;
    if (isHeld) this.held++;
  }

  /** When the next batch is due; Infinity while nothing waits or one is on its way. */
  dueAt(): number {
    if (this.isFlushing || this.entries.length === 0) return Infinity;
    const { flushRows, flushMs, window, mostBatch, restMs } = this.options;
    if (this.held >= window || this.entries.length >= mostBatch) return -Infinity;
    const atLast = this.entries[0].at + flushMs;
    return this.waitingRows >= flushRows ? Math.min(atLast, this.takenAt + restMs) : atLast;
  }

  /** The batch that is due, taken out before it is written; empty while none is due or one is on its way. */
  take(now: number, isForced = false): T[] {
    if (this.isFlushing || (!isForced && this.dueAt() > now)) return [];
    this.inFlight = this.entries.splice(0, this.options.mostBatch);
    if (this.inFlight.length > 0) this.takenAt = now;
    for (const { rows, isHeld } of this.inFlight) {
      this.flightRows += rows;
      this.waitingRows -= rows;
      if (isHeld) this.held--;
    }
    return this.inFlight.map(({ item }) => item);
  }

  /** The batch on its way is kept. */
  done(): void {
    this.flightRows = 0;
    this.inFlight = [];
  }

  /** The batch on its way is not kept: it is the first again. */
  failed(): void {
    for (const { rows, isHeld } of this.inFlight) {
      this.waitingRows += rows;
      if (isHeld) this.held++;
    }
    this.entries = [...this.inFlight, ...this.entries];
    this.flightRows = 0;
    this.inFlight = [];
  }

  /** Everything that waits behind the batch on its way, taken out for another keeping place. */
  takeWaiting(): { items: T[]; putBack: () => void } {
    const taken = this.entries;
    this.entries = [];
    this.waitingRows = 0;
    this.held = 0;
    const putBack = (): void => {
      this.entries = [...taken, ...this.entries];
      for (const { rows, isHeld } of taken) {
        this.waitingRows += rows;
        if (isHeld) this.held++;
      }
    };
    return { items: taken.map(({ item }) => item), putBack };
  }
}
