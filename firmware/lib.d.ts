// What the device's JavaScript has beyond ES5, and nothing else: a member that is not declared here does not compile.
// Probed on the interpreter; see also the list of what is refused in tools/build/rules.ts.

interface SymbolConstructor {
  readonly iterator: unique symbol;
}
declare const Symbol: SymbolConstructor;
interface IteratorResult<T> {
  done: boolean;
  value: T;
}
interface Iterator<T> {
  next(): IteratorResult<T>;
}
interface Iterable<T> {
  [Symbol.iterator](): Iterator<T>;
}

interface Array<T> {
  [Symbol.iterator](): Iterator<T>;
  find(test: (value: T, index: number) => boolean): T | undefined;
  findIndex(test: (value: T, index: number) => boolean): number;
  fill(value: T, start?: number, end?: number): this;
  includes(value: T): boolean;
}
interface ReadonlyArray<T> {
  [Symbol.iterator](): Iterator<T>;
  find(test: (value: T, index: number) => boolean): T | undefined;
  findIndex(test: (value: T, index: number) => boolean): number;
  includes(value: T): boolean;
}

interface String {
  startsWith(part: string, at?: number): boolean;
  endsWith(part: string): boolean;
  includes(part: string): boolean;
  padStart(length: number, fill?: string): string;
  padEnd(length: number, fill?: string): string;
  repeat(count: number): string;
  replaceAll(part: string, by: string): string;
}

interface Math {
  sign(x: number): number;
}
interface ObjectConstructor {
  assign<T extends object, U extends object>(target: T, source: U): T & U;
  values<T>(object: Record<string, T>): T[];
  entries<T>(object: Record<string, T>): [string, T][];
}

// `slice` and `filter` of a typed array yield an ordinary array here: one variable of memory an element.
interface TypedMembers {
  [Symbol.iterator](): Iterator<number>;
  includes(value: number): boolean;
  slice(start?: number, end?: number): number[];
}
interface Int8Array extends TypedMembers {}
interface Uint8Array extends TypedMembers {}
interface Int16Array extends TypedMembers {}
interface Uint16Array extends TypedMembers {}
interface Int32Array extends TypedMembers {}
interface Uint32Array extends TypedMembers {}
interface Float32Array extends TypedMembers {}
interface Float64Array extends TypedMembers {}

declare function atob(base64: string): string;
declare function btoa(bytes: string): string;
