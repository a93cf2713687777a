// The commands that the READMEs show, run in a shell as a reader types them: only ports, places and the token are
// filled in. What is shown as their output must come. A command that is shown needs a row here.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../tools/build/board";
import { freePort, until } from "../tools/rig/wait";
import { codeBlocks, readmes, withoutBlocks } from "./readmes";

/** A first `npm start` builds its image. */
const START_MS = 600_000,
  COMMAND_MS = 300_000,
  /** Looks at the broker until it has sent everything that is shown. */
  MOST_LOOKS = 30;

/** Commands that are not run here, and who does. */
const ELSEWHERE: Record<string, string> = {
  "npm ci": ".ci/run",
  "npm ci && npm start": "the second half here, the first by .ci/run",
  "npm ci && npm test": ".ci/run",
  "npm test": "this is it",
  "npm run lint": "test/tidy.test.ts",
  "npm run types": "test/tidy.test.ts",
  "npm run bake": "test/build compares what it writes with what is committed",
  "npx mocha test/tidy.test.ts": "npm test",
  "npm run bench": "longer than a test may take; test/interpreter counts with its parts",
  "npm run mutate -- --seed 1 --count 100": "hours; test/tools/mutate.test.ts",
  "npm run soak": "hours; npm test has short forms",
  "npm run test:node-red": "installs Node-RED; test/node-red when that is there",
  "npm run test:versions": "hours; test/tools/versions.test.ts",
  "npm run flash": "needs a device; test/build/flash.test.ts has a console that loses blocks",
  "npm run flash -- --port /dev/ttyUSB0 --board <name>": "the same",
  "npm run flash -- --port /dev/ttyUSB0 --board esp32-devkit": "the same",
  "npm run flash -- --port /dev/ttyUSB0 --board esp32-devkit --espruino espruino_2v29_esp32.tgz":
    "test/tools/flash-way.test.ts",
  "npm run setup": "needs a device; test/tools/setup.test.ts",
  "npm run setup -- --port /dev/ttyUSB0": "the same",
  "npm run setup -- --url http://192.168.1.20": "the same",
  "npx espruino -p /dev/ttyUSB0 -b 115200 --no-ble --board boards/ESP32.json --config SAVE_ON_SEND=1 dist/firmware.js":
    "needs a device",
  "BOARD=esp32-devkit npm run build": "test/build/image.test.ts",
  "BOARD=<name> npm run build": "test/build/image.test.ts",
  "npm start -- --bms /dev/ttyUSB0": "test/host/bms-line.test.ts",
  "npm start -- --fault silence@20+60":
    "test/simulator/line.test.ts has its time, test/system/silence.test.ts what follows",
  [`curl -d '{"scenario":"charge","speed":20,"fault":"silence@0+30"}' http://127.0.0.1:8082/`]:
    "test/host/stage.test.ts",
  "npm run -s decode -- --stdin": "test/tinybms",
  "curl -u admin:PASSWORD -X PUT ...": "test/api/routes.test.ts",
  "npm run -s bms": "its sub-commands here",
  "npm ci && npm run recorder": "test/recorder/commands.test.ts",
  "npm run recorder": "test/recorder/commands.test.ts",
  "npm run recorder -- drain": "test/recorder/commands.test.ts",
  "npm run recorder -- --demo 50": "test/recorder/brokers.test.ts",
  "MQTT_BROKER=mqtt://host DATABASE_URL=postgres://user:pass@host/name RECORDER_TOKEN=... npm run recorder -- --address 0.0.0.0":
    "test/recorder/commands.test.ts",
  "npm run recorder:schema": "writes a migration when the schema changes",
};

const COMMAND = /^(?:[A-Z_]+=\S+ )*(?:npm|npx|curl|echo) /;

/** What a README shows to be typed: lines of its blocks without a language, and code in its sentences. */
function commandsIn(text: string): string[] {
  const lines = codeBlocks(text)
      .filter(({ language }) => language === "")
      .flatMap(({ body }) => body.split("\n").map((line) => line.trim().replace(/^\$ /, "").split(/ {3,}/)[0]!)),
    spans = [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  return [...lines, ...spans].filter((code) => COMMAND.test(code));
}

/** The names of a JSON text's members, also of one that is shortened by `...`. */
const namesIn = (json: string): string[] => [...new Set([...json.matchAll(/"([\w/]+)":/g)].map(([, name]) => name!))];

const hasText = (file: string): boolean => existsSync(file) && readFileSync(file, "utf8").length > 100;

const isShown = new Set(readmes().flatMap(({ text }) => commandsIn(text))),
  isRun = new Set<string>();
const readme = (path: string): string => readFileSync(join(root, path), "utf8");

describe("READMEs: commands do what is shown", () => {
  const folder = mkdtempSync(join(tmpdir(), "readme-")),
    running = new Set<ChildProcess>(),
    environment: NodeJS.ProcessEnv = { ...process.env, XDG_STATE_HOME: join(folder, "state") };

  interface Shell {
    text: () => string;
    ended: Promise<number | null>;
    /** Resolves when the output has it; rejects with the output when the command ends or takes too long. */
    shows: (wanted: RegExp, limit_ms?: number) => Promise<RegExpExecArray>;
    /** As Ctrl-C does. */
    interrupt: () => Promise<void>;
  }

  /** Types a command that a README shows; `typed` is what the reader makes of it. */
  function type(shown: string, typed = shown): Shell {
    assert.ok(isShown.has(shown), `no README shows ${shown}`);
    isRun.add(shown);
    const child = spawn("sh", ["-c", typed], {
      cwd: root,
      env: environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += String(data)));
    const ended = new Promise<number | null>((resolve) =>
      child.on("close", (status) => {
        running.delete(child);
        resolve(status);
      }),
    );
    const shows = (wanted: RegExp, limit_ms = COMMAND_MS): Promise<RegExpExecArray> =>
      until(`${wanted} of ${typed}`, limit_ms, () => {
        const found = wanted.exec(text);
        assert.ok(found || running.has(child), `${typed} ended without ${wanted}:\n${text}`);
        return found;
      });
    return {
      text: () => text,
      ended,
      shows,
      interrupt: async () => {
        process.kill(-child.pid!, "SIGINT");
        await ended;
      },
    };
  }

  /** The output of a command that ends well. */
  async function output(shown: string, typed = shown): Promise<string> {
    const shell = type(shown, typed);
    assert.equal(await shell.ended, 0, `${typed}:\n${shell.text()}`);
    return shell.text();
  }

  after(() => {
    for (const child of running) process.kill(-child.pid!, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  describe("a running gateway", () => {
    const log = join(folder, "can.log");
    let gateway: Shell, http: string, token: string, pass: string;

    before(async () => {
      gateway = type("npm start -- --candump FILE", `npm start -- --candump ${log}`);
      isRun.add("npm start");
      await gateway.shows(/MQTT up {2}CAN \d+\/s/, START_MS);
      http = (await gateway.shows(/127\.0\.0\.1:\d+(?=\/api\/status)/))[0];
      token = (await gateway.shows(/^Token {5}(\w+)/m))[1]!;
      pass = (await gateway.shows(/^Login {5}admin, password: (\S+)/m))[1]!;
      environment.MQTT_BROKER = (await gateway.shows(/mqtt:\/\/[\d.]+:\d+/))[0];
    });
    after(async () => {
      delete environment.MQTT_BROKER;
      await gateway.interrupt();
    });

    it("says where everything is", () => {
      const shown = codeBlocks(readme("README.md")).find(({ body }) =>
        body.startsWith("The gateway's image runs"),
      )!.body;
      const heads = [...shown.matchAll(/^([A-Z]\w+) {3}/gm)].map(([, head]) => head!);
      assert.ok(heads.length >= 5);
      for (const head of heads) assert.match(gateway.text(), new RegExp(`^${head} {3}`, "m"));
    });

    it("its status has what is shown", async () => {
      const shown = codeBlocks(readme("README.md")).find(({ body }) => body.startsWith('{"live_data"'))!.body,
        told = await output("curl localhost:8080/api/status", `curl -s ${http}/api/status`);
      const has = namesIn(told);
      assert.deepEqual(
        namesIn(shown).filter((name) => !has.includes(name)),
        [],
      );
    });

    it("its topics have what is shown", async () => {
      const shown = codeBlocks(readme("README.md")).find(({ body }) => body.startsWith("tinybms/"))!.body;
      const lines = shown.trim().split("\n");
      const suffixOf = (line: string): string => line.split(" ")[0]!.split("/").slice(2).join("/");
      // What is not retained comes when it changes: one look may be too short for all of it.
      let text = "";
      for (let looks = 0; looks < MOST_LOOKS && !lines.every((line) => text.includes(`"${suffixOf(line)}"`)); looks++)
        text += await output("npm run -s watch -- --once --json");
      for (const line of lines) {
        const suffix = suffixOf(line),
          names = namesIn(text);
        assert.ok(text.includes(`"${suffix}"`), `${suffix} in ${text.slice(0, 2000)}`);
        assert.deepEqual(
          namesIn(line).filter((name) => !names.includes(name)),
          [],
          suffix,
        );
      }
    });

    it("a setting is changed as shown, and refused as shown", async () => {
      const shown = [...isShown].find(
          (command) => command.startsWith("curl -X PUT") && command.includes("4b070c2f91d3a680"),
        )!,
        typed = shown.replace("4b070c2f91d3a680", token).replace("localhost:8080", http).replace("curl", "curl -s"),
        page = readme("firmware/api/README.md");
      const answer = codeBlocks(page)
          .find(({ body }) => body.startsWith("curl"))!
          .body.split("\n")[1]!,
        refusal = codeBlocks(page)
          .find(({ body }) => body.startsWith('{"ok":false'))!
          .body.trim();
      assert.equal((await output(shown, typed)).trim(), answer);
      assert.equal((await output(shown, typed.replace("100}", "751}"))).trim(), refusal);
      const first = [...isShown].find((command) => command.includes("http://DEVICE"))!;
      const told = await output(
        first,
        first.replace("PASSWORD", pass).replace("http://DEVICE", http).replace("curl", "curl -s"),
      );
      assert.match(told, /^\{"ok":true,"changed":\["can\/limits.cclMax","can\/limits.dclMax"\]/);
    });

    it("MQTT can be watched", async () => {
      for (const [shown, wanted] of [
        ["npm run -s watch", /rt\/state/],
        ["npm run -s watch -- --filter rt/reg --device ESP32-A1B2C3", /rt\/reg\/\w+/],
      ] as const) {
        const device = /tinybms\/(\S+?)\/\.\.\./.exec(gateway.text())![1]!;
        const watch = type(shown, shown.replace("ESP32-A1B2C3", device));
        await watch.shows(wanted);
        await watch.interrupt();
      }
    });

    it("its frames can be read", async () => {
      assert.match(await output("npm run -s candump -- FILE", `npm run -s candump -- ${log}`), /CVL/);
    });
  });

  describe("tools", () => {
    it("npm start explains itself, and plays a scenario", async () => {
      assert.match(await output("npm start -- --help"), /cold-morning/);
      const cold = type("npm start -- --scenario cold-morning --speed 20");
      await cold.shows(/Battery +cold-morning/, START_MS);
      await cold.interrupt();
    });

    it("a BMS is read, changed and put back", async () => {
      const port = await freePort();
      const simulator = type("npm run simulator -- --tcp 4001", `npm run simulator -- --tcp ${port}`);
      await simulator.shows(new RegExp(String(port)));
      const typed = (shown: string): string =>
        shown
          .replace(/--port \S+/, `--port tcp://127.0.0.1:${port}`)
          .replace("my.json", join(folder, "my.json"))
          .replace("line.txt", join(folder, "line.txt"));
      const bms = [...isShown].filter((command) => /^npm run -s bms -- --port/.test(command));
      assert.ok(bms.length >= 5);
      for (const shown of bms) {
        const shell = type(shown, typed(shown));
        if (/ live$/.test(shown)) await shell.shows(/State of charge/);
        else if (/ record /.test(shown))
          await until("bytes of the line", COMMAND_MS, () => hasText(join(folder, "line.txt")));
        else {
          assert.equal(await shell.ended, 0, shell.text());
          continue;
        }
        await shell.interrupt();
      }
      await simulator.interrupt();
    });

    it("charge control answers as shown", async () => {
      const block = codeBlocks(readme("firmware/charge/README.md")).find(({ body }) => body.startsWith("$ echo"))!.body,
        [typed, answer] = block.trim().split("\n") as [string, string];
      isRun.add("npm run -s whatif");
      assert.equal((await output(typed.slice(2))).trim(), answer);
      const plot = join(folder, "plot.svg");
      await output("npm run -s charge-plot -- FILE.svg", `npm run -s charge-plot -- ${plot}`);
      assert.match(readFileSync(plot, "utf8"), /^<svg/);
    });

    it("replies are decoded, frames encoded as shown", async () => {
      const decode = [...isShown].find((command) => command.startsWith('npm run -s decode -- "'))!;
      assert.equal((JSON.parse(await output(decode)) as { outcome: string }).outcome, "ok");
      const page = readme("firmware/victron/README.md").replace(/\s+/g, " "),
        [, request, frame] = /`(\{"id_hex".*?\})`, and prints `(\w+#\w+)`/.exec(page)!;
      assert.equal((await output("npm run -s encode", `echo '${request}' | npm run -s encode`)).trim(), frame);
    });

    it("the topics are listed", async () => {
      assert.match(await output("npm run -s manifest"), /rt\/reg\//);
    });

    it("the recorder explains itself", async () => {
      assert.match(await output("npm run recorder -- --help"), /--demo/);
    });
  });

  describe("all of them", () => {
    it("each command that is shown was run, or is by somebody else", () => {
      const known = new Set([...isRun, ...Object.keys(ELSEWHERE)]);
      assert.deepEqual(
        [...isShown].filter((command) => !known.has(command)),
        [],
      );
      assert.deepEqual(
        Object.keys(ELSEWHERE).filter((command) => !isShown.has(command)),
        [],
      );
    });
  });
});
