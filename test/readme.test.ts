// What the READMEs show: links lead somewhere, files and commands that they name are there, and the first page stays
// short.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../tools/build/board";
import { readmes } from "./readmes";

const MOST_LINES = 200;

/** The anchor that a heading has, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };

describe("READMEs", () => {
  for (const { path, text } of readmes()) {
    it(`${path}: links lead somewhere`, () => {
      const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
        const [file, anchor] = link!.split("#") as [string, string | undefined];
        if (/^[a-z]+:/.test(file)) return [];
        const target = file ? join(root, dirname(path), file) : join(root, path);
        if (!existsSync(target)) return [link];
        return anchor && target.endsWith(".md") && !anchorsIn(readFileSync(target, "utf8")).includes(anchor)
          ? [link]
          : [];
      });
      assert.deepEqual(broken, []);
    });

    it(`${path}: files that it names are there`, () => {
      const missing = [
        ...text.matchAll(/`((?:firmware|tools|test|boards)\/[\w./-]+\.(?:ts|json|mjs|md|yaml|conf|sql))`/g),
      ]
        .map(([, file]) => file!)
        .filter((file) => !existsSync(join(root, file)));
      assert.deepEqual(missing, []);
    });

    it(`${path}: commands that it shows exist`, () => {
      const missing = [...text.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)]
        .map(([, name]) => name!)
        .filter((name) => !scripts[name]);
      assert.deepEqual(missing, []);
    });
  }

  it("the first page stays short", () => {
    const { length } = readFileSync(join(root, "README.md"), "utf8").split("\n");
    assert.ok(length <= MOST_LINES, `${length} lines`);
  });

  it("every room of the firmware stands in its README", () => {
    const text = readFileSync(join(root, "firmware/README.md"), "utf8"),
      rooms = readdirSync(join(root, "firmware"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(
      rooms.map(({ name }) => name).filter((name) => !new RegExp(`^  .*\\b${name}\\b`, "m").test(text)),
      [],
    );
  });
});
