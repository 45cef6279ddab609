import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestFacts } from "../core/gate.ts";
import type { Route } from "../core/route.ts";
import type { Buckets } from "../core/tallies.ts";
import type { PageChannel } from "./channel.ts";
import { createClientReader } from "./client-address.ts";
import type { HookDeps } from "./deps.ts";
import type { ToClient, Unreadable } from "./dialect.ts";
import type { HookAddress } from "./hook-address.ts";
import { examine } from "./examining.ts";
import { isOneOf } from "./host.ts";
import { createOnce } from "./once.ts";
import { peerOf, writeProblem } from "./write.ts";

/** What both doors are made of. */
export interface DoorParts {
  readonly deps: HookDeps;
  readonly doorway: Doorway;
  readonly channel: PageChannel;
  readonly timings: Buckets;
}

/** What both doors of the hook do before they ask the gate. */
export interface Doorway {
  readonly toClient: ToClient;
  /** Whether the peer may ask (`address` null: the page channel); else it has been answered 403. */
  admits(req: IncomingMessage, res: ServerResponse, address: HookAddress | null): boolean;
  /** The client's request, or null after a 400 for a hook that is wired up wrongly. */
  read(req: IncomingMessage, res: ServerResponse, address: HookAddress): RequestFacts | null;
  /** The route `?route=` names, or the one that host and path lead to. */
  find(address: HookAddress, facts: RequestFacts): Route | undefined;
  /** Logs a host that no route has. */
  missed(host: string): void;
  /** `?route=` that was not taken: unknown, or of another host. */
  readonly ignoredNames: number;
}

export function createDoorway(deps: HookDeps): Doorway {
  const { registry, logger, clock } = deps;
  const toClient = createClientReader(() => deps.proxyHops);
  const isNewPeer = createOnce(clock);
  const isNewLack = createOnce(clock);
  const isNewName = createOnce(clock);
  const isNewHost = createOnce(clock);
  let ignoredNames = 0;

  const byName = (alias: string, facts: RequestFacts): Route | undefined => {
    const route = registry.get(alias);
    if (route !== undefined && (route.spec.hosts.length === 0 || isOneOf(route.spec.hosts, facts.host))) return route;
    ignoredNames++;
    if (isNewName(`${alias} ${facts.host}`)) {
      const reason = route === undefined ? "no such route" : "the host is none of its hosts";
      logger.warn("?route= of the hook ignored", { route: alias, host: facts.host, reason });
    }
    return undefined;
  };

  return {
    toClient,
    admits(req, res, address) {
      if (deps.isTrusted(req.socket.remoteAddress)) return true;
      examine(req, { outcome: "untrusted_peer", address }, deps.exams);
      const peer = peerOf(req);
      if (isNewPeer(peer)) logger.warn("refused a peer that is not trusted", { peer, key: "trusted_proxies" });
      writeProblem(res, { code: "UNTRUSTED_PEER" });
      return false;
    },
    read(req, res, address) {
      const { dialect } = address;
      const facts: RequestFacts | Unreadable = dialect.read(req, toClient);
      if (!("header" in facts)) return facts;
      const { header } = facts;
      examine(req, { outcome: "unreadable", address, header }, deps.exams);
      if (isNewLack(`${dialect.name} ${header}`)) {
        logger.warn("hook called without a header its proxy sends", {
          method: dialect.name,
          header,
          peer: peerOf(req),
        });
      }
      writeProblem(res, { code: "BAD_HOOK_REQUEST", detail: `${header} is missing or malformed` });
      return null;
    },
    find(address, facts) {
      const named = address.alias === null ? undefined : byName(address.alias, facts);
      return named ?? registry.match(facts.host, facts.path);
    },
    missed(host) {
      if (!isNewHost(host)) return;
      const hint = "nodoff.enable=true on its container, and nodoff.host where no other label names it";
      logger.info("host without a route", { host, key: "unknown_host", answer: deps.unknownHost, hint });
    },
    get ignoredNames() {
      return ignoredNames;
    },
  };
}
