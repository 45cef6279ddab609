import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import { plain } from "../paint.ts";
import { Workload } from "../shapes.ts";
import { type Asked, type Evidence, type Exam, forgedClient, Route, Sightings, type Woken } from "./evidence.ts";
import type { ProxyName } from "./finding.ts";
import { type Reply, send } from "./send.ts";

/** How routes are asked. */
export interface Examining {
  readonly client: Client;
  readonly exam: Exam;
  /** Where the proxy listens; null = ask DNS for each host. */
  readonly via: URL | null;
  readonly proxy: ProxyName | null;
  readonly insecure: boolean;
  /** Sent with each request. */
  readonly header: Readonly<Record<string, string>>;
  /** Wakes what sleeps. */
  readonly wake: boolean;
  readonly stop: AbortSignal;
}

const timeoutMs = 15_000;
/** A caller may be held for 25 s. */
const wakeTimeoutMs = 40_000;
const pollMs = 500;
/** After nodoff says ready: Traefik's Docker provider needs up to 2.5 s. */
const handOverMs = 15_000;

const navigation = { accept: "text/html", "sec-fetch-mode": "navigate", "user-agent": "nodoff-doctor" };

/** Sends the requests one route is judged by, from outside. `place` makes the tags of its requests its own. */
export async function examine(route: Route, place: number, examining: Examining): Promise<Evidence> {
  const { client, exam, proxy, insecure } = examining;
  const host = hostOf(route);
  const { state, failure } = await stateOf(route, client);
  const ask = (url: URL, tag: string, mark = tag): Promise<Asked> => askMarked(url, { tag, mark }, examining);
  const { url, first: once } = await firstAnswer(
    host,
    route.path,
    (candidate) => ask(candidate, `r${place}plain`),
    examining,
  );
  // One failure to get to the app may be chance; two are not.
  const first = state === "ready" && isAppAway(once) ? await ask(url, `r${place}again`) : once;
  const isCalled = first.sightings.some(({ door, outcome }) => door === "auth" && outcome === "read");
  const page = isCalled ? await ask(url, `r${place}page`, `r${place}page.page`) : null;
  const channelUrl = new URL(`/.nodoff/ping?route=${encodeURIComponent(route.alias)}`, url);
  const channel = isCalled ? await ask(channelUrl, `r${place}channel`) : null;
  const isSeen = isCalled || first.sightings.some(({ door }) => door === "proxy");
  const wakes = examining.wake && isSeen && route.workload !== null && state !== "ready";
  const woken = wakes ? await wakeThrough(url, route, examining) : null;
  const counted = first.sightings.length === 0 && (await totalOf(route, client)) > route.requests_total;
  return {
    counted,
    route,
    url,
    proxy,
    state,
    failure,
    via: examining.via?.hostname ?? null,
    proxyHops: exam.proxy_hops,
    insecure,
    plain: first,
    page,
    channel,
    woken,
  };
}

function isAppAway({ reply, sightings }: Asked): boolean {
  const isCalled = sightings.some(({ door }) => door === "auth" || door === "proxy");
  const isShown = sightings.some(({ door }) => door === "wake");
  return isCalled && (isShown || (reply.kind === "answer" && (reply.status === 502 || reply.status === 504)));
}

/** A name the route answers to: patterns are given a name of ours. */
function hostOf({ hosts }: Route): string {
  const host = hosts.find((candidate) => !candidate.includes("*")) ?? hosts[0] ?? "";
  return host.replace(/^\*{1,2}\./, "nodoff-doctor.");
}

async function totalOf({ alias }: Route, client: Client): Promise<number> {
  return (await client.get(`routes/${encodeURIComponent(alias)}`, Route)).requests_total;
}

async function stateOf({ workload }: Route, client: Client): Promise<Pick<Evidence, "state" | "failure">> {
  if (workload === null) return { state: "ready", failure: null };
  const { state, error } = await client.get(`workloads/${encodeURIComponent(workload)}`, Workload);
  return { state, failure: state === "error" ? plain(error?.message ?? "for a reason nobody said") : null };
}

/** By https, unless nobody listens there. */
async function firstAnswer(
  host: string,
  path: string,
  ask: (url: URL) => Promise<Asked>,
  { via }: Examining,
): Promise<{ readonly url: URL; readonly first: Asked }> {
  if (via !== null) {
    const url = new URL(path, `${via.protocol}//${host}${via.port === "" ? "" : `:${via.port}`}`);
    return { url, first: await ask(url) };
  }
  const secure = new URL(path, `https://${host}`);
  const first = await ask(secure);
  if (first.reply.kind === "answer" || first.reply.reason !== "refused") return { url: secure, first };
  const url = new URL(path, `http://${host}`);
  return { url, first: await ask(url) };
}

async function askMarked(
  url: URL,
  { tag, mark }: { readonly tag: string; readonly mark: string },
  { client, exam, ...examining }: Examining,
): Promise<Asked> {
  const marks = { "x-nodoff-probe": `${exam.nonce}.${mark}`, "x-forwarded-for": forgedClient };
  const reply = await sendTo(url, {
    ...examining,
    headers: { ...navigation, ...examining.header, ...marks },
    timeoutMs,
  });
  const { sightings } = await client.get(`doctor/${exam.nonce}`, Sightings);
  return { reply, sightings: sightings.filter((sighting) => sighting.tag === tag) };
}

function sendTo(
  url: URL,
  {
    via,
    headers,
    timeoutMs: limit,
    stop,
  }: Pick<Examining, "via" | "stop"> & {
    readonly headers: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
  },
): Promise<Reply> {
  return send({ url, connectTo: via?.hostname.replace(/^\[|\]$/g, "") ?? null, headers, timeoutMs: limit, stop });
}

/** A person's visit: page or hold, then until the app itself answers. */
async function wakeThrough(url: URL, route: Route, examining: Examining): Promise<Woken> {
  const { client, stop, header } = examining;
  const startedAt = performance.now();
  let last = await sendTo(url, { ...examining, headers: { ...navigation, ...header }, timeoutMs: wakeTimeoutMs });
  let readyAt: number | null = null;
  const probe = { ...navigation, ...header, "x-nodoff-probe": "1" };
  while (!isApp(last)) {
    const workload = await client.get(`workloads/${encodeURIComponent(route.workload ?? "")}`, Workload);
    if (workload.state === "error") return { kind: "failed", message: plain(workload.error?.message ?? "error") };
    readyAt = workload.state === "ready" ? (readyAt ?? performance.now()) : null;
    if (readyAt !== null && performance.now() - readyAt > handOverMs)
      return { kind: "stuck", status: last.kind === "answer" ? last.status : 0 };
    await delay(pollMs, undefined, { signal: stop }).catch(() => {
      throw new CommandFailure("stopped");
    });
    last = await sendTo(url, { ...examining, headers: probe, timeoutMs });
  }
  return { kind: "passed", tookMs: performance.now() - startedAt };
}

/** As the loading page tells it: no word of nodoff's, and not the proxy's own failure. 404: Traefik without a router yet. */
function isApp(reply: Reply): boolean {
  if (reply.kind === "failed" || reply.headers["x-nodoff-state"] !== undefined) return false;
  const isTraefiks404 = reply.status === 404 && reply.body === "404 page not found\n";
  return ![307, 502, 503, 504].includes(reply.status) && !isTraefiks404;
}
