import { randomBytes } from "node:crypto";
import type { Clock } from "../../../src/core/clock.ts";
import { known } from "./timings.ts";

/** `pve8`: until pve-manager 9.1.4, tells what is wrong. `pve9`: since 9.1.5, always the same words. */
export type Wording = "pve8" | "pve9";

export interface SimToken {
  readonly id: string;
  readonly secret: string;
  /** Without: it may what its user may. */
  readonly privsep: boolean;
  /** Virtual wall ms; null = never. */
  expire: number | null;
}

/** A 401: reason alone, after 3 s. */
export class AuthError extends Error {
  override readonly name = "AuthError";
}

export interface Access {
  readonly realms: string[];
  readonly users: Map<string, string>;
  readonly tokens: Map<string, SimToken>;
  /** Rights by whom (user or token) and path; they hold below the path too. */
  grant(who: string, path: string, rights: readonly string[]): void;
  revoke(who: string, path?: string): void;
  login(username: string, password: string): { readonly ticket: string; readonly csrf: string };
  /** Who asks: `root@pam`, `nodoff@pve!wake`. Throws AuthError. */
  identify(headers: Readonly<Record<string, string | string[] | undefined>>, method: string): string;
  rights(who: string, path: string): ReadonlySet<string>;
  may(who: string, path: string, right: string): boolean;
  /** Makes every ticket worthless. */
  forgetTickets(): void;
  /** Logins by password or ticket so far. */
  readonly logins: number;
}

export function createAccess(clock: Clock, options: { readonly wording: Wording }): Access {
  const users = new Map<string, string>([["root@pam", "secret"]]);
  const tokens = new Map<string, SimToken>();
  const grants: { readonly who: string; readonly path: string; readonly rights: readonly string[] }[] = [];
  const tickets = new Map<string, { readonly user: string; readonly csrf: string; readonly at: number }>();
  let logins = 0;

  const fail = (old: string): never => {
    throw new AuthError(options.wording === "pve8" ? old : "Authentication failed!");
  };

  const granted = (who: string, path: string): Set<string> => {
    const parts = path.split("/").filter((part) => part !== "");
    const paths = new Set(["/", ...parts.map((_, at) => `/${parts.slice(0, at + 1).join("/")}`)]);
    return new Set(
      grants.filter((grant) => grant.who === who && paths.has(grant.path)).flatMap(({ rights }) => rights),
    );
  };

  function rights(who: string, path: string): ReadonlySet<string> {
    const [user = "", token] = who.split("!");
    const own = granted(user, path);
    if (token === undefined || tokens.get(who)?.privsep === false) return own;
    const its = granted(who, path);
    return user === "root@pam" ? its : new Set([...its].filter((right) => own.has(right)));
  }

  function byTicket(ticket: string): string {
    const found = tickets.get(ticket);
    if (found === undefined || clock.now() - found.at > known.ticketLifeMs)
      return fail("permission denied - invalid PVE ticket");
    return found.user;
  }

  function byToken(text: string): string {
    const [, id = "", secret = ""] = /^PVEAPIToken=([^=]+)=(.*)$/.exec(text) ?? [];
    const [user = "", name = ""] = id.split("!");
    if (!users.has(user)) return fail(`no such user ('${user}')`);
    const token = tokens.get(id);
    if (token === undefined) return fail(`no such token '${name}' for user '${user}'`);
    if (token.secret !== secret) return fail("invalid token value!");
    if (token.expire !== null && clock.wall() > token.expire) return fail("token expired");
    return id;
  }

  return {
    realms: ["pam", "pve"],
    users,
    tokens,
    grant: (who, path, rights) => void grants.push({ who, path, rights }),
    revoke(who, path) {
      for (let at = grants.length - 1; at >= 0; at--) {
        const grant = grants[at];
        if (grant?.who === who && (path === undefined || grant.path === path)) grants.splice(at, 1);
      }
    },
    login(username, password) {
      const old = tickets.get(password);
      const isRenewal = old?.user === username && clock.now() - old.at <= known.ticketLifeMs;
      if (!isRenewal && users.get(username) !== password) throw new AuthError("authentication failure");
      logins++;
      const ticket = `PVE:${username}:${Math.floor(clock.wall() / 1000)
        .toString(16)
        .toUpperCase()}::${randomBytes(48).toString("base64")}`;
      const csrf = `${Math.floor(clock.wall() / 1000)
        .toString(16)
        .toUpperCase()}:${randomBytes(20).toString("base64")}`;
      tickets.set(ticket, { user: username, csrf, at: clock.now() });
      return { ticket, csrf };
    },
    identify(headers, method) {
      const cookie = /(?:^|;\s*)PVEAuthCookie=([^;]+)/.exec(String(headers["cookie"] ?? ""))?.[1];
      // With both, the cookie wins.
      if (cookie !== undefined) {
        const ticket = decodeURIComponent(cookie);
        const user = byTicket(ticket);
        if (method !== "GET" && headers["csrfpreventiontoken"] !== tickets.get(ticket)?.csrf)
          throw new AuthError("Permission denied - invalid csrf token");
        return user;
      }
      const { authorization } = headers;
      if (typeof authorization === "string" && authorization.startsWith("PVEAPIToken")) return byToken(authorization);
      throw new AuthError("No ticket");
    },
    rights,
    may: (who, path, right) => who === "root@pam" || rights(who, path).has(right),
    forgetTickets: () => tickets.clear(),
    get logins() {
      return logins;
    },
  };
}
