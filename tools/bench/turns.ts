// The longest turns of the main loop by what goes on, on the modelled chip, cold functions counted: from begin to end
// of a turn nobody looks at the UART. `node --import tsx tools/bench/turns.ts`, or a part of `npm run bench`.
import { pathToFileURL } from "node:url";
import { buildImage } from "../build/image";
import { turnWeights } from "../host/costs";
import { startVirtual, type VirtualRig } from "../host/virtual";

/** Everything has been published once; then how long each kind is watched, ms. */
const SETTLED_MS = 90_000,
  WATCHED_MS = 20_000;

/** What is begun, by name. */
const KINDS: Record<string, (rig: VirtualRig, topic: (suffix: string) => string) => void> = {
  "nothing asked": () => undefined,
  "GET /api/status": (rig) => rig.get("/api/status"),
  "GET /api/config": (rig) => rig.get("/api/config"),
  "PUT /api/config: log": (rig) => rig.put("/api/config", { log: { level: "debug" } }),
  "PUT /api/config: battery": (rig) => rig.put("/api/config", { battery: { v_offset: 0.1 } }),
  "PUT /api/config: mqtt": (rig) => rig.put("/api/config", { mqtt: { heartbeat_ms: 2000 } }),
  "PUT /api/config: retain": (rig) => rig.put("/api/config", { retain: { config: false, telemetry: false } }),
  "PUT /api/config: base topic": (rig) => rig.put("/api/config", { mqtt: { baseTopic: "other" } }),
  "cfg/set": (rig, topic) => rig.broker.send(topic("cfg/set"), '{"log":{"level":"info"}}'),
  "publish.all": (rig, topic) => rig.broker.send(topic("cmd"), '{"cmd":"publish.all"}'),
  "a new connection": (rig) => {
    rig.broker.switch(false);
    rig.broker.switch(true);
  },
};

/** The longest turn while something goes on: M instructions, and what its callbacks were. */
export interface Longest {
  kind: string;
  most: number;
  whats: string[];
}

/** The longest turns by kind. */
export function longestTurns(image: string, espruino: string): Longest[] {
  const rig = startVirtual({ image, seed: 1, scenario: "charge", espruino, weights: turnWeights() });
  let longest = { most: 0, whats: [] as string[] };
  rig.turned.push((instructions, whats) => {
    if (instructions / 1e6 > longest.most) longest = { most: instructions / 1e6, whats };
  });
  rig.clock.run(SETTLED_MS);
  return Object.entries(KINDS).map(([kind, begin]) => {
    const status = [...rig.broker.newest.keys()].reverse().find((topic) => topic.endsWith("/rt/state"))!;
    longest = { most: 0, whats: [] };
    begin(rig, (suffix) => status.replace("rt/state", suffix));
    rig.clock.run(WATCHED_MS);
    return { kind, ...longest };
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href)
  for (const { kind, most, whats } of longestTurns((await buildImage({ board: "host" })).code, "newest"))
    console.log(`${kind.padEnd(30)} ${most.toFixed(1).padStart(6)} M  ${whats.join(" ")}`);
