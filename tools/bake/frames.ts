// Bakes the CAN frame table: one straight function a frame, values in, data bytes out.
import { canFrames, type CanFrame, type FrameField } from "../../firmware/victron/frames";
import { camel, header, slotOf } from "./names";

const BOUNDS = { u16: [0, 65535], i16: [-32768, 32767] } as const;

/** Added before a value is made whole, so that 58.1 x 10 = 580.99... still counts as 581. */
const SLACK = "1e-6";

/** Lines that make `name` the clamped raw integer of a field. */
function rawLines(field: FrameField, name: string): string[] {
  const type = field.as === "i16" ? "i16" : "u16", per = field.per ?? 1, add = field.add ?? 0;
  const low = Math.max(BOUNDS[type][0] - add, (field.min ?? -Infinity) * per), high = Math.min(BOUNDS[type][1] - add, (field.max ?? Infinity) * per);
  const nearest = low < 0 ? `${name} < 0 ? ${name} - 0.500001 : ${name} + 0.500001` : `${name} + 0.500001`;
  const whole = field.round === "floor" ? `${name} + ${SLACK} | 0` : `(${nearest}) | 0`;
  return [`  ${name} = ${name} < ${low} ? ${low} : ${name} > ${high} ? ${high} : ${whole};`];
}

function readLine(field: FrameField, name: string): string {
  const per = field.per && field.per !== 1 ? ` * ${field.per}` : "";
  return `  let ${name} = v[r.${camel(field.from)}]${per};`;
}

interface Encoded { lines: string[]; bytes: string[] }

/** Unknown values silence the frame, but for those with \`absent\` and those behind \`shortAt\`. */
function numbers(frame: CanFrame): Encoded {
  const lines: string[] = [], bytes: string[] = Array.from({ length: 8 }, () => "0");
  const named = frame.fields.filter((field) => field.as !== "pair").map((field, i) => ({ field, name: "abcd"[i] }));
  named.forEach(({ field }) => slotOf(field.from));
  named.forEach(({ field, name }) => lines.push(readLine(field, name)));
  const needed = named.filter(({ field }) => field.absent === undefined && !(frame.shortAt !== undefined && field.at >= frame.shortAt));
  lines.push(`  if (isNaN(${needed.map(({ name }) => name).join(" + ")})) return undefined;`);
  const short = named.filter(({ field }) => frame.shortAt !== undefined && field.at >= frame.shortAt);
  for (const { field, name } of named) {
    if (field.absent !== undefined) lines.push(`  if (isNaN(${name})) ${name} = ${field.absent * (field.per ?? 1)};`);
  }
  const known = named.filter((entry) => !short.includes(entry));
  known.forEach(({ field, name }) => lines.push(...rawLines(field, name)));
  const put = ({ field, name }: { field: FrameField; name: string }): void => {
    const value = field.add ? `${name} + ${field.add}` : name;
    bytes[field.at] = field.add ? `(${value}) & 255` : `${value} & 255`;
    bytes[field.at + 1] = field.add ? `(${value}) >> 8 & 255` : `${value} >> 8 & 255`;
  };
  known.forEach(put);
  if (short.length) {
    lines.push(`  if (isNaN(${short.map(({ name }) => name).join(" + ")})) return [${bytes.slice(0, frame.shortAt).join(", ")}];`);
    short.forEach(({ field, name }) => lines.push(...rawLines(field, name)));
    short.forEach(put);
  }
  return { lines, bytes };
}

/** Two bits a field: 1 active, 2 inactive, 0 not supported (protocol, chapter 3, 0x35A). */
function pairs(frame: CanFrame): Encoded {
  const lines: string[] = [], bytes: string[] = Array.from({ length: 8 }, () => "0");
  for (const field of frame.fields) {
    slotOf(field.from);
    const bit = field.bit ?? 0, pair = `(v[r.${camel(field.from)}] >= ${field.active} ? ${1 << bit} : ${2 << bit})`;
    bytes[field.at] = bytes[field.at] === "0" ? pair : `${bytes[field.at]} | ${pair}`;
  }
  return { lines, bytes };
}

function encoder(frame: CanFrame): string {
  const name = `frame${frame.id.toString(16).toUpperCase()}`;
  if (frame.fields[0].as === "text") return `const ${name} = ${JSON.stringify(frame.fields[0].from)}; // text of a setting`;
  const { lines, bytes } = frame.fields[0].as === "pair" ? pairs(frame) : numbers(frame);
  return `/** ${frame.name}: ${frame.fields.map((field) => field.label).join(", ")}. */
function ${name}(v: Float64Array): number[] | undefined {
${[...lines, `  return [${bytes.join(", ")}];`].join("\n")}
}`;
}

/** firmware/victron/frames.baked.ts */
export function bakeFrames(): string {
  const list = (values: (string | number)[]): string => `[${values.join(", ")}]`;
  return `${header("victron/frames.ts")}import * as r from "../battery/registers.baked";

${canFrames.filter((frame) => frame.fields[0].as !== "text").map(encoder).join("\n\n")}

/** Identifiers, periods in units of 100 ms, whether sent while the battery is lost; the first frame carries the limits. */
export const frameIds = new Uint16Array(${list(canFrames.map((frame) => frame.id))});
export const frameEvery = new Uint8Array(${list(canFrames.map((frame) => frame.every / 100))});
export const frameWhenLost = new Uint8Array(${list(canFrames.map((frame) => (frame.lost ? 1 : 0)))});

/** Data bytes of each frame from the snapshot's values, undefined when a needed value is unknown; null where a setting gives the text. */
export const encoders: (((v: Float64Array) => number[] | undefined) | null)[] =
  ${list(canFrames.map((frame) => (frame.fields[0].as === "text" ? "null" : `frame${frame.id.toString(16).toUpperCase()}`)))};
`;
}
