// COPY into PostgreSQL with pg alone: what a flush is compared with. The protocol: PostgreSQL documentation, "COPY
// Operations".
import type pg from "pg";

interface Connection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** A query of pg that answers the server's request for data with one piece of it. */
class CopyIn {
  /** pg looks for these. */
  callback: (error?: Error) => void = () => undefined;
  readonly done: Promise<void>;

  constructor(
    private readonly text: string,
    private readonly data: Buffer,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.callback = (error) => (error ? reject(error) : resolve());
    });
  }

  submit(connection: Connection): void {
    connection.query(this.text);
  }

  handleCopyInResponse(connection: Connection): void {
    connection.sendCopyFromChunk(this.data);
    connection.endCopyFrom();
  }

  handleCommandComplete(): void {}
  handleReadyForQuery(): void {
    this.callback();
  }
  handleError(error: Error): void {
    this.callback(error);
  }
}

/** COPY this text (tabs between columns, a line a row) into a table. */
export async function copyInto(client: pg.Client, table: string, data: Buffer): Promise<void> {
  const copy = new CopyIn(`COPY ${table} FROM STDIN`, data);
  client.query(copy as unknown as pg.Submittable);
  await copy.done;
}
