import { configJsonSchema } from "../../src/config/schema.ts";
import type { Page } from "./page.ts";

/** The JSON Schema of nodoff.yaml, for editors. */
export function schemaPage(): Page {
  return { path: "nodoff.schema.json", text: `${JSON.stringify(configJsonSchema(), null, 2)}\n` };
}
