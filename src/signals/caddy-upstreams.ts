import { networkInterfaces } from "node:os";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { NodoffError, toFailure } from "../core/errors.ts";
import type { Subject } from "../core/signal.ts";
import { toUpstreamFailure } from "../net/upstream-error.ts";
import { canonicalHost, placesOf, toPlace } from "./places.ts";
import type { Place } from "./places.ts";
import { untilAborted, within } from "./patience.ts";
import type { Resolve } from "./resolve.ts";

/** Caddy as one workload's proxy. */
export interface CaddyView {
  /** Requests, sockets and streams Caddy carries to it now. */
  readonly open: number;
  /**
   * Whether connections from this address to this port of the workload may be Caddy's. Where Caddy reaches it by a
   * published port of another number, nobody can tell: then they are taken for somebody else's.
   */
  isCaddy(address: string, port: number): boolean;
}

/** What Caddy's admin endpoint says about upstreams, asked once for all workloads. */
export interface CaddyUpstreams {
  /** null = Caddy has no upstream like it. Rejects with NodoffError when Caddy does not answer. */
  view(subject: Subject, options: { readonly signal: AbortSignal }): Promise<CaddyView | null>;
}

export interface CaddyUpstreamsDeps {
  readonly clock: Clock;
  readonly resolve: Resolve;
}

/** Answers of this age serve other workloads too. */
const sharedMs = 1_000;
const patienceMs = 2_000;
const maxAnswerBytes = 4 * 2 ** 20;

const Upstreams = z.array(z.object({ address: z.string(), num_requests: z.number() }));

interface Upstream {
  readonly place: Place;
  readonly open: number;
}

/** One answer of Caddy. */
interface Snapshot {
  /** By their place as text, and by their port. */
  readonly byText: ReadonlyMap<string, readonly Upstream[]>;
  readonly byPort: ReadonlyMap<number, readonly Upstream[]>;
  /** Where its admin endpoint is; null = on this machine. */
  readonly host: string | null;
}

interface Asked {
  readonly at: number;
  readonly adminUrl: string;
  readonly answer: Promise<Snapshot>;
  done: boolean;
}

/** `adminUrl` is asked for at each call: a reload may change it. */
export function createCaddyUpstreams(deps: CaddyUpstreamsDeps, adminUrl: () => string): CaddyUpstreams {
  const { clock, resolve } = deps;
  let asked: Asked | null = null;

  function ask(): Promise<Snapshot> {
    const url = adminUrl();
    const now = clock.now();
    if (asked !== null && asked.adminUrl === url && (!asked.done || now - asked.at < sharedMs)) return asked.answer;
    const fresh: Asked = { at: now, adminUrl: url, answer: askCaddy(clock, url), done: false };
    const settle = (): void => void (fresh.done = true);
    fresh.answer.then(settle, settle);
    asked = fresh;
    return fresh.answer;
  }

  return {
    view: (subject, { signal }) =>
      untilAborted([signal], async () => {
        const snapshot = await ask();
        const found = await match(snapshot, subject, resolve);
        if (found.length === 0) return null;
        const open = found.reduce((sum, { open }) => sum + open, 0);
        const { host } = snapshot;
        let own: ReadonlySet<string> | null = null;
        const ports = new Set(found.map(({ place }) => place.port));
        const isCaddy = (address: string, port: number): boolean =>
          ports.has(port) && (host === null ? (own ??= ownAddresses()).has(address) : address === host);
        return { open, isCaddy };
      }),
  };
}

/** By what is written there; by address only where that finds nothing, since it may cost a look-up. */
async function match(snapshot: Snapshot, subject: Subject, resolve: Resolve): Promise<readonly Upstream[]> {
  const { origins, names } = placesOf(subject);
  const written = new Set([...origins, ...names].map(({ text }) => text));
  const same = [...written].flatMap((text) => snapshot.byText.get(text) ?? []);
  if (same.length > 0) return same;
  const ports = new Set(origins.map(({ port }) => port));
  const candidates = [...ports].flatMap((port) => snapshot.byPort.get(port) ?? []);
  if (candidates.length === 0) return [];
  const since = subject.awakeSince;
  const addressesOf = ({ host }: Place): Promise<readonly string[]> => resolve(host, { since });
  const ours = new Set<string>();
  for (const origin of origins) for (const address of await addressesOf(origin)) ours.add(`${address} ${origin.port}`);
  const hits = await Promise.all(
    candidates.map(async ({ place }) =>
      (await addressesOf(place)).some((address) => ours.has(`${address} ${place.port}`)),
    ),
  );
  return candidates.filter((_, index) => hits[index]);
}

async function askCaddy(clock: Clock, adminUrl: string): Promise<Snapshot> {
  try {
    return await within({ clock, ms: patienceMs }, (signal) => fetchUpstreams(adminUrl, signal));
  } catch (error) {
    const why = error instanceof NodoffError ? error.message : toUpstreamFailure(error).detail;
    const { code } = toFailure(error, "PROVIDER_UNAVAILABLE");
    throw new NodoffError(code, `Caddy's admin endpoint (${adminUrl}): ${why}`, { cause: error });
  }
}

/** One connection per answer: nothing to keep when Caddy restarts, and it says where Caddy is. */
async function fetchUpstreams(adminUrl: string, signal: AbortSignal): Promise<Snapshot> {
  const socketPath = /^unix:\/\/(.+)$/.exec(adminUrl)?.[1];
  let host: string | null = null;
  const { buildConnector, Client } = await import("undici");
  const connect = buildConnector({ allowH2: false, ...(socketPath !== undefined && { socketPath }) });
  const client = new Client(socketPath === undefined ? new URL(adminUrl).origin : "http://caddy", {
    connect: (options, callback) =>
      connect(options, (...outcome) => {
        const address = outcome[1]?.remoteAddress;
        if (address !== undefined) host = canonicalHost(address);
        callback(...outcome);
      }),
    maxResponseSize: maxAnswerBytes,
  });
  try {
    // On its socket Caddy accepts no name but an empty one (before 2.7; later it does still).
    const headers = socketPath === undefined ? {} : { host: "" };
    const path = "/reverse_proxy/upstreams";
    const { statusCode, body } = await client.request({ method: "GET", path, headers, signal, reset: true });
    const text = await body.text();
    if (statusCode !== 200) throw refused(statusCode, text);
    const upstreams = toUpstreams(text);
    return {
      byText: Map.groupBy(upstreams, ({ place }) => place.text),
      byPort: Map.groupBy(upstreams, ({ place }) => place.port),
      host: host === null || isLoopback(host) ? null : host,
    };
  } finally {
    client.destroy(() => undefined);
  }
}

function refused(status: number, text: string): NodoffError {
  const hint = status === 403 ? "; name the host of admin_url in Caddy's `admin { origins … }`" : "";
  return new NodoffError("PROVIDER_UNAVAILABLE", `answered ${status} ${text.trim().slice(0, 200)}${hint}`);
}

function toUpstreams(text: string): readonly Upstream[] {
  const parsed = Upstreams.safeParse(toJson(text));
  if (!parsed.success) throw new NodoffError("PROVIDER_UNAVAILABLE", "the answer is no list of upstreams");
  return parsed.data.flatMap(({ address, num_requests: open }) => {
    const place = toPlace(address);
    return place === null ? [] : [{ place, open }];
  });
}

function toJson(text: string): unknown {
  try {
    // Before its first upstream Caddy may say null.
    return (JSON.parse(text) as unknown) ?? [];
  } catch {
    return undefined;
  }
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}

function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return new Set(all.map(({ address }) => canonicalHost(address)));
}
