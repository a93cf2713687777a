// The list of fields (firmware/publish/fields.md) has exactly the members that the firmware sends.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { liveText } from "../../firmware/api/status.cold";
import { snapshotOf } from "../../firmware/battery/snapshot";
import { limitsOf } from "../../firmware/charge/limits";
import { whyText } from "../../firmware/charge/why.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { stateMessage } from "../../firmware/publish/messages";
import { limitsMessage, stateNames } from "../../firmware/publish/messages.cold";
import { bakeMessages, messages } from "../../tools/bake/messages";
import { startHost } from "../../tools/host/run";
import { imageText } from "../system/rig";

const listed = (name: string): string[] =>
  messages.find((one) => one.name === name)!.fields.map(({ member }) => member);
/** Members of a JSON text, those of a member as `a.b`. */
const pathsOf = (json: string): string[] => {
  const under = (value: unknown, path: string): string[] =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([name, inner]) => under(inner, path ? `${path}.${name}` : name))
      : [path];
  return under(JSON.parse(json), "");
};
const membersOf = (json: string): string[] => Object.keys(JSON.parse(json) as object);

describe("the list of fields", () => {
  const s = snapshotOf(),
    limits = limitsOf();
  before(() => setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")));

  it("has the members of rt/state", () => {
    const sent = membersOf(stateMessage(s, stateNames(s, limits, null), ',"time":"2026-02-03T09:59:00Z"'));
    assert.deepEqual(listed("`rt/state`").sort(), sent.sort());
  });

  it("has the members of rt/limits", () => {
    const sent = membersOf(limitsMessage(s, limits, 5, ',"time":"2026-02-03T09:59:00Z"'));
    assert.deepEqual(listed("`rt/limits`").sort(), sent.sort());
  });

  it("has the members of /api/status that the tables know", () => {
    const text = liveText(s, limits, 5) + "," + whyText(limits) + "}}",
      status = JSON.parse(text) as { live_data: object; limits: object };
    assert.deepEqual(listed("`GET /api/status`, `live_data`"), Object.keys(status.live_data));
    const behind = ["broken_rules", "notes", "history"];
    assert.deepEqual(listed("`GET /api/status`, `limits`"), [...Object.keys(status.limits), ...behind]);
  });

  it("has the members of everything that a running device says", async function () {
    const host = await startHost({
      imageText: await imageText(),
      timeScale: 10,
      settings: { mqtt: { enabled: true }, battery: { chemistry: "lfp" } },
    });
    try {
      const last = (topic: string): string | undefined =>
        host.broker!.messages.findLast((message) => message.topic === `${host.topic}/${topic}`)?.payload;
      const topics = messages
        .map(({ name }) => /^`([^ ]+)`$/.exec(name)?.[1])
        .filter((name) => name !== undefined && !/^rt\/(state|limits)$/.test(name)) as string[];
      await host.until("a message of each topic", () => topics.every((topic) => last(topic)), 200_000);
      for (const topic of topics) assert.deepEqual(pathsOf(last(topic)!).sort(), listed(`\`${topic}\``).sort(), topic);

      const answer = await (await fetch(`${host.httpUrl}/api/status`)).text(),
        status = JSON.parse(answer) as Record<string, unknown>;
      for (const [member, value] of Object.entries(status)) {
        if (typeof value !== "object" || value === null) continue;
        const one: unknown = Array.isArray(value) ? value[0] : value,
          name = Array.isArray(value) ? `${member}[]` : member;
        if (one !== undefined)
          assert.deepEqual(pathsOf(JSON.stringify(one)), listed(`\`GET /api/status\`, \`${name}\``), name);
      }
    } finally {
      await host.stop();
    }
  });

  it("says unit, meaning and source of each", () => {
    const lines = bakeMessages().split("\n");
    assert.ok(lines.includes("| `v` | V | Battery pack voltage | registers 36 to 37 (`pack_voltage`) |"), lines[10]);
    for (const { fields } of messages)
      for (const { member, row, meaning } of fields) assert.ok(row ?? meaning, `${member} says nothing`);
  });
});
