// TypeScript to JavaScript, a file at a time and without a look at the types: `npm run types` checks those.
import { existsSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { transform, type TransformFailure } from "esbuild";
import type { Plugin } from "rollup";

/** The first fault of a file's syntax as `line: message`. */
function syntaxFault({ errors }: TransformFailure): string {
  const [{ location, text }] = errors as [TransformFailure["errors"][number]];
  return `${location?.line ?? 1}: ${text}`;
}

/** The rollup plugin: it finds modules that are imported without their ending, and strips their types. */
export function typescript(): Plugin {
  return {
    name: "typescript",
    resolveId(source, importer) {
      const isPath = source.startsWith(".") || isAbsolute(source),
        file = importer && isPath ? resolve(dirname(importer), source + ".ts") : "";
      return file && existsSync(file) ? file : null;
    },
    async transform(code, id) {
      if (!id.endsWith(".ts")) return null;
      try {
        const { code: js, map } = await transform(code, {
          loader: "ts",
          target: "es2015",
          sourcefile: id,
          sourcemap: true,
        });
        return { code: js, map };
      } catch (error) {
        return this.error(`${id}:${syntaxFault(error as TransformFailure)}`);
      }
    },
  };
}
