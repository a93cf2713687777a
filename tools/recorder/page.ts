// The page as one file: script and style of page/ put together by esbuild when the recorder starts; nothing is fetched
// from elsewhere.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface Page {
  html: string;
  policy: string;
}

const ENTRY = fileURLToPath(new URL("./page/main.tsx", import.meta.url));

/** What takes a second to make is kept here. */
const KEPT = new URL("../../node_modules/.cache/recorder/", import.meta.url);

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** With names that pack better than esbuild's: 2 kB less of 60. Kept under the hash of what it is made of. */
async function shortened(script: string): Promise<string> {
  const file = new URL(`page-${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`, KEPT);
  if (existsSync(file)) return readFileSync(file, "utf8");
  const { minify } = await import("terser"),
    { code = "" } = await minify(script, { compress: false, ecma: 2020 });
  try {
    mkdirSync(KEPT, { recursive: true });
    const half = new URL(`${file.href}.${process.pid}`);
    writeFileSync(half, code);
    renameSync(half, file);
  } catch {
    // Somebody else's folder: it is made again the next time.
  }
  return code;
}

/** Script and style of the page; null when there is none. */
async function bundle(): Promise<{ script: string; style: string } | null> {
  if (!existsSync(ENTRY)) return null;
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    write: false,
    outdir: "out",
    format: "iife",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const text = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  return { script: (await shortened(text(".js"))).replaceAll("</script", "<\\/script"), style: text(".css") };
}

/** The page with the policy that lets exactly its own script and style run. */
export async function buildPage(): Promise<Page> {
  const made = await bundle();
  const script =
      made?.script ?? 'document.getElementById("app").textContent = "The recorder runs. Its API: /openapi.json";',
    style = made?.style ?? "";
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Fleet</title>
<link rel="icon" href="data:,"><style>${style}</style></head><body><div id="app"></div><script>${script}</script></body></html>
`;
  const none = ["base-uri", "form-action", "frame-ancestors"].map((name) => `${name} 'none'`).join("; ");
  const own = `script-src ${hashOf(script)}; style-src ${hashOf(style)}; connect-src 'self'; img-src data:`;
  const policy = `default-src 'none'; ${own}; ${none}`;
  return { html, policy };
}
