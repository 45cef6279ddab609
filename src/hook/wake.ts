import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, RequestFacts } from "../core/gate.ts";
import { toProblem } from "../core/problem.ts";
import type { Route } from "../core/route.ts";
import type { HookDeps } from "./deps.ts";
import type { DoorParts } from "./door.ts";
import { examine, examPage } from "./examining.ts";
import type { HookAddress } from "./hook-address.ts";
import { isReserved, serveThroughHook } from "./reserved.ts";
import { stateOf } from "./status.ts";
import { writeProblem, writeReply } from "./write.ts";
import type { Reply } from "./write.ts";

/**
 * `/wake`: the answer that nginx's hook could not give, and what Caddy shows when the service did not answer. Never
 * holds. A route that is ready got here because the proxy could not reach it: the gate looks at it again, without a start.
 */
export function createWakeDoor({ deps, doorway, channel }: DoorParts) {
  return (req: IncomingMessage, res: ServerResponse, address: HookAddress): void => {
    const facts = doorway.read(req, res, address);
    if (facts === null) return;
    const route = doorway.find(address, facts);
    const noted = facts.probe ? examine(req, { outcome: "read", address, facts, route }, deps.exams) : null;
    if (route === undefined) {
      doorway.missed(facts.host);
      return writeUnknown(res, deps.unknownHost);
    }
    if (isReserved(facts.path)) return serveThroughHook(channel, facts, { req, res, route });
    if (noted !== null) return writeReply(res, examPage(noted, route));
    writeReply(res, marked(toReply(present(route, facts, deps), route), route));
  };
}

/** Whoever asks whether the service answers must be able to tell that this is not it. */
function marked(reply: Reply, route: Route): Reply {
  const isMarked = Object.keys(reply.headers).some((name) => name.toLowerCase() === "x-nodoff-state");
  return isMarked ? reply : { ...reply, headers: { ...reply.headers, "x-nodoff-state": stateOf(route) } };
}

function present(route: Route, facts: RequestFacts, { gate, logger }: HookDeps): Answer {
  try {
    return gate.present(route, facts);
  } catch (error) {
    logger.error("the page could not be made", { alias: route.spec.alias, error });
    return { kind: "reply", decision: "failed", ...toProblem({ code: "INTERNAL" }) };
  }
}

/** There is no letting through from here: what the gate would allow, the proxy has just failed to reach. */
function toReply(answer: Answer, route: Route): Reply {
  if (answer.kind === "reply") return answer;
  if (route.workload === null) return toProblem({ code: "UPSTREAM_FAILED", route: route.spec.alias });
  return toProblem({ code: "WAKING", route: route.spec.alias, state: route.workload.state, retryAfterS: 1 });
}

/** The hook let it through or denied it, and the proxy wants to know what to show for that. */
function writeUnknown(res: ServerResponse, unknownHost: HookDeps["unknownHost"]): void {
  if (unknownHost === "allow") return writeProblem(res, { code: "UPSTREAM_FAILED" });
  writeReply(res, { ...toProblem({ code: "UNKNOWN_ROUTE" }), status: 403 });
}
