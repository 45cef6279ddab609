import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { group, groupOf, select, toItems } from "./items.js";
import type { Filter, Item, Route, Workload } from "./types.ts";

const everything: Filter = { text: "", conditions: "all", health: "any", groupBy: "none" };

function workload(alias: string, more: Partial<Workload> = {}): Workload {
  return {
    alias,
    display_name: alias,
    provider: "local",
    kind: "container",
    ref: `${alias}-1`,
    project: null,
    state: "napping",
    since: "2026-01-01T00:00:00.000Z",
    reasons: [],
    last_used_at: null,
    sleeps_at: null,
    woken_at: null,
    eta_ms: null,
    next_try_at: null,
    pinned_until: null,
    depends_on: [],
    dependants: [],
    error: null,
    sleeps: true,
    idle_timeout_ms: 900_000,
    stop_method: "stop",
    dry_run: false,
    would_sleep_since: null,
    signals: [],
    routes: [],
    ...more,
  };
}

function route(
  alias: string,
  more: Partial<Omit<Route, "health">> & { status?: Route["health"]["status"] } = {},
): Route {
  const { status = "healthy", ...rest } = more;
  return {
    alias,
    kind: "http",
    hosts: [`${alias}.example.com`],
    path: "/",
    provider: "file",
    workload: alias,
    guest: null,
    upstreams: [],
    excluded: false,
    excluded_reason: null,
    last_used_at: null,
    requests_total: 0,
    in_flight: 0,
    waiters: 0,
    health: { status, uptime_ms: null, latency_ms: null, last_seen_at: null, consecutive_failures: 0, detail: null },
    ...rest,
  };
}

function items(
  workloads: readonly Workload[],
  routes: readonly Route[],
  before: ReadonlyMap<string, Item> = new Map(),
) {
  const byAlias = <T extends { readonly alias: string }>(all: readonly T[]) =>
    new Map(all.map((one) => [one.alias, one]));
  return toItems({ workloads: byAlias(workloads), routes: byAlias(routes) }, before);
}

describe("the list", () => {
  const blog = workload("blog", { display_name: "My blog", state: "ready", project: "site" });
  const wiki = workload("wiki", { provider: "pve", state: "error" });
  const db = workload("db", { project: "site" });
  const routes = [
    route("blog"),
    route("blog-api", { workload: "blog", hosts: ["api.lan"], status: "unhealthy" }),
    route("wiki"),
    route("nas", { workload: null, hosts: ["nas.lan"] }),
  ];
  const all = items([wiki, blog, db], routes);
  const names = (chosen: readonly Item[]) => chosen.map(({ alias }) => alias);

  it("has workloads with their routes and what never sleeps, by name", () => {
    assert.deepEqual([...all.keys()], ["w/db", "w/blog", "r/nas", "w/wiki"]);
    const item = all.get("w/blog")!;
    assert.deepEqual([item.health, groupOf(item)], ["unhealthy", "failing"], "the worst of its routes");
    assert.deepEqual(item.links[0], { text: "blog.example.com", href: "//blog.example.com/" });
  });

  it("keeps what did not change as the same object", () => {
    const again = items([{ ...wiki, state: "ready" }, blog, db], routes, all);
    assert.equal(again.get("w/blog"), all.get("w/blog"));
    assert.notEqual(again.get("w/wiki"), all.get("w/wiki"));
  });

  it("is searched by every word, in names, hosts, projects and engines", () => {
    const find = (text: string) => names(select(all.values(), { ...everything, text }));
    assert.deepEqual(find("site"), ["db", "blog"]);
    assert.deepEqual(find("SITE blog"), ["blog"]);
    assert.deepEqual(find("api.lan"), ["blog"]);
    assert.deepEqual(find("nothing"), []);
  });

  it("is narrowed by state and health", () => {
    const by = (filter: Partial<Filter>) => names(select(all.values(), { ...everything, ...filter }));
    assert.deepEqual(by({ conditions: "failing" }), ["blog", "wiki"]);
    assert.deepEqual(by({ conditions: "asleep" }), ["db"]);
    assert.deepEqual(by({ conditions: "always" }), ["nas"]);
    assert.deepEqual(by({ health: "unhealthy" }), ["blog"]);
  });

  it("is grouped by state, engine, project and the host's domain", () => {
    const titles = (groupBy: Filter["groupBy"]) =>
      group([...all.values()], groupBy).map(({ title, items: some }) => `${title}: ${names(some).join(" ")}`);
    assert.deepEqual(titles("state"), ["Failing: blog wiki", "Asleep: db", "Always on: nas"]);
    assert.deepEqual(titles("provider"), ["file: nas", "local: db blog", "pve: wiki"]);
    assert.deepEqual(titles("project"), ["site: db blog", "No project: nas wiki"]);
    assert.deepEqual(titles("host"), ["example.com: blog wiki", "lan: nas", "No host: db"]);
  });
});
