import type { Clock } from "../../core/clock.ts";
import { readAnswer } from "./answer.ts";
import { PveError } from "./pve-error.ts";
import type { WireAnswer, WireRequest } from "./transport.ts";

/** Who nodoff is to the cluster. A token needs no login and never expires by itself: the default. */
export type PveCredentials =
  | { readonly kind: "token"; readonly id: string; readonly secret: string }
  | { readonly kind: "login"; readonly username: string; readonly password: string };

/** What proves to each request who asks. */
export interface Session {
  /** `token nodoff@pve!wake` or `user root@pam`. */
  readonly who: string;
  /** Headers for a call to `origin`; logs in first where that is needed. */
  headers(
    method: WireRequest["method"],
    origin: string,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>>;
  /** A call with these headers met a 401. True: it is worth one more try, after a new login. */
  forget(used: Readonly<Record<string, string>>): boolean;
}

export interface SessionDeps {
  readonly credentials: PveCredentials;
  readonly clock: Clock;
  readonly send: (request: WireRequest, signal: AbortSignal) => Promise<WireAnswer>;
}

interface Ticket {
  readonly ticket: string;
  readonly csrf: string;
  readonly at: number;
}

/** Tickets live 2 h; renewed from half of that on, so that a night without calls needs a login and nothing else does. */
const renewAfterMs = 3_600_000;
const loginPath = "/api2/json/access/ticket";

export function createSession(deps: SessionDeps): Session {
  const { credentials } = deps;
  if (credentials.kind === "token") {
    const headers = { authorization: `PVEAPIToken=${credentials.id}=${credentials.secret}` };
    return { who: `token ${credentials.id}`, headers: () => Promise.resolve(headers), forget: () => false };
  }
  return createLogin(credentials, deps);
}

function createLogin(
  { username, password }: PveCredentials & { kind: "login" },
  { clock, send }: SessionDeps,
): Session {
  const who = `user ${username}`;
  let current: Ticket | null = null;
  let pending: Promise<Ticket> | null = null;

  async function ask(secret: string, origin: string, signal: AbortSignal): Promise<Ticket> {
    const body = new URLSearchParams({ username, password: secret }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await send({ origin, path: loginPath, method: "POST", headers, body }, signal);
    const data = readAnswer(answer, { origin, call: "POST /access/ticket", who });
    const { ticket, CSRFPreventionToken: csrf, NeedTFA } = data as Readonly<Record<string, unknown>>;
    if (NeedTFA !== undefined || (typeof ticket === "string" && ticket.startsWith("PVE:!tfa!")))
      throw new PveError("auth", `${username} needs a second factor: give nodoff an API token (token_id) instead`);
    return { ticket: String(ticket), csrf: String(csrf), at: clock.now() };
  }

  async function logIn(origin: string, signal: AbortSignal): Promise<Ticket> {
    const old = current;
    current = null;
    // The old ticket is as good as the password while it lives.
    const renewed = old === null ? null : await ask(old.ticket, origin, signal).catch(() => null);
    return renewed ?? ask(password, origin, signal);
  }

  /** One login however many calls need it. */
  async function ticketFor(origin: string, signal: AbortSignal): Promise<Ticket> {
    if (current !== null && clock.now() - current.at < renewAfterMs) return current;
    pending ??= logIn(origin, signal).finally(() => (pending = null));
    current = await pending;
    return current;
  }

  return {
    who,
    async headers(method, origin, signal) {
      const { ticket, csrf } = await ticketFor(origin, signal);
      const cookie = `PVEAuthCookie=${encodeURIComponent(ticket)}`;
      return method === "GET" ? { cookie } : { cookie, csrfpreventiontoken: csrf };
    },
    forget(used) {
      const isCurrent = current !== null && used["cookie"]?.includes(encodeURIComponent(current.ticket)) === true;
      if (isCurrent) current = null;
      return true;
    },
  };
}
