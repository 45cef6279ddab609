import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { z } from "zod";
import { dashboardPlaces } from "../../src/cli/assets.ts";
import { createControl } from "../../src/control/control.ts";
import type { AdminAccess, ControlDeps } from "../../src/control/deps.ts";
import type { Visit } from "../../src/control/own-origin.ts";
import { Problem } from "../../src/control/schema.ts";
import { createExams } from "../../src/core/exams.ts";
import type { HealthView } from "../../src/core/health.ts";
import { decisionNames } from "../../src/core/route.ts";
import type { DecisionCounts, Route } from "../../src/core/route.ts";
import type { WorkloadSpec } from "../../src/core/spec.ts";
import type { SleepAnswer, WorkloadHandle, WorkloadView } from "../../src/core/workload-handle.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { fakeClock } from "./fake-clock.ts";
import type { FakeClock } from "./fake-clock.ts";
import { recordingLogger } from "./logger.ts";
import { doorSpec, routeSpec, workloadSpec } from "./specs.ts";

/** The admin token of `startControl`. */
export const token = "right-töken";

/** Notes whatever would change or renew something. */
export function fakeWorkload(
  alias: string,
  options: {
    readonly view?: Partial<WorkloadView>;
    readonly spec?: Partial<WorkloadSpec>;
    readonly sleep?: SleepAnswer;
    readonly changes?: string[];
  } = {},
): WorkloadHandle {
  const { changes = [] } = options;
  let full: WorkloadView = {
    state: "napping",
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
    ...options.view,
  };
  const change = (what: string) => () => void changes.push(`${alias} ${what}`);
  return {
    spec: workloadSpec({ alias, displayName: `My ${alias}`, ref: `${alias}-web`, ...options.spec }),
    allow: full.state === "ready",
    state: full.state,
    locating: null,
    touch: change("touch"),
    pass: change("pass"),
    wake: (cause) => changes.push(`${alias} wake ${cause}`) > 0,
    sleep: ({ force, reason }) => {
      changes.push(`${alias} sleep force=${force} ${reason}`);
      return Promise.resolve(options.sleep ?? { kind: "accepted" });
    },
    restart: (reason) => void changes.push(`${alias} restart ${reason}`),
    pin: (until, reason) => {
      changes.push(`${alias} pin ${until} ${reason}`);
      full = { ...full, pinnedUntil: until };
    },
    settled: () => {
      changes.push(`${alias} settled`);
      return Promise.resolve({ kind: "ready" });
    },
    waiting: 2,
    recheck: change("recheck"),
    requireDockerHandOver: change("hand-over"),
    logs: () => Promise.resolve([]),
    async *follow() {},
    view: () => full,
  };
}

export function fakeRoute(
  spec: Partial<Route["spec"]>,
  workload: WorkloadHandle | null,
  rest: Partial<Route> = {},
): Route {
  return {
    spec: routeSpec(spec),
    workload,
    upstream: () => null,
    decisions: Object.fromEntries(decisionNames.map((name) => [name, 0])) as DecisionCounts,
    requestsTotal: 0,
    door: doorSpec(),
    headerName: null,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    inFlight: 0,
    ...rest,
  };
}

/** What `ControlDeps.visit` says of a client that came without a proxy. */
export function visitFrom(client: string, rest: Partial<Visit> = {}): ControlDeps["visit"] {
  return ({ headers }) => ({
    client,
    isLocal: true,
    isSecure: false,
    asked: headers.host ?? null,
    publicHost: null,
    ...rest,
  });
}

/** `admin` with the token alone, and what a test adds. */
export function adminAccess(rest: Partial<AdminAccess> = {}): AdminAccess {
  return { token, users: [], trustedHeader: null, auth: "required", ...rest };
}

function fakeDeps(clock: FakeClock, changes: string[]): ControlDeps {
  const wall = clock.wall();
  const blog = fakeWorkload("blog", {
    changes,
    spec: { dryRun: true },
    view: {
      state: "ready",
      since: wall - 5_000,
      project: "site",
      wouldSleepSince: wall - 4_000,
      reasons: [{ signal: "proxy", verdict: "in_use", text: "2 open requests through nodoff" }],
      lastUsedAt: wall - 1_000,
      sleepsAt: wall + 60_000,
      wokenAt: wall - 5_000,
      etaMs: 419.6,
      dependsOn: ["blog-db"],
    },
  });
  const wiki = fakeWorkload("wiki", {
    changes,
    view: {
      state: "error",
      failure: { code: "EXITED", message: "exit 1" },
      nextTryAt: wall + 5_000,
      pinnedUntil: wall + 60_000,
      dependants: ["blog"],
    },
  });
  const workloads = new Map([blog, wiki].map((workload) => [workload.spec.alias, workload]));
  const routes = new Map(
    [
      fakeRoute({ alias: "blog", hosts: ["blog.test"] }, blog, {
        upstream: () => "http://172.17.0.2:2368",
        requestsTotal: 12,
        lastUsedAt: clock.now() - 4_000,
        inFlight: 1,
      }),
      fakeRoute({ alias: "blog-api", workload: "blog", path: "/api", source: "local" }, blog),
      fakeRoute({ alias: "nas", workload: null, excluded: true }, null),
    ].map((route) => [route.spec.alias, route]),
  );
  return {
    version: "1.2.3",
    admin: adminAccess(),
    loginCode: null,
    basePath: "/",
    visit: visitFrom("127.0.0.1"),
    metricsPublic: false,
    dashboard: dashboardPlaces(),
    configSchema: { $schema: "https://json-schema.org/draft/2020-12/schema", type: "object" },
    clock,
    logger: recordingLogger(),
    registry: {
      match: () => undefined,
      get: (alias) => routes.get(alias),
      routes: () => routes.values(),
      size: routes.size,
      find: (name) => routes.get(name) ?? [...routes.values()].find(({ spec }) => spec.hosts.includes(name)),
    },
    workloads: () => workloads.values(),
    workload: (alias) => workloads.get(alias),
    signals: (alias) =>
      alias === "blog" ? [{ name: "requests", live: true, lastUsedAt: wall - 1_000, needs: null }] : [],
    events: () => [],
    intervals: () => [],
    journal: createJournal({ clock, logger: recordingLogger() }),
    providers: () => [
      { name: "local", type: "docker", connected: true, failure: null, workloads: 2 },
      {
        name: "pve",
        type: "proxmox",
        connected: false,
        failure: { code: "PROVIDER_UNAVAILABLE", message: "no answer" },
        workloads: 0,
      },
    ],
    configErrors: () => [{ source: "label blog-web", key: "nodoff.port", message: "not a port" }],
    exams: createExams(clock),
    isTrusted: () => true,
    proxyHops: 1,
    health: {
      view: (alias) => healthOf(alias, wall),
      history: (alias, period) =>
        healthOf(alias, wall) === undefined
          ? undefined
          : {
              period,
              samples: [{ at: wall, status: "healthy", latencyMs: 1.5 }],
              healthy: 0.99,
              napping: null,
            },
      forceCheck: (alias) => {
        changes.push(`${alias} check`);
        return Promise.resolve(healthOf(alias, wall));
      },
      checkAll: () => {
        changes.push("check all");
        return Promise.resolve();
      },
    },
    notifyTest: () => Promise.resolve([{ sender: "ops", type: "webhook", error: "connection refused" }]),
    metrics: { contentType: "text/plain; version=0.0.4; charset=utf-8", text: () => Promise.resolve("a 1\n") },
    upstreamsOf: (route) => [route.upstream() ?? []].flat(),
    guestOf: () => Promise.resolve(null),
    ready: () => ({ ok: true, missing: [] }),
  };
}

/** `blog` alone is watched. */
function healthOf(alias: string, wall: number): HealthView | undefined {
  if (alias !== "blog") return undefined;
  return {
    status: "healthy",
    uptimeMs: 61_000,
    latencyMs: 1.25,
    lastSeenAt: wall - 1_000,
    consecutiveFailures: 0,
    detail: "200 OK",
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Default: the right one; null = none. */
  readonly bearer?: string | null;
}

/** The control app on a real socket, over fakes: workloads `blog` (ready) and `wiki` (failed), three routes. */
export async function startControl(t: TestContext, overrides: Partial<ControlDeps> = {}) {
  const clock = fakeClock();
  const changes: string[] = [];
  const logger = recordingLogger();
  const journal = createJournal({ clock, logger });
  const control = createControl({ ...fakeDeps(clock, changes), logger, journal, ...overrides });
  const server = createServer(control.serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    control.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string, options: AskOptions = {}): Promise<Reply> => {
    const { method = "GET", headers = {}, bearer = token } = options;
    // As a client that types UTF-8 into the header.
    const authorization = bearer === null ? {} : { authorization: Buffer.from(`Bearer ${bearer}`).toString("latin1") };
    const sent = toBody(options.body);
    const all = { ...authorization, ...sent.headers, ...headers };
    const request = httpRequest({ port, host: "127.0.0.1", path, method, headers: all });
    request.end(sent.bytes);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
    return { status: response.statusCode ?? 0, headers: response.headers, body };
  };
  return { ask, url: `http://127.0.0.1:${port}`, clock, changes, logger, journal, port, close: control.close };
}

function toBody(body: unknown): { readonly bytes?: Buffer; readonly headers: Readonly<Record<string, string>> } {
  if (body === undefined) return { headers: {} };
  // Bytes: Node would send a string in one piece with the headers, and those as UTF-8.
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return { bytes, headers: { "content-type": "application/json" } };
}

/** The body of a 200 (or another success), checked against its schema. */
export function read<T extends z.ZodType>(schema: T, reply: Reply, status = 200): z.infer<T> {
  assert.equal(reply.status, status, reply.body);
  assert.match(String(reply.headers["content-type"]), /^application\/json/);
  return schema.parse(JSON.parse(reply.body));
}

export function assertProblem(reply: Reply, status: number, code: string): z.infer<typeof Problem> {
  assert.equal(reply.status, status, reply.body);
  assert.equal(reply.headers["content-type"], "application/problem+json");
  const problem = Problem.parse(JSON.parse(reply.body));
  assert.equal(problem.status, status);
  assert.equal(problem.code, code);
  return problem;
}
