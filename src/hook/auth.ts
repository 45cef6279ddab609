import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, DoorOptions, RequestFacts } from "../core/gate.ts";
import { toProblem } from "../core/problem.ts";
import type { Route } from "../core/route.ts";
import { observe } from "../core/tallies.ts";
import { allowHeaders } from "./allow-headers.ts";
import type { DoorParts } from "./door.ts";
import { examine, examPage, type Noted } from "./examining.ts";
import type { HookAddress } from "./hook-address.ts";
import { isReserved, serveThroughHook } from "./reserved.ts";
import { leavingOf, writeReply } from "./write.ts";

/** The hook itself. */
export interface AuthDoor {
  serve(req: IncomingMessage, res: ServerResponse, address: HookAddress): void;
  /** Requests whose host no route has. */
  readonly unknownHosts: number;
}

const allowUnknown = Object.freeze({ "content-length": "0" });
/** No WWW-Authenticate: nginx would copy it to the client, whose browser would ask for a password. */
const notNow = Object.freeze({ "content-length": "0", "cache-control": "no-store" });

/**
 * `/auth/…`. For a service that is awake this is all that happens per request: no promise, no log line, nothing
 * formatted, headers made before.
 */
export function createAuthDoor({ deps, doorway, timings, channel }: DoorParts): AuthDoor {
  const { clock, gate } = deps;
  let unknownHosts = 0;

  const write = (answer: Answer, call: Call): void => {
    const { res, route, address, startedAt } = call;
    if (answer.kind === "allow") {
      const named = address.alias !== null && address.alias === route.spec.alias;
      // The proxy goes where this answer says: while that is being read, an answer without it would be a dead end.
      const locating = named ? (route.workload?.locating ?? null) : null;
      if (locating !== null) return void locating.then(() => write(answer, call));
      res.writeHead(200, allowHeaders(route, named)).end();
    } else if (answer.kind === "reply") {
      if (address.dialect.hidesReplies) res.writeHead(401, notNow).end();
      // A 2xx would tell the proxy to go on, whatever it was meant to say (`asleep_answer`).
      else writeReply(res, answer.status < 300 ? { ...answer, status: 503 } : answer);
    }
    observe(timings, (clock.now() - startedAt) / 1000);
  };
  const ask = (route: Route, facts: RequestFacts, options: DoorOptions): Answer | Promise<Answer> => {
    try {
      return gate.admit(route, facts, options);
    } catch (error) {
      return afterDefect(route, error);
    }
  };
  // A defect of ours must not take awake services down: in doubt, allow.
  const afterDefect = (route: Route, error: unknown): Answer => {
    deps.logger.error("the request could not be decided", { alias: route.spec.alias, error });
    if (isAllowed(route)) return { kind: "allow", decision: "allow" };
    return { kind: "reply", decision: "failed", ...toProblem({ code: "INTERNAL" }) };
  };
  const writeUnknown = (res: ServerResponse, host: string): void => {
    unknownHosts++;
    doorway.missed(host);
    if (deps.unknownHost === "allow") res.writeHead(200, allowUnknown).end();
    else writeReply(res, { ...toProblem({ code: "UNKNOWN_ROUTE" }), status: 403 });
  };
  const writeReserved = (req: IncomingMessage, facts: RequestFacts, { res, route, address }: Call): void => {
    if (address.dialect.hidesReplies) res.writeHead(401, notNow).end();
    else serveThroughHook(channel, facts, { req, res, route });
  };

  /** An examination wakes nothing and is no use of anything. */
  const writeNoted = (noted: Noted, { res, route, address }: Call): void => {
    const named = address.alias !== null && address.alias === route.spec.alias;
    if (isAllowed(route) && !noted.wantsPage) res.writeHead(200, allowHeaders(route, named)).end();
    else if (address.dialect.hidesReplies) res.writeHead(401, notNow).end();
    else writeReply(res, examPage(noted, route));
  };

  return {
    serve(req, res, address) {
      const startedAt = clock.now();
      const facts = doorway.read(req, res, address);
      if (facts === null) return;
      const route = doorway.find(address, facts);
      const noted = facts.probe ? examine(req, { outcome: "read", address, facts, route }, deps.exams) : null;
      if (route === undefined) return writeUnknown(res, facts.host);
      const call = { res, route, address, startedAt };
      if (isReserved(facts.path)) return writeReserved(req, facts, call);
      if (noted !== null) return writeNoted(noted, call);
      const options = isAllowed(route) ? address.unheld : { ...address.unheld, signal: leavingOf(res) };
      const answer = ask(route, facts, options);
      if (!(answer instanceof Promise)) return write(answer, call);
      void answer.catch((error: unknown) => afterDefect(route, error)).then((held) => write(held, call));
    },
    get unknownHosts() {
      return unknownHosts;
    },
  };
}

interface Call {
  readonly res: ServerResponse;
  readonly route: Route;
  readonly address: HookAddress;
  readonly startedAt: number;
}

/** Such a request is answered at once, so nobody needs to know when its caller leaves. */
function isAllowed({ workload }: Route): boolean {
  return workload === null || workload.allow;
}
