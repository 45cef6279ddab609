import type { Client } from "../client.ts";
import { plain } from "../paint.ts";
import { Providers } from "../shapes.ts";
import type { Finding } from "./finding.ts";

/** Without its engine nodoff knows no route, and lets everything through. */
export async function examineEngines(client: Client): Promise<readonly Finding[]> {
  const { providers } = await client.get("providers", Providers);
  return providers.flatMap(({ name, connected, error }) => {
    const text = `${name} is not connected${error === null ? "" : `: ${plain(error.message)}`}`;
    return connected ? [] : [{ check: "engine", result: "error", code: "engine_away", text } as const];
  });
}
