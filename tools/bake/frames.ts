// Bakes the CAN frame table: one straight function a frame of each second, one for all rarer ones; values in, data
// bytes out.
import { canFrames, type CanFrame, type FrameField } from "../../firmware/tables/frames";
import { camel, header, slotFault } from "./names";

const BOUNDS = { u16: [0, 65535], i16: [-32768, 32767] } as const;

/** Frames in the order of the table: each second, each two, ten with numbers, ten with texts. */
const textFrames = canFrames.filter((frame) => frame.fields[0].as === "text");
const fastFrames = canFrames.filter((frame) => frame.every === 1000);
const placeFrames = canFrames.filter((frame) => frame.every === 2000);

/** Added before a value is made whole, so that 58.1 x 10 = 580.99... still counts as 581. */
const SLACK = "1e-6";
/**
 * The same for the nearest whole number: less than a millionth of a per cent of SoC, which is the finest that there is.
 */
const HALF = "0.5000001";

/** Lines that make `name` the clamped raw integer of a field. */
function rawLines(field: FrameField, name: string): string[] {
  if (field.as === "u32") return [`  ${name} = ${name} + ${SLACK} | 0; // modulo 2^32`];
  if (field.round === undefined) return [];
  const type = field.as === "i16" ? "i16" : "u16",
    per = field.per ?? 1,
    add = field.add ?? 0;
  const low = Math.max(BOUNDS[type][0] - add, (field.min ?? -Infinity) * per),
    high = Math.min(BOUNDS[type][1] - add, (field.max ?? Infinity) * per);
  const nearest = low < 0 ? `${name} < 0 ? ${name} - ${HALF} : ${name} + ${HALF}` : `${name} + ${HALF}`;
  const whole = field.round === "floor" ? `${name} + ${SLACK} | 0` : `(${nearest}) | 0`;
  return [`  ${name} = ${name} < ${low} ? ${low} : ${name} > ${high} ? ${high} : ${whole};`];
}

/** Reads a field's value, or takes it from an earlier one of the frame (`known`: what each value's variable is). */
function readLine(field: FrameField, name: string, known: Map<string, string>): string {
  const per = field.per && field.per !== 1 ? ` * ${field.per}` : "",
    whole = field.round === undefined && field.absent === undefined;
  const value = known.get(field.from) ?? `v[slot.${camel(field.from)}]`;
  if (!per && field.absent === undefined) known.set(field.from, name);
  return `  ${whole ? "const" : "let"} ${name} = ${value}${per};`;
}

/** The bytes of a whole number, low byte first but for a version. */
function bytesOf(field: FrameField, name: string): string[] {
  const value = field.add ? `(${name} + ${field.add})` : name,
    low = `${value} & 255`,
    high = `${value} >> 8 & 255`;
  if (field.as === "u32") return [low, high, `${value} >> 16 & 255`, `${value} >> 24 & 255`];
  return field.as === "version" ? [high, low] : [low, high];
}

/**
 * Does `then` when one of some numbers is unknown, or when `or` holds. NaN differs from itself; `isNaN` is looked up
 * last of all names.
 */
function whenUnknown(names: string[], then: string, sum = "sum", or = ""): string[] {
  if (names.length === 1) return [`  if (${names[0]} !== ${names[0]}${or}) ${then};`];
  return [`  const ${sum} = ${names.join(" + ")};`, `  if (${sum} !== ${sum}${or}) ${then};`];
}

interface Encoded {
  lines: string[];
  bytes: string[];
}

/** Unknown values silence the frame, but for those with \`absent\` and those behind \`shortAt\`. */
function numbers(frame: CanFrame): Encoded {
  const lines: string[] = [],
    bytes: string[] = Array.from({ length: 8 }, () => "0");
  const named = frame.fields.filter((field) => field.as !== "pair").map((field, i) => ({ field, name: "abcd"[i] }));
  const read = new Map<string, string>();
  named.forEach(({ field, name }) => lines.push(readLine(field, name, read)));
  const needed = named.filter(
    ({ field }) => field.absent === undefined && !(frame.shortAt !== undefined && field.at >= frame.shortAt),
  );
  const zero = named
    .filter(({ field }) => field.never0)
    .map(({ name }) => ` || ${name} < 1`)
    .join("");
  if (needed.length)
    lines.push(
      ...whenUnknown(
        needed.map(({ name }) => name),
        "return undefined",
        "sum",
        zero,
      ),
    );
  const short = named.filter(({ field }) => frame.shortAt !== undefined && field.at >= frame.shortAt);
  for (const { field, name } of named) {
    if (field.absent !== undefined) lines.push(...whenUnknown([name], `${name} = ${field.absent * (field.per ?? 1)}`));
  }
  const known = named.filter((entry) => !short.includes(entry));
  known.forEach(({ field, name }) => lines.push(...rawLines(field, name)));
  const put = ({ field, name }: { field: FrameField; name: string }): void => {
    bytesOf(field, name).forEach((byte, i) => {
      bytes[field.at + i] = byte;
    });
  };
  known.forEach(put);
  if (short.length) {
    lines.push(
      ...whenUnknown(
        short.map(({ name }) => name),
        `return [${bytes.slice(0, frame.shortAt).join(", ")}]`,
        "rest",
      ),
    );
    short.forEach(({ field, name }) => lines.push(...rawLines(field, name)));
    short.forEach(put);
  }
  return { lines, bytes };
}

/** Whole frames of 16-bit numbers, as all of each second are: each number goes into the bytes at once. */
function encoderInWords(frame: CanFrame): string[] {
  if (frame.words) {
    const [a, b] = frame.words;
    return [
      `  const a = v[slot.${camel(a)}], b = v[slot.${camel(b)}], w = words;`,
      ...whenUnknown(["a", "b"], "return undefined"),
      "  w[0] = a;",
      "  w[1] = a >> 16;",
      "  w[2] = b;",
      "  w[3] = b >> 16;",
      "  return bytes;",
    ];
  }
  const { lines } = numbers(frame),
    names = "abcd",
    last = Math.max(...frame.fields.map(({ at }) => at));
  const put = (name: string, whole: string): string => {
    const { at, add } = frame.fields[names.indexOf(name)];
    return `  w[${at / 2}] = ${add ? `(${whole}) + ${add}` : whole.replace(/\((.*)\) \| 0$/, "$1").replace(/ \| 0$/, "")};`;
  };
  const out = lines.map((line) => {
    const found = /^ {2}([abcd]) = (\1 < .*);$/.exec(line);
    return found ? put(found[1], found[2]) : line.replace(/return \[.*\];/, "return bytes.subarray(0, 4);");
  });
  frame.fields.forEach(({ round }, i) => {
    if (round === undefined) out.push(put(names[i], names[i]));
  });
  if (last < 6) out.push("  w[3] = 0;");
  const isChanged = (name: string): boolean => out.some((line) => line.includes(`) ${name} = `));
  const fixed = (line: string): string =>
    line.replace(/^ {2}let ([abcd]) /, (whole, name: string) => (isChanged(name) ? whole : `  const ${name} `));
  return ["  const w = words;", ...out.map(fixed), "  return bytes;"];
}

/** Two bits a field, ready made in two rows of 32 bits. */
function pairs(words: [string, string]): Encoded {
  const fields = words.map((from, i): FrameField => ({ at: 4 * i, as: "u32", from, label: "" }));
  const lines = fields.map((field, i) => `  const ${"ab"[i]} = v[slot.${camel(field.from)}];`);
  return {
    lines: [...lines, ...whenUnknown(["a", "b"], "return undefined")],
    bytes: fields.flatMap((field, i) => bytesOf(field, "ab"[i])),
  };
}

/** The id of a cell or a sensor as text, from its number. */
function place({ fields: [field] }: CanFrame): Encoded {
  const lines = [`  const a = v[slot.${camel(field.from)}];`, ...whenUnknown(["a"], "return undefined")];
  const isSensor = field.as === "sensor";
  if (isSensor) lines.push("  if (a === 3) return [73, 78, 84, 0, 0, 0, 0, 0]; // INT");
  else lines.push("  if (a > 9) return [67, 49, a + 38, 0, 0, 0, 0, 0]; // C10..");
  return { lines, bytes: [isSensor ? "84" : "67", "a + 48", ..."000000"] };
}

const described = (frame: CanFrame): string =>
  `${frame.name}: ${frame.words ? "two bits a field" : frame.fields.map((field) => field.label).join(", ")}`;

/** The body of an encoder. */
function encoderLines(frame: CanFrame): string[] {
  const isPlace = frame.fields[0].as === "cell" || frame.fields[0].as === "sensor";
  const { lines, bytes } = frame.words ? pairs(frame.words) : isPlace ? place(frame) : numbers(frame);
  return [...lines, `  return [${bytes.join(", ")}];`];
}

const nameOf = (frame: CanFrame): string => `frame${frame.id.toString(16).toUpperCase()}`;

function encoder(frame: CanFrame): string {
  return `/** ${described(frame)}. */
function ${nameOf(frame)}(v: Float64Array): Uint8Array | undefined {
${encoderInWords(frame).join("\n")}
}`;
}

/** Bits of a field in its frame. */
const BITS: Record<FrameField["as"], number> = {
  u16: 16,
  i16: 16,
  u32: 32,
  version: 16,
  cell: 64,
  sensor: 64,
  text: 64,
  pair: 2,
};

const idOf = (frame: CanFrame): string => `frame 0x${frame.id.toString(16).toUpperCase()} (${frame.name})`;

/** Where a field stands, for a person. */
function whereOf({ label, at, bit, as }: FrameField): string {
  if (as === "pair") return `"${label}" (byte ${at}, bits ${bit} and ${(bit ?? 0) + 1})`;
  return `"${label}" (${as}, bytes ${at} to ${at + BITS[as] / 8 - 1})`;
}

/** Refuses, in one line: fields that reach over the 8 bytes of a frame or into another field, values without a slot. */
export function refuseFields(frames: CanFrame[]): void {
  for (const frame of frames) {
    const owner: FrameField[] = [];
    for (const field of frame.fields) {
      const from = 8 * field.at + (field.bit ?? 0);
      if (from < 0 || from + BITS[field.as] > 64)
        throw new Error(
          `tables/frames.ts: ${idOf(frame)}: ${whereOf(field)} does not fit into bytes 0 to 7: move it or make it shorter`,
        );
      for (let bit = from; bit < from + BITS[field.as]; bit++) {
        if (owner[bit])
          throw new Error(
            `tables/frames.ts: ${idOf(frame)}: ${whereOf(field)} overlaps ${whereOf(owner[bit])}` +
              ` in byte ${bit >> 3}: change its column at`,
          );
        owner[bit] = field;
      }
      const fault = field.as === "text" || field.as === "pair" ? "" : slotFault(field.from);
      if (fault) throw new Error(`tables/frames.ts: ${idOf(frame)}: "${field.label}": ${fault}`);
    }
    if (frame.fields.some(({ as }) => as === "pair") !== !!frame.words)
      throw new Error(`tables/frames.ts: ${idOf(frame)}: fields of two bits (pair) need the column words, others none`);
    for (const word of frame.words ?? []) {
      const fault = slotFault(word);
      if (fault) throw new Error(`tables/frames.ts: ${idOf(frame)}: words: ${fault}`);
    }
    if (!frame.words && frame.fields.length > 4)
      throw new Error(`tables/frames.ts: ${idOf(frame)}: ${frame.fields.length} fields; the baker knows 4 a frame`);
  }
}

/** The task counts on the order of the table, and on ten seconds being enough for all that come each ten. */
function refuseOrder(): void {
  const order = [
    ...fastFrames,
    ...placeFrames,
    ...canFrames.filter((frame) => frame.every === 10000 && !textFrames.includes(frame)),
    ...textFrames,
  ];
  if (order.some((frame, i) => frame !== canFrames[i]))
    throw new Error("frames: each second, each two, then numbers and texts of each ten");
  if (placeFrames.length !== 4 || canFrames.length - fastFrames.length - placeFrames.length > 10) {
    throw new Error("frames: the seconds do not suffice");
  }
  if (canFrames[0].id !== 0x351) throw new Error("frames: the limits come first");
}

/** firmware/victron/frames.baked.ts */
export function bakeFrames(): string {
  refuseFields(canFrames);
  refuseOrder();
  const rare = canFrames.filter((frame) => !fastFrames.includes(frame) && !textFrames.includes(frame));
  const rowOf = (id: number): number => canFrames.findIndex((frame) => frame.id === id);
  const blocks = rare.map(
    (frame) => `  if (row === ${canFrames.indexOf(frame)}) { // ${described(frame)}
${encoderLines(frame)
  .map((line) => "  " + line)
  .join("\n")}
  }`,
  );
  return `${header("tables/frames.ts")}import * as slot from "../battery/registers.baked";

const words = new Uint16Array(4), bytes = new Uint8Array(words.buffer);

${fastFrames.map(encoder).join("\n\n")}

/** Rows of the table: where those of each two seconds begin, those of each ten, the texts of them; the alarms. */
export const EACH_TWO = ${fastFrames.length}, EACH_TEN = ${fastFrames.length + placeFrames.length}, TEXTS = ${canFrames.length - textFrames.length};
export const ALARMS_ROW = ${rowOf(0x35a)};
/** Identifiers, and whether sent while the battery is lost; the first frame carries the limits. */
export const frameIds = new Uint16Array([${canFrames.map((frame) => frame.id).join(", ")}]);
export const frameWhenLost = new Uint8Array([${canFrames.map((frame) => (frame.lost ? 1 : 0)).join(", ")}]);

/**
 * Data bytes of the frames of each second from the snapshot's values, undefined when a needed value is unknown. All of
 * them use the same bytes: they count until the next call.
 */
export const encoders: ((v: Float64Array) => Uint8Array | undefined)[] =
  [${fastFrames.map(nameOf).join(", ")}];

/** Data bytes of a rarer frame, by its row; undefined too for those of text. */
export function rareFrame(row: number, v: Float64Array): number[] | undefined {
${blocks.join("\n")}
  return undefined;
}
`;
}
