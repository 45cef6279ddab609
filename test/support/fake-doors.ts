import { doorSpec } from "./specs.ts";
import type { Failure } from "../../src/core/errors.ts";
import type { Answer, DoorOptions, Gate, RequestFacts } from "../../src/core/gate.ts";
import type { Journal } from "../../src/core/journal.ts";
import { decisionNames } from "../../src/core/route.ts";
import type { DecisionCounts, Route, RouteRegistry } from "../../src/core/route.ts";
import type { RouteSpec, WorkloadSpec } from "../../src/core/spec.ts";
import type { StateName } from "../../src/core/state.ts";
import type { WakeCause, WorkloadHandle, WorkloadView } from "../../src/core/workload-handle.ts";

/** A workload whose state tests set; it publishes each as the engine does. */
export interface FakeHandle extends WorkloadHandle {
  become(state: StateName, view?: Partial<WorkloadView>): void;
  readonly wakes: readonly WakeCause[];
  readonly rechecks: number;
  readonly logReads: number;
  output: readonly string[];
  locating: Promise<void> | null;
}

export function fakeHandle(spec: WorkloadSpec, journal: Journal, state: StateName = "napping"): FakeHandle {
  const wakes: WakeCause[] = [];
  let view: WorkloadView = {
    state,
    since: 0,
    reasons: [],
    lastUsedAt: null,
    sleepsAt: null,
    wokenAt: null,
    etaMs: null,
    failure: null,
    nextTryAt: null,
    pinnedUntil: null,
    dependsOn: [],
    dependants: [],
    step: null,
    needs: [],
    wouldSleepSince: null,
    project: null,
  };
  let rechecks = 0;
  let logReads = 0;
  return {
    spec,
    get allow() {
      return view.state === "ready";
    },
    get state() {
      return view.state;
    },
    locating: null,
    touch: () => undefined,
    pass: () => undefined,
    sleep: () => Promise.resolve({ kind: "accepted" }),
    restart: () => undefined,
    pin: () => undefined,
    wake: (cause) => wakes.push(cause) > 0,
    settled: () => new Promise(() => undefined),
    waiting: 0,
    recheck: () => void rechecks++,
    requireDockerHandOver: () => undefined,
    logs() {
      logReads++;
      return Promise.resolve(this.output);
    },
    async *follow() {},
    view: () => view,
    become(next, over = {}) {
      view = { ...view, failure: null, nextTryAt: null, ...over, state: next };
      journal.publish({ type: "state", alias: spec.alias, message: next, state: next });
    },
    wakes,
    get rechecks() {
      return rechecks;
    },
    get logReads() {
      return logReads;
    },
    output: [],
  };
}

/** A failure as the engine would tell it: its text names what strangers must not read. */
export const engineFailure: Failure = { code: "EXITED", message: "container blog-web (172.17.0.9) exited with code 1" };

export function fakeRoute(spec: RouteSpec, workload: WorkloadHandle | null): Route {
  const decisions = Object.fromEntries(decisionNames.map((name) => [name, 0])) as DecisionCounts;
  return {
    spec,
    workload,
    upstream: () => "http://172.17.0.2:2368",
    decisions,
    requestsTotal: 0,
    door: doorSpec(),
    headerName: null,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    inFlight: 0,
  };
}

/** Finds routes by exact host and longest prefix; counts look-ups by name. */
export function fakeRegistry(routes: readonly Route[]): RouteRegistry {
  const toHost = (host: string): string => host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
  return {
    match(host, path) {
      const fitting = routes.filter(({ spec }) => spec.hosts.includes(toHost(host)) && path.startsWith(spec.path));
      return fitting.sort((a, b) => b.spec.path.length - a.spec.path.length)[0];
    },
    get: (alias) => routes.find(({ spec }) => spec.alias === alias),
    routes: () => routes,
    size: routes.length,
  };
}

/** What a gate was asked. */
export interface Asking {
  readonly route: Route;
  readonly facts: RequestFacts;
  readonly options: DoorOptions | null;
}

/** A gate that answers what tests say, and keeps what it was asked. */
export interface FakeGate extends Gate {
  readonly asked: Asking[];
  onAdmit: (asking: Asking) => Answer | Promise<Answer>;
  onPresent: (asking: Asking) => Answer;
}

export const wakingReply: Answer = {
  kind: "reply",
  decision: "waking",
  status: 503,
  headers: { "content-type": "application/problem+json", "x-nodoff-state": "starting", "retry-after": "1" },
  body: '{"code":"WAKING"}',
};

export function fakeGate(): FakeGate {
  const asked: Asking[] = [];
  return {
    asked,
    onAdmit: ({ route }) =>
      route.workload === null || route.workload.allow ? { kind: "allow", decision: "allow" } : wakingReply,
    onPresent: () => wakingReply,
    admit(route, facts, options) {
      const asking = { route, facts, options };
      asked.push(asking);
      return this.onAdmit(asking);
    },
    present(route, facts) {
      const asking = { route, facts, options: null };
      asked.push(asking);
      return this.onPresent(asking);
    },
  };
}
