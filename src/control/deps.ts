import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/errors.ts";
import type { HealthView } from "../core/health.ts";
import type { HealthHistory, HealthPeriod } from "../core/health-history.ts";
import type { Journal, JournalEvent } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Route, RouteRegistry } from "../core/route.ts";
import type { PowerInterval } from "../core/store.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";

/** A provider at one moment. */
export interface ProviderStatus {
  readonly name: string;
  readonly type: string;
  readonly connected: boolean;
  readonly failure: Failure | null;
  /** How many workloads it has. */
  readonly workloads: number;
}

/** Something in the configuration that was left out, and why. */
interface ConfigProblem {
  /** `nodoff.yaml` or `label blog-web`. */
  readonly source: string;
  readonly key: string;
  readonly message: string;
}

/** A machine of a provider. */
export interface RouteGuest {
  readonly provider: string;
  readonly node: string;
  readonly id: number;
}

/** An activity signal of one workload. */
export interface SignalStatus {
  readonly name: string;
  /** Whether it can be read. */
  readonly live: boolean;
  /** Wall clock ms. */
  readonly lastUsedAt: number | null;
  /** The engine right it needs, for people; null = none. */
  readonly needs: string | null;
}

/** Health of routes by alias; undefined = nobody watches it. */
export interface HealthSource {
  view(alias: string): HealthView | undefined;
  history(alias: string, period: HealthPeriod): HealthHistory | undefined;
  /** Checks now; what sleeps is not asked. */
  forceCheck(alias: string): Promise<HealthView | undefined>;
}

/**
 * What the API shows and what it may ask for. Everything is read at each request; `adminToken` and `metricsPublic` may be
 * getters over the running configuration.
 */
export interface ControlDeps {
  readonly version: string;
  /** `admin.token`; null = none is configured, and everything behind it is closed. */
  readonly adminToken: string | null;
  /** `metrics.public`. */
  readonly metricsPublic: boolean;
  /** The JSON Schema of nodoff.yaml. */
  readonly configSchema: unknown;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: RouteRegistry;
  workloads(): Iterable<WorkloadHandle>;
  workload(alias: string): WorkloadHandle | undefined;
  signals(alias: string): readonly SignalStatus[];
  /** The workload's latest `limit` events, oldest first. */
  events(alias: string, limit: number): readonly JournalEvent[];
  /** As `Store.intervals`: what the workload did from `since` on. */
  intervals(alias: string, since: number): readonly PowerInterval[];
  /** Told of everything somebody asks for. */
  readonly journal: Pick<Journal, "publish">;
  providers(): Iterable<ProviderStatus>;
  configErrors(): readonly ConfigProblem[];
  readonly health: HealthSource;
  /** Sends a test notice to each receiver. */
  notifyTest(): Promise<readonly { readonly sender: string; readonly type: string; readonly error: string | null }[]>;
  /** Every address a route leads to at this moment. */
  upstreamsOf(route: Route): readonly string[];
  /** The node (id 0) or guest behind a route; null = none, or not known. Never rejects. */
  guestOf(route: Route): Promise<RouteGuest | null>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Whether traffic may come; `missing` says in words what is waited for. */
  ready(): { readonly ok: boolean; readonly missing: readonly string[] };
  /** Who is asking, for the limit on wrong tokens. Default: the peer's address. */
  clientOf?(request: IncomingMessage): string | null;
}
