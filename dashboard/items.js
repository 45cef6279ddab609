/**
 * @typedef {import("./types.ts").Item} Item
 * @typedef {import("./types.ts").State} State
 * @typedef {import("./types.ts").Workload} Workload
 * @typedef {import("./types.ts").Route} Route
 * @typedef {import("./types.ts").Filter} Filter
 * @typedef {import("./types.ts").ConditionGroup} ConditionGroup
 */

/** Worst first. */
const healthOrder = /** @type {const} */ ([
  "error",
  "unhealthy",
  "starting",
  "healthy",
  "napping",
  "stopped",
  "unknown",
]);

/**
 * Workloads with their routes, and routes that need none. What did not change is the same object as before.
 * @param {Pick<State, "workloads" | "routes">} state
 * @param {ReadonlyMap<string, Item>} before
 * @returns {ReadonlyMap<string, Item>}
 */
export function toItems({ workloads, routes }, before) {
  const doors = Map.groupBy(routes.values(), ({ workload }) => workload);
  const items = [
    ...(workloads ?? new Map()).values().map((/** @type {Workload} */ workload) => ({
      workload,
      routes: doors.get(workload.alias) ?? [],
    })),
    ...(doors.get(null) ?? []).map((route) => ({ workload: null, routes: [route] })),
  ];
  return new Map(
    items
      .map((parts) => {
        const known = before.get(idOf(parts));
        return known !== undefined && isMadeOf(known, parts) ? known : toItem(parts);
      })
      .sort((one, other) => one.name.localeCompare(other.name))
      .map((item) => [item.id, item]),
  );
}

/** @typedef {Pick<Item, "workload" | "routes">} Parts */

/** @param {Parts} parts */
function idOf({ workload, routes }) {
  return workload === null ? `r/${routes[0]?.alias ?? ""}` : `w/${workload.alias}`;
}

/**
 * @param {Parts} known
 * @param {Parts} parts
 */
function isMadeOf(known, { workload, routes }) {
  return (
    known.workload === workload &&
    known.routes.length === routes.length &&
    routes.every((route, place) => known.routes[place] === route)
  );
}

/**
 * @param {Parts} parts
 * @returns {Item}
 */
function toItem({ workload, routes }) {
  const alias = workload?.alias ?? routes[0]?.alias ?? "";
  const name = workload?.display_name ?? alias;
  const hosts = routes.flatMap((route) => route.hosts);
  const provider = workload?.provider ?? routes[0]?.provider ?? "";
  const words = [name, alias, provider, workload?.ref, workload?.project, ...hosts];
  return {
    id: idOf({ workload, routes }),
    alias,
    name,
    workload,
    routes,
    links: routes.flatMap(toLinks),
    condition: workload?.state ?? "always",
    health: healthOrder.find((status) => routes.some(({ health }) => health.status === status)) ?? "unknown",
    provider,
    words: words.join(" ").toLowerCase(),
  };
}

/**
 * Addresses a browser can open: by the dashboard's own scheme, since a route does not know how its proxy is reached.
 * @param {Route} route
 */
function toLinks({ kind, hosts, path }) {
  if (kind === "tcp" || kind === "udp") return [];
  const names = hosts.filter((host) => !host.includes("*"));
  const at = path === "/" ? "" : path;
  return names.map((host) => ({ text: host + at, href: `//${host}${path}` }));
}

/**
 * @param {Item} item
 * @returns {Exclude<ConditionGroup, "all">}
 */
export function groupOf({ condition, health }) {
  switch (condition) {
    case "ready":
      return health === "unhealthy" || health === "error" ? "failing" : "awake";
    case "starting":
    case "stopping":
    case "unknown":
      return "awake";
    case "napping":
      return "asleep";
    case "error":
    case "gone":
      return "failing";
    case "always":
      return health === "unhealthy" || health === "error" ? "failing" : "always";
  }
}

/**
 * @param {Iterable<Item>} items
 * @param {Filter} filter
 */
export function select(items, { text, conditions, health }) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return [...items].filter(
    (item) =>
      (conditions === "all" || groupOf(item) === conditions) &&
      (health === "any" || item.health === health) &&
      wanted.every((word) => item.words.includes(word)),
  );
}

/**
 * @param {readonly Item[]} items
 * @param {Filter["groupBy"]} by
 * @returns {readonly { readonly title: string, readonly items: readonly Item[] }[]}
 */
export function group(items, by) {
  if (by === "none") return [{ title: "", items }];
  const groups = Map.groupBy(items, (item) => titleOf(item, by));
  const titles = [...groups.keys()].sort((one, other) => rank(one) - rank(other) || one.localeCompare(other));
  return titles.map((title) => ({ title, items: groups.get(title) ?? [] }));
}

const groupTitles = { failing: "Failing", awake: "Awake", asleep: "Asleep", always: "Always on" };
const ranked = ["Failing", "Awake", "Asleep", "Always on"];

/** Titles that say "none" come last. @param {string} title */
function rank(title) {
  if (title.startsWith("No ")) return 100;
  return Math.max(0, ranked.indexOf(title));
}

/**
 * @param {Item} item
 * @param {Exclude<Filter["groupBy"], "none">} by
 */
function titleOf(item, by) {
  switch (by) {
    case "state":
      return groupTitles[groupOf(item)];
    case "provider":
      return item.provider;
    case "project":
      return item.workload?.project ?? "No project";
    case "host":
      return domainOf(item.routes[0]?.hosts[0]);
  }
}

/**
 * Services mostly share a domain and differ in its first label.
 * @param {string | undefined} host
 */
function domainOf(host) {
  if (host === undefined) return "No host";
  const [, ...rest] = host.split(".");
  return rest.length < 1 || /^[\d.]+$|:/.test(host) ? host : rest.join(".");
}
