import { cliPage } from "./cli.ts";
import { configurationPage } from "./configuration.ts";
import { metricsPage } from "./metrics.ts";
import type { Page } from "./page.ts";
import { schemaPage } from "./schema.ts";

/** Everything in the repository that is made from code. */
export async function pages(): Promise<readonly Page[]> {
  return [schemaPage(), configurationPage(), await cliPage(), metricsPage()];
}
