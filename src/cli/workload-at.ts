import { didYouMean } from "../config/suggest.ts";
import type { Client } from "./client.ts";
import { CommandFailure } from "./failure.ts";
import { Workload, Workloads } from "./shapes.ts";

/**
 * The workload of that alias.
 * @throws CommandFailure that names the nearest alias where there is none.
 */
export async function workloadAt(client: Client, alias: string): Promise<Workload> {
  return orUnknown(client.get(`workloads/${encodeURIComponent(alias)}`, Workload), client, alias);
}

/** The answer to something asked of a workload, or words for an alias that does not exist. */
export async function orUnknown<T>(answer: Promise<T>, client: Client, alias: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== "NOT_FOUND") throw error;
    const { workloads } = await client.get("workloads", Workloads);
    const aliases = workloads.map((workload) => workload.alias);
    throw new CommandFailure(`there is no workload "${alias}"${didYouMean(alias, aliases)}`);
  }
}
