import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import { toProblem, titleByCode } from "../core/problem.ts";
import { clientKey, createRateLimiter } from "../core/rate-limit.ts";
import type { RateLimiter } from "../core/rate-limit.ts";
import type { Route, RouteRegistry } from "../core/route.ts";
import type { PageChannel } from "./channel.ts";
import { channelPrefix } from "./asked.ts";
import { toDirect } from "./reserved.ts";
import { toRouteStatus } from "./status.ts";
import { writeJson, writeProblem, writeReply } from "./write.ts";

/** A request at our own proxy that may be for a name of another gateway. */
export interface PeerNameRequest {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly host: string;
  /** The route it was asked under; undefined = no route has this host. */
  readonly route: Route | undefined;
  /** Address of the client, for the limits. */
  readonly client: string;
  readonly proto: "http" | "https";
}

/**
 * The public addresses of two other gateways, so that what polls them goes on working (docs/own-proxy.md): of
 * docker-gateway `/_health?container=` and `/_logs?container=`, of GoDoxy `/$godoxy/loading` and `/$godoxy/wake-events`.
 * Nothing here wakes or counts as use, and a name leads nowhere but to configuration.
 */
export interface PeerNames {
  /** Whether this path and query are one of them. */
  answers(path: string, query: string): boolean;
  serve(req: IncomingMessage, res: ServerResponse, asked: PeerNameRequest): void;
}

interface PeerNameDeps {
  readonly clock: Clock;
  readonly registry: RouteRegistry;
  readonly channel: PageChannel;
}

/** Each client address and endpoint on its own: a page that polls both must not hit one limit with the other. */
const perClient = { count: 1, perMs: 1_000 };

/** GoDoxy's names and what they are in the page channel. */
const channelPaths: ReadonlyMap<string, string> = new Map([
  ["/$godoxy/loading", `${channelPrefix}loading`],
  ["/$godoxy/wake-events", `${channelPrefix}events`],
]);

export function createPeerNames({ clock, registry, channel }: PeerNameDeps): PeerNames {
  const byContainer: ReadonlyMap<string, ContainerName> = new Map([
    ["/_health", { limit: createRateLimiter(perClient), serve: serveHealth }],
    ["/_logs", { limit: createRateLimiter(perClient), serve: (res, route) => void serveLogs(res, route, channel) }],
  ]);

  const serveContainer = (name: ContainerName, { res, container, client }: ContainerAsked): void => {
    if (!name.limit.take(clientKey(client), clock.now())) {
      return writeProblem(res, { code: "RATE_LIMITED", retryAfterS: perClient.perMs / 1_000 });
    }
    name.serve(res, findServed(registry, container));
  };

  return {
    answers: (path, query) =>
      channelPaths.has(path) || (byContainer.has(path) && new URLSearchParams(query).has("container")),
    serve(req, res, asked) {
      const { path, query } = asked;
      if (req.method !== "GET" && req.method !== "HEAD") {
        const { status, headers, body } = toProblem({ code: "METHOD_NOT_ALLOWED" });
        return writeReply(res, { status, headers: { ...headers, allow: "GET, HEAD" }, body });
      }
      const params = new URLSearchParams(query);
      const name = byContainer.get(path);
      if (name !== undefined) {
        return serveContainer(name, { res, container: params.get("container") ?? "", client: asked.client });
      }
      const { host, client, route, proto } = asked;
      // The address of the page says nothing about where to go then: to the route itself.
      if (!params.has("return")) params.set("return", `${proto}://${host}${route?.spec.path ?? "/"}`);
      const direct = toDirect({ req, res }, { host, client, route });
      channel.serve({ ...direct, path: channelPaths.get(path) ?? path, query: `?${params.toString()}` });
    },
  };
}

interface ContainerName {
  readonly limit: RateLimiter;
  /** `route` undefined = nothing of that name is served here. */
  readonly serve: (res: ServerResponse, route: Route | undefined) => void;
}

interface ContainerAsked {
  readonly res: ServerResponse;
  readonly container: string;
  readonly client: string;
}

/**
 * The route a container's name stands for: an alias, or the name its engine has for it. Only of what our own proxy
 * serves: a database behind it has no door that strangers could ask about.
 */
function findServed(registry: RouteRegistry, name: string): Route | undefined {
  const isServed = ({ spec }: Route): boolean => spec.served && !spec.excluded;
  const named = registry.get(name);
  if (named !== undefined) return isServed(named) ? named : undefined;
  for (const route of registry.routes()) {
    const spec = route.workload?.spec;
    if (spec !== undefined && isServed(route) && (spec.alias === name || spec.ref === name)) return route;
  }
  return undefined;
}

function serveHealth(res: ServerResponse, route: Route | undefined): void {
  if (route === undefined) return writeJson(res, 404, { status: "unknown" });
  const { status } = toRouteStatus(route);
  const failure = status === "failed" ? (route.workload?.view().failure ?? null) : null;
  if (failure === null) return writeJson(res, 200, { status });
  const isOpen = route.workload?.spec.showDetails === true;
  writeJson(res, 200, { status, error: isOpen ? failure.message : titleByCode[failure.code] });
}

async function serveLogs(res: ServerResponse, route: Route | undefined, channel: PageChannel): Promise<void> {
  if (route === undefined) return writeJson(res, 404, { lines: [] });
  writeJson(res, 200, { lines: await channel.logLines(route) });
}
