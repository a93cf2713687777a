// The door to a database: PostgreSQL by pg, or PGlite in a worker. Errors say whose fault they are.

/** `name`: prepared under this name. `isArray`: rows come as arrays. */
export interface Statement {
  text: string;
  values?: unknown[];
  name?: string;
  isArray?: boolean;
}

export type Query = <T = Record<string, unknown>>(statement: Statement | string, values?: unknown[]) => Promise<T[]>;

export interface Sql {
  readonly kind: "postgres" | "pglite";
  query: Query;
  /** All of it in one transaction, in this order; the rows of each. */
  batch(statements: Statement[]): Promise<Record<string, unknown>[][]>;
  /** Several statements in one text, without values. */
  script(text: string): Promise<void>;
  /** Work on one connection that nobody else uses meanwhile. */
  session<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** PGlite: a copy of all files that survives a power cut, in this folder. */
  snapshot?(folder: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * True for an error that the data is to blame for: it comes again whenever the same is written (SQLSTATE classes 22,
 * 23).
 */
export function isDataError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^2[23]/.test(code) && code.length === 5;
}

export function statementOf(statement: Statement | string, values?: unknown[]): Statement {
  return typeof statement === "string" ? { text: statement, values } : statement;
}

/** Numbers as the text of a PostgreSQL array: cheaper than the driver's own way. Null is NULL. */
export function arrayText(numbers: (number | null)[]): string {
  let text = "{";
  for (let i = 0; i < numbers.length; i++) text += (i ? "," : "") + (numbers[i] === null ? "NULL" : String(numbers[i]));
  return text + "}";
}
