// Lint. Over firmware/ it refuses what Espruino lacks or reads differently (tools/build/refused.ts and rules.ts, which also
// check the built image); elsewhere the usual rules.
import tseslint from "typescript-eslint";
import { tsImport } from "tsx/esm/api";

const { refused } = await tsImport("./tools/build/refused.ts", import.meta.url);
const { espruino } = await tsImport("./tools/build/rules.ts", import.meta.url);
const { authoredTables } = await tsImport("./tools/build/tables.ts", import.meta.url);

const noThis = { selector: "ThisExpression", message: "plain functions over a small object; `this` is for drivers" };

export default tseslint.config(
  // JavaScript files are scripts for the interpreter, written in its language.
  { ignores: ["dist/**", "node_modules/**", "**/fixtures/**", "**/*.d.ts", "**/*.js"] },
  { linterOptions: { noInlineConfig: true } },
  ...tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" },
      ],
    },
  },
  {
    files: ["firmware/**/*.ts", "tools/**/*.ts"],
    ignores: ["**/*.baked.ts", "**/*.baked.cold.ts"],
    rules: { "max-lines-per-function": ["error", { max: 55 }] },
  },
  {
    files: ["firmware/**/*.ts"],
    ignores: authoredTables.map((table) => `firmware/${table}.ts`), // written as tools are
    plugins: { espruino },
    rules: {
      ...Object.fromEntries(Object.keys(espruino.rules).map((name) => ["espruino/" + name, "error"])),
      "espruino/known-globals": ["error", "language"],
      "no-restricted-syntax": ["error", ...refused, noThis],
      "no-restricted-globals": [
        "error",
        ...["Date", "getTime"].map((name) => ({ name, message: "only drivers/natives.ts reads the time" })),
      ],
      "no-loop-func": "error",
      "@typescript-eslint/no-shadow": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-require-imports": "off",
    },
  },
  {
    files: ["firmware/drivers/**/*.ts"],
    rules: { "espruino/known-globals": ["error", "device"], "no-restricted-syntax": ["error", ...refused] },
  },
  { files: ["firmware/drivers/natives.ts"], rules: { "no-restricted-globals": "off" } },
);
