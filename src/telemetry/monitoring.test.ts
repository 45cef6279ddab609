import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";
import { createBuckets } from "../core/tallies.ts";
import { createFamilies } from "./families.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Labels by metric name, as somebody asks for them: a histogram by its three parts. */
const known = new Map<string, readonly string[]>();
for (const { name, labels, type } of createFamilies({
  now: () => 0,
  routes: () => [],
  unknownHost: () => ({}),
  hookSeconds: createBuckets([1]),
  workloads: () => [],
  providers: () => [],
  configReloads: { ok: 0, failed: 0 },
  health: () => [],
  notices: () => [],
})) {
  if (type === "histogram")
    for (const part of ["bucket", "sum", "count"]) known.set(`${name}_${part}`, [...labels, "le"]);
  else known.set(name, labels);
}
/** Of Prometheus itself and of every Node process. */
const foreign = new Set(["up", "process_resident_memory_bytes"]);

/** What is wrong with a query: it cannot be parsed, or asks for a name or a label that does not exist. */
function faultsOf(query: string): readonly string[] {
  // Grafana puts a duration there.
  const text = query.replaceAll(/\$__rate_interval|\$__interval/g, "5m");
  const faults: string[] = [];
  const names: string[] = [];
  const labels: string[] = [];
  parser.parse(text).iterate({
    enter(node) {
      const word = text.slice(node.from, node.to);
      if (node.type.isError) faults.push(`cannot be parsed at ${node.from}`);
      if (node.name === "Identifier" && node.node.parent?.name === "VectorSelector") names.push(word);
      if (node.name === "LabelName") labels.push(word);
    },
  });
  for (const name of names) if (!known.has(name) && !foreign.has(name)) faults.push(`no metric ${name}`);
  const allowed = new Set(names.flatMap((name) => (foreign.has(name) ? ["job", "instance"] : (known.get(name) ?? []))));
  for (const label of labels) if (!allowed.has(label)) faults.push(`no label ${label}`);
  if (names.length === 0) faults.push("asks for nothing");
  return faults;
}

interface Alerts {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

describe("queries ask for metrics and labels that exist", () => {
  for (const { alert, expr } of (parse(read("monitoring/alerts.yml")) as Alerts).groups.flatMap(({ rules }) => rules))
    it(`alert ${alert}`, () => assert.deepEqual(faultsOf(expr), []));

  const dashboard = JSON.parse(read("monitoring/grafana-dashboard.json")) as Dashboard;
  for (const { title, targets } of dashboard.panels)
    for (const { expr } of targets) it(`panel ${title}: ${expr}`, () => assert.deepEqual(faultsOf(expr), []));

  it("the dashboard's variables", () => {
    for (const { definition } of dashboard.templating.list) {
      if (definition === undefined) continue;
      const [, name = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
      assert.ok(known.get(name)?.includes(label), definition);
    }
  });

  it("the dashboard shows every metric", () => {
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join(" ");
    const shown = Array.from(known.keys()).map((name) => name.replace(/_(?:sum|count|bucket)$/, ""));
    assert.deepEqual(
      shown.filter((name) => !queries.includes(name)),
      [],
    );
  });

  for (const [, block = ""] of read("docs/metrics.md").matchAll(/^```promql\n(.*?)^```$/gms))
    for (const query of block.split(/^#.*$/m).map((text) => text.trim()))
      if (query !== "") it(`docs: ${query}`, () => assert.deepEqual(faultsOf(query), []));

  it("would find what is wrong", () => {
    assert.deepEqual(faultsOf("nodoff_waters > 1"), ["no metric nodoff_waters"]);
    assert.deepEqual(faultsOf("sum by (workload) (nodoff_waiters)"), ["no label workload"]);
    assert.deepEqual(faultsOf('nodoff_waiters{host="a"}'), ["no label host"]);
    assert.ok(faultsOf("sum(nodoff_waiters").some((fault) => fault.startsWith("cannot be parsed")));
  });
});
