import { createServer, request } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { createJournal } from "../../src/engine/journal.ts";
import { createExams } from "../../src/core/exams.ts";
import type { Journal } from "../../src/core/journal.ts";
import type { Pages } from "../../src/core/pages.ts";
import type { Route, RouteRegistry } from "../../src/core/route.ts";
import type { LoadingSpec, RouteSpec, WorkloadSpec } from "../../src/core/spec.ts";
import type { HookDeps } from "../../src/hook/deps.ts";
import { createHook } from "../../src/hook/hook.ts";
import type { Hook } from "../../src/hook/hook.ts";
import { fakeClock } from "./fake-clock.ts";
import type { FakeClock } from "./fake-clock.ts";
import { fakeGate, fakeHandle, fakeRegistry, fakeRoute } from "./fake-doors.ts";
import type { FakeGate, FakeHandle } from "./fake-doors.ts";
import { recordingLogger } from "./logger.ts";
import type { LogLine } from "./logger.ts";
import { routeSpec, workloadSpec } from "./specs.ts";

/** A real server with the hook in it, around a fake gate, handle and registry. */
export interface HookWorld {
  readonly hook: Hook;
  readonly gate: FakeGate;
  readonly blog: FakeHandle;
  readonly route: Route;
  readonly journal: Journal;
  readonly clock: FakeClock;
  readonly lines: readonly LogLine[];
  readonly port: number;
  ask(path: string, headers?: Headers, options?: AskOptions): Promise<Told>;
}

type Headers = Readonly<Record<string, string>>;

export interface AskOptions {
  readonly method?: string;
  readonly signal?: AbortSignal;
}

export interface Told {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface WorldOptions {
  readonly deps?: Partial<HookDeps>;
  readonly workload?: Partial<WorkloadSpec>;
  readonly loading?: Partial<LoadingSpec>;
  readonly route?: Partial<RouteSpec>;
  /** Besides `blog` at blog.test; they never sleep. */
  readonly others?: readonly RouteSpec[];
}

/** Shows the model it was given. */
const plainPages: Pages = {
  render: (model) => ({
    status: 503,
    headers: { "content-type": "text/html", "x-nodoff-state": model.state },
    body: Buffer.from(JSON.stringify(model)),
  }),
};

const generous = { count: 1_000, perMs: 10_000 };

export async function hookWorld(t: TestContext, options: WorldOptions = {}): Promise<HookWorld> {
  const clock = fakeClock();
  const logger = recordingLogger();
  const journal = createJournal({ clock, logger });
  const spec = workloadSpec({ alias: "blog", displayName: "My blog", ...options.workload });
  const blog = fakeHandle({ ...spec, loading: { ...spec.loading, ...options.loading } }, journal);
  const route = fakeRoute(routeSpec({ alias: "blog", workload: "blog", ...options.route }), blog);
  const others = (options.others ?? []).map((other) => fakeRoute(other, null));
  const registry: RouteRegistry = fakeRegistry([route, ...others]);
  const gate = fakeGate();
  const hook = createHook({
    registry,
    gate,
    journal,
    clock,
    logger,
    pages: plainPages,
    exams: createExams(clock),
    isTrusted: () => true,
    proxyHops: 1,
    unknownHost: "allow",
    limits: { statusPerClient: generous, logsPerClient: generous },
    publicUrl: null,
    ...options.deps,
  });
  const server = createServer((req, res) => {
    if (!hook.serve(req, res)) res.writeHead(404, { "x-not-the-hooks": "1" }).end();
  });
  const port = await listening(server);
  t.after(() => {
    hook.close();
    server.closeAllConnections();
    server.close();
  });
  const ask: HookWorld["ask"] = (path, headers = {}, asking = {}) => askAt(port, path, { headers, ...asking });
  return { hook, gate, blog, route, journal, clock, lines: logger.lines, port, ask };
}

/** Listens on loopback and tells the port. */
export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** One request with exactly these headers. */
export function askAt(
  port: number,
  path: string,
  { headers, method = "GET", signal }: AskOptions & { readonly headers: Headers },
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false, ...(signal && { signal }) });
    sent.on("error", reject);
    sent.on("response", (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on("error", reject);
    });
    sent.end();
  });
}

/** What Traefik and Caddy send for a client's GET of `uri`. */
export function forwarded(uri: string, over: Headers = {}): Headers {
  return {
    host: "nodoff:8090",
    "x-forwarded-method": "GET",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "blog.test",
    "x-forwarded-uri": uri,
    "x-forwarded-for": "10.1.1.1",
    ...over,
  };
}

/** What nginx sends with the kit for a client's GET of `uri`. */
export function original(uri: string, over: Headers = {}): Headers {
  return {
    host: "blog.test",
    "x-original-method": "GET",
    "x-original-uri": uri,
    "x-original-addr": "10.1.1.1",
    "x-original-proto": "https",
    ...over,
  };
}
