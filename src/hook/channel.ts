import { normaliseHost } from "../core/route-table.ts";
import { toProblem } from "../core/problem.ts";
import { createRateLimiter } from "../core/rate-limit.ts";
import type { RateLimiter } from "../core/rate-limit.ts";
import type { Route } from "../core/route.ts";
import { answer, channelPrefix } from "./asked.ts";
import type { Asked, ChannelRequest } from "./asked.ts";
import type { HookDeps } from "./deps.ts";
import { isOneOf } from "./host.ts";
import { createEventStreams } from "./events.ts";
import { writeLoading } from "./loading.ts";
import { createLogTail } from "./log-tail.ts";
import { stateOf, toRouteProgress, toRouteStatus } from "./status.ts";
import { createWaits } from "./waits.ts";
import { writeProblem, writeReply } from "./write.ts";

/** What the loading page talks to. */
export interface PageChannel {
  /** Answers every path under `/.nodoff/`. */
  serve(request: ChannelRequest): void;
  /** What `/.nodoff/logs` shows of a route. Never rejects. */
  logLines(route: Route): Promise<readonly string[]>;
  /** Answers who waits and ends the streams. */
  close(): void;
}

/** The page channel (design §4). Nothing here wakes, and nothing counts as use. */
export function createPageChannel(deps: HookDeps): PageChannel {
  const waits = createWaits(deps);
  const streams = createEventStreams(deps);
  const logTail = createLogTail(deps.clock);
  const statusLimit = createRateLimiter(deps.limits.statusPerClient);
  const logsLimit = createRateLimiter(deps.limits.logsPerClient);
  const within = (limit: RateLimiter, run: (asked: Asked) => void) => (asked: Asked) => {
    if (limit.take(asked.client, deps.clock.now())) return run(asked);
    writeProblem(asked.res, { code: "RATE_LIMITED", retryAfterS: 2, state: stateOf(asked.route) });
  };
  const answers: ReadonlyMap<string, (asked: Asked) => void> = new Map([
    ["ping", (asked: Asked) => answer(asked, { ok: asked.direct })],
    ["health", within(statusLimit, (asked) => answer(asked, toRouteStatus(asked.route)))],
    ["steps", within(statusLimit, (asked) => answer(asked, toRouteProgress(asked.route)))],
    ["wait", within(statusLimit, (asked) => waits.serve(asked))],
    ["events", within(statusLimit, (asked) => streams.serve(asked))],
    ["logs", within(logsLimit, (asked) => logTail.serve(asked))],
    ["loading", within(statusLimit, (asked) => writeLoading(asked, deps))],
  ]);

  return {
    serve(request) {
      const { res, path, method } = request;
      const run = answers.get(path.slice(channelPrefix.length));
      if (run === undefined) return writeProblem(res, { code: "NOT_FOUND" });
      if (method !== "GET" && method !== "HEAD") {
        const { status, headers, body } = toProblem({ code: "METHOD_NOT_ALLOWED" });
        return writeReply(res, { status, headers: { ...headers, allow: "GET, HEAD" }, body });
      }
      const params = new URLSearchParams(request.query);
      const route = toRoute(request, params.get("route"), deps);
      if (route === undefined) return writeProblem(res, { code: "UNKNOWN_ROUTE" });
      run({ ...request, route, params });
    },
    logLines: (route) => logTail.lines(route),
    close() {
      waits.close();
      streams.close();
    },
  };
}

/** The route that `?route=` names, if this host may ask for it; without a name, the one that was asked under. */
function toRoute(request: ChannelRequest, alias: string | null, deps: HookDeps): Route | undefined {
  if (alias === null) return request.route;
  const named = deps.registry.get(alias);
  if (named === undefined) return undefined;
  const { hosts, door } = named.spec;
  if (hosts.length === 0 || isOneOf(hosts, request.host)) return named;
  // With `strategy: redirect` the page stands at public_url, away from the route's own hosts.
  if (door.strategy !== "redirect" || deps.publicUrl === null) return undefined;
  return new URL(deps.publicUrl).hostname === normaliseHost(request.host) ? named : undefined;
}
