// `npm run recorder`: its sources are put together as one file, and that is run. Module by module, as tsx takes them,
// a thousand of them go through its thread, npm's too: that is most of a start.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const main = new URL("./main.ts", import.meta.url),
  /** Below node_modules: packages are found from there. */
  folder = new URL("../../node_modules/.cache/recorder/", import.meta.url);

function bundle() {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(main)],
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    write: false,
    // What looks for a file beside itself lies in this folder.
    define: { "import.meta.url": JSON.stringify(main.href) },
  });
  return outputFiles[0].text;
}

/** A file with this text. Its name is the text's, so that whoever runs an older one keeps it. */
function kept(text) {
  const file = new URL(`main-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`, folder),
    half = new URL(`${file.href}.${process.pid}`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  writeFileSync(half, text);
  renameSync(half, file);
  return file;
}

/** The program to run; in somebody else's folder, where nothing can be kept, it is the sources after all. */
async function program() {
  try {
    return kept(bundle());
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(error.code)) throw error;
    (await import("tsx/esm/api")).register();
    return main;
  }
}

await import((await program()).href);
