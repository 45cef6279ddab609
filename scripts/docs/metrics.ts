import { healthStatuses } from "../../src/core/health.ts";
import { decisionNames } from "../../src/core/route.ts";
import { stateNames } from "../../src/core/state.ts";
import { createBuckets, hookBoundsS, results } from "../../src/core/tallies.ts";
import { createFamilies } from "../../src/telemetry/families.ts";
import { busySources } from "./busy-sources.ts";
import { type Page, toTable, withSections } from "./page.ts";

/** docs/metrics.md: the names, their labels, and how many series they make. */
export function metricsPage(): Page {
  const families = createFamilies({ ...busySources(0), hookSeconds: createBuckets(hookBoundsS) });
  const rows = families.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
  ]);
  const words = (values: readonly string[]): string => values.map((value) => `\`${value}\``).join(", ");
  return withSections("docs/metrics.md", {
    metrics: toTable(["name", "type", "labels", "what"], rows),
    values: toTable(
      ["label", "values"],
      [
        ["`decision`", words(decisionNames)],
        ["`state`", words(stateNames)],
        ["`status`", words(healthStatuses)],
        ["`result`", words(results)],
        ["`route`, `workload`, `provider`, `signal`, `sender`, `method`", "names and words of the configuration"],
      ],
    ),
    cardinality: toTable(
      ["routes, each with a workload", "series of nodoff's own", "text"],
      [1, 100, 10_000].map(count),
    ),
  });
}

/** Series and bytes of a scrape, for so many routes that have all been woken, put to sleep and asked. */
function count(routes: number): readonly string[] {
  let series = 0;
  let bytes = 0;
  for (const { name, collect } of createFamilies(busySources(routes)))
    for (const { metricName = name, labels, value } of collect()) {
      series++;
      const text = Object.entries(labels).map(([label, word]) => `${label}="${word}"`);
      bytes += `${metricName}{${text.join(",")}} ${value}\n`.length;
    }
  return [routes.toLocaleString("en"), series.toLocaleString("en"), `${(bytes / 1_000_000).toPrecision(2)} MB`];
}
