import { z } from "zod";
import type { ProxyName } from "./finding.ts";
import type { Reply } from "./send.ts";

/** A route of the API, as far as the doctor looks at it. */
export const Route = z.object({
  alias: z.string(),
  kind: z.string(),
  hosts: z.array(z.string()),
  path: z.string(),
  workload: z.string().nullable(),
  excluded: z.boolean(),
  requests_total: z.number(),
});
export type Route = z.infer<typeof Route>;
export const Routes = z.object({ routes: z.array(Route) });

/** IPv4 as people write it: the line that trusts it is copied from here. */
const Peer = z.string().transform((text) => text.replace(/^::ffff:(?=\d+\.)/, ""));

export const Exam = z.object({
  nonce: z.string(),
  peer: Peer,
  trusted: z.boolean(),
  proxied: z.boolean(),
  proxy_hops: z.number(),
});
export type Exam = z.infer<typeof Exam>;

/** How one request got to nodoff (docs/api.md). */
export const Sighting = z.object({
  tag: z.string(),
  door: z.string(),
  dialect: z.string().nullable(),
  outcome: z.string(),
  header: z.string().nullable(),
  peer: Peer,
  asked: z
    .object({
      method: z.string(),
      host: z.string(),
      path: z.string(),
      proto: z.string(),
      client: z.string().nullable(),
    })
    .nullable(),
  forwarded_for: z.string().nullable(),
  families: z.array(z.string()),
  named: z.string().nullable(),
  route: z.string().nullable(),
});
export type Sighting = z.infer<typeof Sighting>;
export const Sightings = z.object({ sightings: z.array(Sighting) });

/** One request and how it got to nodoff. */
export interface Asked {
  readonly reply: Reply;
  readonly sightings: readonly Sighting[];
}

/** How a real wake went through the proxy. */
export type Woken =
  | { readonly kind: "passed"; readonly tookMs: number }
  /** Asleep for a reason of its own. */
  | { readonly kind: "failed"; readonly message: string }
  /** nodoff says ready, the proxy still does not get there. */
  | { readonly kind: "stuck"; readonly status: number };

/** Everything that was seen of one route. */
export interface Evidence {
  readonly route: Route;
  readonly url: URL;
  /** As somebody said by `--proxy`; null = find out. */
  readonly proxy: ProxyName | null;
  /** State of its workload when it was asked; `ready` where there is none. */
  readonly state: string;
  /** Why its workload failed, if it did. */
  readonly failure: string | null;
  /** Host that `--via` names; null = DNS was asked for the route's own. */
  readonly via: string | null;
  readonly proxyHops: number;
  /** Any certificate is right. */
  readonly insecure: boolean;
  readonly plain: Asked;
  /** null = was not asked, since the first request did not get that far. */
  readonly page: Asked | null;
  readonly channel: Asked | null;
  readonly woken: Woken | null;
  /** The first request was not recognised, and yet counted as use: the hook saw it without its mark. */
  readonly counted: boolean;
}

/** Sent as X-Forwarded-For: of a network that is nobody's (RFC 5737), so whoever believes it believes anything. */
export const forgedClient = "203.0.113.77";
