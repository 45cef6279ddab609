import type { RouteSpec, UpstreamSpec, WorkloadSpec } from "../../core/spec.ts";

/** One route as a proxy has to know it. */
export interface SnippetRoute {
  readonly alias: string;
  /** Prefix on segment boundaries; `/` = all. */
  readonly path: string;
  readonly stripPath: boolean;
  readonly app: AppAddress;
}

/** How the proxy reaches the app. */
export type AppAddress =
  | { readonly by: "address"; readonly scheme: "http" | "https"; readonly host: string; readonly port: number }
  /** Only nodoff knows, and tells with each answer of its hook. */
  | { readonly by: "nodoff" };

/** Routes that share their hosts. */
export interface SnippetSite {
  /** As in the configuration: `*.x` is one label, `**.x` any number, `*` all. */
  readonly hosts: readonly string[];
  /** The longest path first. */
  readonly routes: readonly SnippetRoute[];
}

/** What a snippet is made of. */
export interface SnippetInput {
  readonly sites: readonly SnippetSite[];
  /** host:port of nodoff as the proxy reaches it. */
  readonly nodoff: string;
  readonly failOpen: boolean;
}

/** Where the proxy runs: beside the apps in their network, where names lead to containers, or on the host. */
export type Place = "network" | "host";

/** Sites of all HTTP routes that have a host and a workload; the others sleep behind no foreign proxy. */
export function toSites(
  specs: {
    readonly routes: readonly RouteSpec[];
    readonly workloads: readonly WorkloadSpec[];
    /** By alias: the one port its container exposes. */
    readonly exposed: ReadonlyMap<string, number>;
  },
  place: Place,
): readonly SnippetSite[] {
  const workloads = new Map(specs.workloads.map((workload) => [workload.alias, workload]));
  const sites = new Map<string, { hosts: readonly string[]; routes: SnippetRoute[] }>();
  for (const route of specs.routes) {
    const workload = route.workload === null ? undefined : workloads.get(route.workload);
    if (workload === undefined || route.kind !== "http" || route.hosts.length === 0 || route.excluded) continue;
    const hosts = route.hosts.toSorted();
    const site = sites.get(hosts.join()) ?? { hosts, routes: [] };
    const { alias, path, stripPath } = route;
    const exposed = specs.exposed.get(workload.alias) ?? null;
    const app = toAddress(route.upstream ?? workload.upstream, { ...workload, exposed }, place);
    site.routes.push({ alias, path, stripPath, app });
    sites.set(hosts.join(), site);
  }
  return [...sites.values()]
    .map(({ hosts, routes }) => ({ hosts, routes: routes.toSorted((a, b) => b.path.length - a.path.length) }))
    .toSorted((a, b) => toWidth(a) - toWidth(b));
}

/** For proxies that take the first that fits: exact hosts before `*.x`, that before `**.x` and `*`. */
function toWidth({ hosts }: SnippetSite): number {
  return Math.max(...hosts.map((host) => (host === "*" ? 3 : (/^\**/.exec(host)?.[0].length ?? 0))));
}

function toAddress(
  upstream: UpstreamSpec | null,
  { kind, ref, exposed }: Pick<WorkloadSpec, "kind" | "ref"> & { readonly exposed: number | null },
  place: Place,
): AppAddress {
  if (upstream?.kind === "url") {
    const { protocol, hostname, port } = new URL(upstream.url);
    const scheme = protocol === "https:" ? "https" : "http";
    return {
      by: "address",
      scheme,
      host: hostname,
      port: port === "" ? (scheme === "https" ? 443 : 80) : Number(port),
    };
  }
  // Docker's resolver knows containers by their names, in their networks.
  const port = upstream?.port ?? exposed;
  if (place === "host" || kind !== "container" || port === null) return { by: "nodoff" };
  return { by: "address", scheme: upstream?.scheme === "https" ? "https" : "http", host: ref, port };
}

/** `http://blog-web:2368`. */
export function toUrl({ scheme, host, port }: AppAddress & { readonly by: "address" }): string {
  return `${scheme}://${host}:${port}`;
}

/** Routes whose address the proxy would have to know, and nobody said. */
export function withoutAddress(sites: readonly SnippetSite[]): readonly string[] {
  return sites.flatMap(({ routes }) => routes.filter(({ app }) => app.by === "nodoff").map(({ alias }) => alias));
}
