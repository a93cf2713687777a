// A small firmware in a temporary folder, built as the real one is.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, type Image } from "../../tools/build/image";

/** Builds an image from these modules (name -> text; the entry is main.ts) for a board. Rejects as the build does. */
export async function buildProject(files: Record<string, string>, board?: string): Promise<Image> {
  const folder = mkdtempSync(join(tmpdir(), "tinybms-build-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return await buildImage({ input: join(folder, "main.ts"), board });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
