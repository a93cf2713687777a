// For drizzle-kit: makes the next migration of a change in schema.ts (`npm run recorder:schema`).
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  casing: "snake_case",
  schema: "tools/recorder/schema.ts",
  out: "tools/recorder/migrations",
});
