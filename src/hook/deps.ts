import type { Clock } from "../core/clock.ts";
import type { Exams } from "../core/exams.ts";
import type { Gate } from "../core/gate.ts";
import type { Journal } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Pages } from "../core/pages.ts";
import type { RouteRegistry } from "../core/route.ts";
import type { Rate } from "../core/spec.ts";

/**
 * What the hook is made of. Settings are read at each use and may be getters over the running configuration, except
 * `limits`, which are taken once.
 */
export interface HookDeps {
  readonly registry: RouteRegistry;
  readonly gate: Gate;
  readonly journal: Journal;
  readonly pages: Pages;
  /** What `nodoff doctor` sends is noted here. */
  readonly exams: Exams;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a peer is one of `trusted_proxies`. Asked per request. */
  isTrusted(address: string | undefined): boolean;
  /** `proxy_hops`: how many trusted proxies append to X-Forwarded-For. */
  readonly proxyHops: number;
  readonly unknownHost: "allow" | "deny";
  readonly limits: { readonly statusPerClient: Rate; readonly logsPerClient: Rate };
  /** `public_url`; its host may ask the page channel for routes with `strategy: redirect`. */
  readonly publicUrl: string | null;
}
