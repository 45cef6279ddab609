import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { toProblem } from "../core/problem.ts";
import { isHostForm } from "../net/host-form.ts";
import type { Labels, TraefikContainer, TraefikProblem } from "./container.ts";
import { toDocument } from "./document.ts";
import { portsNeeded } from "./services.ts";

/** A container and whose it is. */
export interface Source {
  readonly provider: string;
  readonly container: TraefikContainer;
  /** Alias of its workload; null = left out by nodoff, and let through. */
  readonly alias: string | null;
  /** Identity of this very incarnation. */
  readonly id: string;
}

/** What engines say now. */
export interface Sources {
  /** Another number, another content. */
  readonly revision: number;
  readonly containers: readonly Source[];
  /** Labels of those nodoff does not speak for. */
  readonly others: readonly Labels[];
}

export interface ConfigDoorDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the peer may ask; else it has been answered. */
  readonly admits: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** null = not known yet: half of it would take routes away. */
  readonly sources: () => Sources | null;
  /** `host:port`; null = none that stays. Never rejects. */
  readonly lastingAddress: (source: Source, query: { port: number; byName: boolean }) => Promise<string | null>;
}

/** `/traefik/config` (design §1, way c). */
export interface ConfigDoor {
  /** False for every other path: nothing was written. */
  serve(req: IncomingMessage, res: ServerResponse): boolean;
  /** Whether a proxy that asks here lately was told the way to this workload. */
  leadsTo(alias: string): boolean;
  /** What the last answer left out, or should be said otherwise. */
  problems(): readonly TraefikProblem[];
}

const path = "/traefik/config";
/** Traefik asks every 5 s unless told otherwise; one that asks seldom is still one that asks. */
const leastFreshMs = 30_000;
const lookupsAtOnce = 8;

interface Answer {
  readonly key: string;
  readonly body: string;
  readonly etag: string;
  readonly aliases: ReadonlySet<string>;
}

/** Answers with the same bytes as long as nothing changed, since Traefik applies what it gets when the bytes differ. */
export function createConfigDoor(deps: ConfigDoorDeps): ConfigDoor {
  const { clock, logger } = deps;
  let answer: Answer | null = null;
  let problems: readonly TraefikProblem[] = [];
  let told: ReadonlySet<string> = new Set();
  let askedAt: number | null = null;
  let freshMs = leastFreshMs;

  async function build(key: string, sources: Sources, asker: Asker): Promise<Answer> {
    const addresses = await findAddresses(sources.containers, asker.byName, deps.lastingAddress);
    const containers = sources.containers.map(({ container }) => container);
    const {
      config,
      problems: found,
      routed,
    } = toDocument({
      ...asker,
      containers,
      others: sources.others,
      addressOf: (container, port) => addresses.get(container)?.get(port) ?? null,
    });
    tell(found);
    const body = JSON.stringify(config);
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    const led = sources.containers.filter(({ container }) => routed.has(container.name));
    return { key, body, etag, aliases: new Set(led.flatMap(({ alias }) => alias ?? [])) };
  }

  /** Each once, and again when it comes back after it was mended. */
  function tell(found: readonly TraefikProblem[]): void {
    problems = found;
    const lines = new Set(found.map(({ container, key, message }) => `${container} ${key} ${message}`));
    for (const { container, key, message } of found)
      if (!told.has(`${container} ${key} ${message}`))
        logger.warn("a Traefik label is not passed on as it is", { container, key, error: message });
    told = lines;
  }

  async function respond(req: IncomingMessage, res: ServerResponse, asker: Asker): Promise<void> {
    const sources = deps.sources();
    if (sources === null) return refuse(res, 503, "the engines were not looked at yet");
    const key = JSON.stringify([sources.revision, asker]);
    if (answer?.key !== key) answer = await build(key, sources, asker);
    note();
    const headers = { "content-type": "application/json", "cache-control": "no-cache", etag: answer.etag };
    if (req.headers["if-none-match"] === answer.etag) return void res.writeHead(304, headers).end();
    const length = { "content-length": String(Buffer.byteLength(answer.body)) };
    res.writeHead(200, { ...headers, ...length }).end(req.method === "HEAD" ? undefined : answer.body);
  }

  function note(): void {
    const now = clock.now();
    if (askedAt === null) logger.info("Traefik asks for its configuration", { routes: answer?.aliases.size ?? 0 });
    else freshMs = Math.max(leastFreshMs, 3 * (now - askedAt));
    askedAt = now;
  }

  return {
    serve(req, res) {
      const [asked, query = ""] = (req.url ?? "/").split("?");
      if (asked !== path) return false;
      if (!deps.admits(req, res)) return true;
      const asker = toAsker(req, query);
      if (req.method !== "GET" && req.method !== "HEAD") refuse(res, 405, "only GET and HEAD");
      else if (asker === null) refuse(res, 400, `"hook" is an address such as http://127.0.0.1:8099`);
      else
        respond(req, res, asker).catch((error: unknown) => {
          logger.error("the configuration for Traefik could not be made", { error });
          // Traefik keeps what it has.
          if (!res.headersSent) refuse(res, 503, "it could not be made");
        });
      return true;
    },
    leadsTo: (alias) => askedAt !== null && clock.now() - askedAt <= freshMs && answer?.aliases.has(alias) === true,
    problems: () => problems,
  };
}

/** What the answer depends on besides the engines. */
interface Asker {
  /** nodoff as the proxy reaches it: where it has just asked. */
  readonly origin: string;
  readonly hook: string;
  /** The proxy is not on nodoff's own machine, so it is in a container. */
  readonly byName: boolean;
}

function toAsker(req: IncomingMessage, query: string): Asker | null {
  const host = req.headers.host ?? "";
  if (host === "" || !isHostForm(host)) return null;
  const hook = new URLSearchParams(query).get("hook");
  if (hook !== null && !/^https?:\/\/[^/?#@\s]+$/.test(hook)) return null;
  const origin = `http://${host}`;
  const peer = req.socket.remoteAddress ?? "";
  return { origin, hook: hook ?? origin, byName: !/^(?:::1$|(?:::ffff:)?127\.)/.test(peer) };
}

function refuse(res: ServerResponse, status: number, detail: string): void {
  const { body, headers } = toProblem({ code: status === 503 ? "PROVIDER_UNAVAILABLE" : "BAD_REQUEST", detail });
  const allow = status === 405 ? { allow: "GET, HEAD" } : {};
  res.writeHead(status, { ...headers, ...allow, "content-length": String(Buffer.byteLength(body)) }).end(body);
}

type Addresses = ReadonlyMap<TraefikContainer, ReadonlyMap<number, string | null>>;

/** Where each container is reached at each port its services need, asked for a few at a time. */
export async function findAddresses(
  containers: readonly Source[],
  byName: boolean,
  find: ConfigDoorDeps["lastingAddress"],
): Promise<Addresses> {
  const found = new Map<TraefikContainer, Map<number, string | null>>();
  const wanted = containers.flatMap((source) =>
    portsNeeded(source.container).map((port) => ({ source, port, container: source.container })),
  );
  let next = 0;
  const work = async (): Promise<void> => {
    for (let each = wanted[next++]; each !== undefined; each = wanted[next++]) {
      const { source, port, container } = each;
      const ports = found.get(container) ?? new Map<number, string | null>();
      found.set(container, ports);
      ports.set(port, await find(source, { port, byName }));
    }
  };
  await Promise.all(Array.from({ length: lookupsAtOnce }, work));
  return found;
}
