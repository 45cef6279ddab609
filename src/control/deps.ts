import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { Exams } from "../core/exams.ts";
import type { Failure } from "../core/errors.ts";
import type { HealthView } from "../core/health.ts";
import type { HealthHistory, HealthPeriod } from "../core/health-history.ts";
import type { Journal, JournalEvent } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Route, RouteDirectory, RouteRegistry } from "../core/route.ts";
import type { PowerInterval } from "../core/store.ts";
import type { PasswordHash } from "../core/password-hash.ts";
import type { DashboardPlaces } from "./dashboard-files.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { LoginCode } from "./login-code.ts";
import type { Visit } from "./own-origin.ts";
import type { Role } from "./person.ts";

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
  /** The same for all of them, some at a time. */
  checkAll(): Promise<void>;
}

/** Who may come in (`admin`). */
export interface AdminAccess {
  /** The configured token, else the one nodoff made. */
  readonly token: string | null;
  readonly users: readonly { readonly name: string; readonly passwordHash: PasswordHash; readonly role: Role }[];
  /** The proxy in front names the person in a header (small letters). */
  readonly trustedHeader: {
    readonly name: string;
    /** Whether this peer may say so. */
    isFrom(address: string | undefined): boolean;
    readonly role: Role;
  } | null;
  /** `none`: everybody who reaches nodoff's loopback address is an operator. */
  readonly auth: "required" | "none";
}

/**
 * What the API shows and what it may ask for. Everything is read at each request; `admin`, `basePath` and
 * `metricsPublic` may be getters over the running configuration.
 */
export interface ControlDeps {
  readonly version: string;
  readonly admin: AdminAccess;
  /** Signs in once instead of the token; null = none was shown. */
  readonly loginCode: LoginCode | null;
  /** `base_path`: all of this room also answers below it. `/` = there is none. */
  readonly basePath: string;
  /** `metrics.public`. */
  readonly metricsPublic: boolean;
  readonly dashboard: DashboardPlaces;
  /** The JSON Schema of nodoff.yaml. */
  readonly configSchema: unknown;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: RouteRegistry & Pick<RouteDirectory, "find">;
  workloads(): Iterable<WorkloadHandle>;
  workload(alias: string): WorkloadHandle | undefined;
  signals(alias: string): readonly SignalStatus[];
  /** The latest `limit` events of a workload, or of all (null), oldest first. `before`: of those with a lesser id. */
  events(alias: string | null, limit: number, before?: number): readonly JournalEvent[];
  /** As `Store.intervals`: what the workload did from `since` on. */
  intervals(alias: string, since: number): readonly PowerInterval[];
  /** Told of everything somebody asks for. */
  readonly journal: Journal;
  providers(): Iterable<ProviderStatus>;
  configErrors(): readonly ConfigProblem[];
  readonly health: HealthSource;
  /** What `nodoff doctor` learns from. */
  readonly exams: Exams;
  /** Whether a peer is one of `trusted_proxies`. */
  isTrusted(address: string | undefined): boolean;
  /** `proxy_hops`. */
  readonly proxyHops: number;
  /** Sends a test notice to each receiver. */
  notifyTest(): Promise<readonly { readonly sender: string; readonly type: string; readonly error: string | null }[]>;
  /** Every address a route leads to at this moment. */
  upstreamsOf(route: Route): readonly string[];
  /** The node (id 0) or guest behind a route; null = none, or not known. Never rejects. */
  guestOf(route: Route): Promise<RouteGuest | null>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Whether traffic may come; `missing` says in words what is waited for. */
  ready(): { readonly ok: boolean; readonly missing: readonly string[] };
  /** How a client came to us. */
  visit(request: IncomingMessage): Visit;
}
