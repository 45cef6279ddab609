import { activitySpec, doorSpec, healthSpec, workloadSpec } from "./specs.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as startRequest } from "node:http";
import { createInFlight } from "../../src/core/in-flight.ts";
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  RequestOptions,
  Server,
} from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import type { TestContext } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import type { Answer, DoorOptions, Gate, RequestFacts } from "../../src/core/gate.ts";
import { decisionNames } from "../../src/core/route.ts";
import type { DecisionCounts, Route, RouteRegistry } from "../../src/core/route.ts";
import type { RouteSpec } from "../../src/core/spec.ts";
import type { WorkloadHandle } from "../../src/core/workload-handle.ts";
import { systemClock } from "../../src/system-clock.ts";
import { createOriginPools } from "../../src/net/origin-pools.ts";
import { createProxy } from "../../src/proxy/proxy.ts";
import type { Proxy, ProxyDeps } from "../../src/proxy/proxy.ts";
import type { HeadTimeouts } from "../../src/proxy/server.ts";
import { recordingLogger } from "./logger.ts";
import type { LogLine } from "./logger.ts";

/** A route whose `inFlight` can be awaited. */
export interface StageRoute extends Route {
  /** Resolves once nothing is carried any more. */
  idle(): Promise<void>;
  /** The most that was carried at one time. */
  readonly peak: number;
  readonly touches: number;
  readonly rechecks: number;
  /** Of its workload. */
  locating: Promise<void> | null;
}

export interface Stage {
  readonly proxy: Proxy;
  readonly port: number;
  readonly route: StageRoute;
  readonly lines: readonly LogLine[];
  readonly asked: readonly RequestFacts[];
}

export interface StageOptions {
  /** Listener or server behind the route `app` (host app.test); null = the address is closed. */
  readonly upstream: RequestListener | NetServer | null;
  readonly spec?: Partial<RouteSpec>;
  readonly admit?: (facts: RequestFacts, options: DoorOptions) => Answer | Promise<Answer>;
  readonly reserved?: ProxyDeps["reserved"];
  readonly names?: ProxyDeps["names"];
  readonly acceptsProxyHeader?: boolean;
  /** Instead of `trusted`. */
  readonly isTrusted?: ProxyDeps["isTrusted"];
  readonly accessLog?: NonNullable<ProxyDeps["accessLog"]>;
  readonly trusted?: boolean;
  /** The fallback port, and what it shows of what is awake. */
  readonly fallback?: Answer;
  readonly origin?: () => string | null;
  readonly scheme?: "http" | "https" | "h2c";
  /** Without a workload nothing is redialled. */
  readonly hasWorkload?: boolean;
  readonly clock?: Clock;
  readonly timeouts?: HeadTimeouts;
  /** The proxy speaks TLS with these. */
  readonly certificates?: NonNullable<ProxyDeps["certificates"]>;
  readonly redirectPort?: number;
  readonly dialed?: NonNullable<ProxyDeps["dialed"]>;
}

/** Time that runs twenty times as fast, for tests that see real sockets through a time limit. */
export const hastyClock: Clock = {
  now: () => systemClock.now() * 20,
  wall: () => systemClock.wall(),
  after: (delayMs, run) => systemClock.after(delayMs / 20, run),
};

const allow: Answer = { kind: "allow", decision: "allow" };

/** Our proxy before a real upstream, both on loopback, with a gate that allows unless told otherwise. */
export async function openStage(t: TestContext, options: StageOptions): Promise<Stage> {
  const { upstream, spec, trusted = false, scheme = "http" } = options;
  const server = typeof upstream === "function" ? createServer(upstream) : upstream;
  const origin = server === null ? "http://127.0.0.1:1" : `${scheme}://127.0.0.1:${await open(t, server)}`;
  const route = stageRoute(spec ?? {}, {
    upstream: options.origin ?? (() => origin),
    hasWorkload: options.hasWorkload ?? true,
  });
  const asked: RequestFacts[] = [];
  const gate: Gate = {
    admit(_route, facts, door) {
      asked.push(facts);
      return options.admit?.(facts, door) ?? allow;
    },
    present: () => options.fallback ?? assert.fail("the proxy never asks for a page that must not be held"),
  };
  const logger = recordingLogger();
  const clock = options.clock ?? systemClock;
  const pools = createOriginPools({ clock });
  const proxy = createProxy({
    registry: stageRegistry([route]),
    gate,
    clock,
    logger,
    pools,
    inFlight: createInFlight(clock),
    ...(options.names !== undefined && { names: options.names }),
    ...(options.accessLog !== undefined && { accessLog: options.accessLog }),
    ...(options.dialed !== undefined && { dialed: options.dialed }),
    ...(options.certificates !== undefined && { certificates: options.certificates }),
    ...(options.redirectPort !== undefined && { redirectPort: options.redirectPort }),
    proxyHops: 1,
    reserved: options.reserved ?? ((_req, res) => void res.end("reserved")),
    acceptsProxyHeader: options.acceptsProxyHeader ?? false,
    isTrusted: options.isTrusted ?? (() => trusted),
    ...(options.fallback !== undefined && {
      isFallback: true,
      admits(_req, res) {
        if (!trusted) res.writeHead(403, { "content-length": "0" }).end();
        return trusted;
      },
    }),
    ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
  });
  const port = await open(t, proxy.server);
  t.after(async () => {
    await proxy.close({ graceMs: 0 });
    await pools.close({ graceMs: 0 });
    // Whatever a test did: with everything closed nothing may count as use any more.
    await Promise.race([route.idle(), overdue(`${route.inFlight} are still counted as in flight`)]);
  });
  return { proxy, port, route, lines: logger.lines, asked };
}

/** Rejects with this after a while: for waits that must not last as long as the test may. */
export function overdue(message: string): Promise<never> {
  return new Promise((_resolve, reject) => void setTimeout(() => reject(new Error(message)), 2_000).unref());
}

/** Lets a server listen on loopback for the length of the test; gives its port. Its sockets end with the test. */
export async function open(t: TestContext, server: NetServer | Server): Promise<number> {
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    t.after(() => void socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** These routes, found by host and prefix or by name. */
export function stageRegistry(routes: readonly Route[]): RouteRegistry {
  return {
    match: (host, path) =>
      routes.find(({ spec }) => {
        const prefix = spec.path === "/" ? "" : spec.path;
        const isWithin = path === prefix || path.startsWith(`${prefix}/`);
        return isWithin && spec.hosts.includes(host.toLowerCase().replace(/:\d+$/, ""));
      }),
    get: (alias) => routes.find(({ spec }) => spec.alias === alias),
    routes: () => routes,
    size: routes.length,
  };
}

interface RouteParts {
  readonly upstream: () => string | null;
  readonly hasWorkload: boolean;
  /** `activity.connections.stale_after`. */
  readonly staleAfterMs?: number | null;
}

/** A route that leads where it is told. */
export function stageRoute(
  spec: Partial<RouteSpec>,
  { upstream, hasWorkload, staleAfterMs = null }: RouteParts,
): StageRoute {
  let inFlight = 0;
  let peak = 0;
  let touches = 0;
  let rechecks = 0;
  let locating: Promise<void> | null = null;
  const waiting: (() => void)[] = [];
  const workload = {
    get locating() {
      return locating;
    },
    spec: workloadSpec({ activity: activitySpec({ connections: { required: false, staleAfterMs } }) }),
    touch: () => void touches++,
    recheck: () => void rechecks++,
  } as unknown as WorkloadHandle;
  return {
    spec: {
      alias: "app",
      kind: "http",
      source: "file",
      hosts: ["app.test"],
      path: "/",
      stripPath: false,
      workload: "app",
      upstream: null,
      door: {} as RouteSpec["door"],
      health: healthSpec(),
      served: true,
      tlsVerify: true,
      hostHeader: null,
      excluded: false,
      ...spec,
    },
    workload: hasWorkload ? workload : null,
    upstream,
    decisions: Object.fromEntries(decisionNames.map((name) => [name, 0])) as DecisionCounts,
    requestsTotal: 0,
    door: doorSpec(),
    headerName: null,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    get inFlight() {
      return inFlight;
    },
    set inFlight(value) {
      assert.ok(value >= 0, "ended more than was begun");
      inFlight = value;
      peak = Math.max(peak, value);
      if (value === 0) for (const resolve of waiting.splice(0)) resolve();
    },
    get peak() {
      return peak;
    },
    get touches() {
      return touches;
    },
    get rechecks() {
      return rechecks;
    },
    get locating() {
      return locating;
    },
    set locating(value) {
      locating = value;
    },
    idle: () => new Promise((resolve) => void (inFlight === 0 ? resolve() : waiting.push(resolve))),
  };
}

/** An answer read to its end. */
export interface Fetched {
  readonly status: number;
  readonly message: string;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
}

/** One request on a connection of its own, Host app.test unless told otherwise; resolves when both ends are through. */
export async function fetchFrom(
  port: number,
  options: Omit<RequestOptions, "headers"> & { readonly headers?: OutgoingHttpHeaders } = {},
  body?: Buffer | string,
): Promise<Fetched> {
  const req = startRequest({
    host: "127.0.0.1",
    port,
    agent: false,
    ...options,
    headers: { host: "app.test", ...options.headers },
  });
  req.end(body);
  const [res] = (await once(req, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  // An answer may come before the body is sent: the rest must still find a taker.
  if (!req.writableFinished) await once(req, "finish");
  const { statusCode = 0, statusMessage = "", headers, trailers } = res;
  return { status: statusCode, message: statusMessage, headers, trailers, body: Buffer.concat(chunks) };
}

/** Sends bytes as they are and gives everything that comes back until the connection ends. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text, "latin1");
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) answer += chunk as string;
  return answer;
}

/** Reads from a socket until what came matches. */
export async function readUntil(socket: Socket, pattern: RegExp): Promise<string> {
  let text = "";
  while (!pattern.test(text)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await once(socket, "readable");
    else text += chunk.toString("latin1");
  }
  return text;
}
