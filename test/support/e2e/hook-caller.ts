import { ask, program, type Reply } from "./client.ts";

/** A client's request, as a proxy tells the hook of it. */
export interface Visit {
  readonly host: string;
  /** With its query. Default `/`. */
  readonly path?: string;
  readonly method?: string;
  /** The client's own headers; default those of a program. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What a client smuggled to the end of the hook's own address: `?route=victim`. */
  readonly suffix?: string;
}

export interface Answer extends Reply {
  readonly tookMs: number;
  /** Wall clock ms at its end. */
  readonly at: number;
}

/** The headers each proxy sends, in place of what a client sent under the same name. */
const dialects = {
  traefik: toForwarded,
  caddy: toForwarded,
  nginx: ({ path = "/", method = "GET" }: Visit): Record<string, string> => ({
    "X-Original-URI": path,
    "X-Original-Method": method,
    "X-Original-Addr": "127.0.0.1",
    "X-Original-Proto": "http",
  }),
} as const;
export type Dialect = keyof typeof dialects;
export const dialectNames = ["traefik", "caddy", "nginx"] as const satisfies readonly Dialect[];

function toForwarded({ host, path = "/", method = "GET" }: Visit): Record<string, string> {
  return {
    "X-Forwarded-Method": method,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": host,
    "X-Forwarded-Uri": path,
    "X-Forwarded-For": "127.0.0.1",
  };
}

/** Asks the hook as that proxy does. nginx keeps the client's Host, the others send their own. */
export async function callHook(port: number, dialect: Dialect, visit: Visit): Promise<Answer> {
  const begun = performance.now();
  const reply = await ask(port, {
    host: dialect === "nginx" ? visit.host : "nodoff",
    path: `/auth/${dialect}${visit.suffix ?? ""}`,
    headers: { ...(visit.headers ?? program), ...dialects[dialect](visit) },
  });
  return { ...reply, tookMs: performance.now() - begun, at: Date.now() };
}

/** nginx's second question: what to show for the hook's 401. */
export function callWake(port: number, visit: Visit): Promise<Reply> {
  return ask(port, {
    host: visit.host,
    path: `/wake${visit.suffix ?? ""}`,
    headers: { ...(visit.headers ?? program), ...dialects.nginx(visit) },
  });
}

/** The body of an answer that is problem+json. */
export function problemOf(reply: Reply): Readonly<Record<string, unknown>> {
  const type = String(reply.headers["content-type"]);
  if (type !== "application/problem+json") throw new Error(`no problem: ${reply.status} ${type} ${reply.text}`);
  return JSON.parse(reply.text) as Record<string, unknown>;
}
