import { proxmoxApi } from "proxmox-api";
import type { Proxmox } from "proxmox-api";
import type { Clock } from "../../core/clock.ts";
import { deadline, wait } from "../deadline.ts";
import { readAnswer } from "./answer.ts";
import { PveError } from "./pve-error.ts";
import { toList, toText } from "./raw.ts";
import { createSession } from "./session.ts";
import type { PveCredentials } from "./session.ts";
import type { Transport, WireRequest } from "./transport.ts";
import { createTurnstile } from "./turnstile.ts";

export interface ClientOptions {
  /** Base addresses of one cluster, in the order they are tried: any node answers for all. */
  readonly origins: readonly string[];
  readonly credentials: PveCredentials;
  readonly transport: Transport;
  readonly clock: Clock;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** How long each try may take; default 10 s to read, 35 s to change something. `signal` ends all. */
  readonly limitMs?: number;
  /** Ask although the cluster refused us a moment ago: for whoever finds out that it no longer does. */
  readonly insist?: boolean;
}

/** The API of one cluster. Calls reject with PveError, or with the signal's reason. */
export interface Client {
  /** `token nodoff@pve!wake` or `user root@pam`. */
  readonly who: string;
  /**
   * Typed paths: `api(io).nodes.$("pve1").lxc.$(100).status.current.$get()`. Never await or return a path itself: any
   * property of it is a path too, `then` included.
   */
  api(options: CallOptions): Proxmox.Api;
  close(): Promise<void>;
}

const perNode = 2;
const readLimitMs = 10_000;
/** A node asks another one for up to 30 s. */
const changeLimitMs = 35_000;
const realmsLimitMs = 2_000;
const retryGapMs = 200;
/**
 * A refused login is told to everybody for so long without asking again: each 401 takes the cluster 3 s, and a wake
 * must not wait for several of them in a row.
 */
const refusedMs = 4_000;
const base = "/api2/json";

interface Call {
  readonly method: WireRequest["method"];
  /** With its query. */
  readonly path: string;
  readonly body: string | null;
  /** For messages: `GET /nodes/pve1/lxc`. */
  readonly name: string;
  /** Whose workers carry it out; empty = the node that is asked. */
  readonly node: string;
}

export function createClient({ origins, credentials, transport, clock }: ClientOptions): Client {
  const session = createSession({ credentials, clock, send: transport.send });
  const turnstile = createTurnstile(perNode);
  let preferred = 0;
  let refused: { readonly error: PveError; readonly until: number } | null = null;

  async function once(call: Call, origin: string, options: CallOptions): Promise<unknown> {
    const leave = await turnstile.enter(call.node, options.signal);
    const limitMs = options.limitMs ?? (call.method === "GET" ? readLimitMs : changeLimitMs);
    const { signal, end } = deadline(clock, limitMs, options.signal);
    try {
      return await authorized(call, origin, signal);
    } catch (error) {
      if (options.signal.aborted || !signal.aborted) throw error;
      const text = `${origin} did not answer ${call.name} within ${limitMs / 1000} s`;
      throw new PveError("timeout", text, { cause: error });
    } finally {
      end();
      leave();
    }
  }

  /** Any 401 is worth one new login, whatever its text: that changed between versions. It was not carried out. */
  async function authorized(call: Call, origin: string, signal: AbortSignal): Promise<unknown> {
    const { method, path, body, name } = call;
    for (let tries = 1; ; tries++) {
      const proof = await session.headers(method, origin, signal);
      const headers = body === null ? proof : { ...proof, "content-type": "application/x-www-form-urlencoded" };
      const answer = await transport.send({ origin, path, method, headers, body }, signal);
      if (answer.status === 401 && tries === 1 && session.forget(proof)) continue;
      return readAnswer(answer, { origin, call: name, who: session.who });
    }
  }

  async function run(call: Call, options: CallOptions): Promise<unknown> {
    if (refused !== null && clock.now() < refused.until && options.insist !== true) throw refused.error;
    // With one address only what may pass at once is tried again.
    const tries = Math.max(2, origins.length);
    for (let tried = 1; ; tried++) {
      const at = preferred;
      try {
        const data = await once(call, origins[at] ?? "", options);
        refused = null;
        return data;
      } catch (error) {
        if (!(error instanceof PveError)) throw error;
        if (error.kind === "auth") throw await noteRefusal(error, options.signal);
        if (tried >= tries || !mayTryAgain(error, call.method, origins.length)) throw error;
        if (preferred === at) preferred = (at + 1) % origins.length;
        if (preferred === at) await wait(clock, retryGapMs, options.signal);
      }
    }
  }

  /** The realm is the one part that can be told to be wrong: it may be asked for without a login. */
  async function noteRefusal(refusal: PveError, signal: AbortSignal): Promise<PveError> {
    const realm = /@([^!]+)/.exec(session.who)?.[1] ?? "";
    const known = await realms(signal).catch((): readonly string[] => []);
    const text = `there is no realm "${realm}" (there: ${known.join(", ")}): ${refusal.message}`;
    const isKnown = known.length === 0 || known.includes(realm);
    const explained = isKnown ? refusal : new PveError("auth", text, { status: 401, cause: refusal });
    refused = { error: explained, until: clock.now() + refusedMs };
    return explained;
  }

  async function realms(signal: AbortSignal): Promise<readonly string[]> {
    const origin = origins[preferred] ?? "";
    const { signal: limited, end } = deadline(clock, realmsLimitMs, signal);
    try {
      const path = `${base}/access/domains`;
      const answer = await transport.send({ origin, path, method: "GET", headers: {}, body: null }, limited);
      const data = readAnswer(answer, { origin, call: "GET /access/domains", who: "visitor" });
      return toList(data).map(({ realm }) => toText(realm));
    } finally {
      end();
    }
  }

  const toApi = (options: CallOptions): Proxmox.Api =>
    proxmoxApi({
      doRequest: (method, path, _template, params = {}) => run(toCall(method, path, params), options),
    });
  return {
    who: session.who,
    api: toApi,
    close: () => transport.close(),
  };
}

/** What changes something is sent again only where it is certain that nothing arrived. */
function mayTryAgain({ kind, cause }: PveError, method: Call["method"], origins: number): boolean {
  if (kind === "unreachable") return origins > 1 || isPassing(cause);
  if (method !== "GET") return false;
  return kind === "broken" || (origins > 1 && (kind === "timeout" || kind === "gateway" || kind === "alien"));
}

/** A node that restarts its web server, not one that is off or shows a wrong certificate. */
function isPassing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && /^(?:ECONNREFUSED|ECONNRESET|EPIPE)$/.test(String(cause.code));
}

function toCall(method: string, path: string, params: Readonly<Record<string, unknown>>): Call {
  const verb = method.toUpperCase() as Call["method"];
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) form.set(name, typeof value === "boolean" ? (value ? "1" : "0") : toText(value));
  }
  const text = form.toString();
  const inQuery = verb === "GET" || verb === "DELETE";
  return {
    method: verb,
    path: inQuery && text !== "" ? `${path}?${text}` : path,
    body: inQuery ? null : text,
    name: `${verb} ${path.slice(base.length)}`,
    node: /^\/api2\/json\/nodes\/([^/]+)\//.exec(path)?.[1] ?? "",
  };
}
