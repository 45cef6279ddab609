import { setImmediate as nextTurn } from "node:timers/promises";
import { Registry, collectDefaultMetrics } from "prom-client";
import { createFamilies } from "./families.ts";
import type { Metric } from "prom-client";
import type { Family, MetricSources, Sample } from "./families.ts";

/** `/metrics`. */
export interface Metrics {
  readonly contentType: string;
  /** The Prometheus text of this moment. Lets other work run between families. */
  text(): Promise<string>;
}

/** Samples formatted in one go: about 2 ms. All of 10,000 workloads in one turn would delay the hook by 100 ms. */
const chunkSize = 2_000;

/**
 * The metrics of contract.md plus those of Node and the process. Nothing is counted here: plain numbers are converted
 * when somebody scrapes.
 */
export function createMetrics(sources: MetricSources): Metrics {
  const families = createFamilies(sources);
  const node = new Registry();
  // 10 ms, the default, wakes an idle process 100 times a second.
  collectDefaultMetrics({ register: node, eventLoopMonitoringPrecision: 100 });
  return {
    contentType: node.contentType,
    async text() {
      const blocks: string[] = [];
      for (const family of families) blocks.push(...(await familyBlocks(family)));
      blocks.push("", (await node.metrics()).trimEnd(), "");
      return blocks.join("\n");
    },
  };
}

/** The text of one family. Its samples are of one moment, only their formatting is spread over turns. */
async function familyBlocks(family: Family): Promise<string[]> {
  const samples = [...family.collect()];
  const registry = new Registry();
  const blocks: string[] = [];
  let chunk: readonly Sample[] = [];
  registry.registerMetric(toMetric(family, () => chunk));
  for (let start = 0; start === 0 || start < samples.length; start += chunkSize) {
    chunk = samples.slice(start, start + chunkSize);
    const text = await registry.getSingleMetricAsString(family.name);
    blocks.push(start === 0 ? text : withoutHeading(text));
    await nextTurn();
  }
  return blocks;
}

/** Without the HELP and TYPE lines, which may stand only once. */
function withoutHeading(text: string): string {
  return text.slice(text.indexOf("\n", text.indexOf("\n") + 1) + 1);
}

/**
 * A collector the registry can ask. prom-client's own Counter and Gauge would keep a hash map per series to be cleared
 * and filled anew at each scrape, and its Histogram takes no finished buckets; the registry itself needs only `get`.
 */
function toMetric(family: Family, collect: () => readonly Sample[]): Metric {
  const { name, help, type } = family;
  const get = (): Promise<object> => Promise.resolve({ name, help, type, values: collect(), aggregator: "sum" });
  return { name, help, type, get } as unknown as Metric;
}
