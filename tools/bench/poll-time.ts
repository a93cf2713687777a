// How long a fast poll takes in real time: from the last byte of its request at the TinyBMS to the stamped snapshot, over the time of
// its bytes at 115200 baud. Espruino for Linux looks at a serial port each millisecond while bytes move, else each 50 ms: a second
// port on which there is always something to send keeps it looking, as the chip's interrupt does.
import { startSystem, type System } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { buildUnitImage } from "./units";

const POLLS = 500, POLL_MS = 100, FAST_REQUEST = "\xaa\x07\x11\x24\x00", REQUEST_BYTES = 7, REPLY_BYTES = 39;
/** Bytes of a fast poll, request and reply, on the wire, ms. */
export const WIRE_MS = (REQUEST_BYTES + REPLY_BYTES) * 10000 / 115200;

/** When the last byte of each fast request was there, ms. */
function requestEnds(requests: System["requests"]): number[] {
  const at = requests.flatMap((request) => Array.from(request.bytes, () => request.at)), ends: number[] = [];
  const text = requests.map(({ bytes }) => Buffer.from(bytes).toString("latin1")).join("");
  for (let i = text.indexOf(FAST_REQUEST); i >= 0; i = text.indexOf(FAST_REQUEST, i + 1)) ends.push(at[i + REQUEST_BYTES - 1] ?? Infinity);
  return ends;
}

/** Milliseconds of some hundred polls, the shortest first. Needs the interpreter. */
export async function pollTimes(): Promise<number[]> {
  const image = await buildUnitImage(), settings = { uart: { poll_ms: POLL_MS } };
  const system = await startSystem({ image, settings, scenario: "charge", broker: "none", gx: false });
  try {
    await until("frames", 20_000, () => system.frames().length > 8);
    system.tell(`Serial2.setup(115200,{path:"/dev/null"});setInterval(function(){Serial2.write("..")},1)`);
    for (let i = 0; i < POLLS; i++) {
      system.tell("bench.stamp()");
      await sleep(POLL_MS + 7); // never twice in the same phase of a poll
    }
    const stamps = system.console.lines.flatMap((line) => /^stamp ([\d.]+)/.exec(line)?.[1] ?? []).map(Number);
    const ends = requestEnds(system.requests);
    const times = stamps.flatMap((stamp) => { const end = ends.filter((at) => at < stamp).pop(); return end === undefined ? [] : [stamp - end]; });
    return times.sort((a, b) => a - b);
  } finally {
    await system.stop();
  }
}
