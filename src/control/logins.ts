import { createRateLimiter } from "../core/rate-limit.ts";
import type { ControlDeps } from "./deps.ts";
import { createPasswords } from "./passwords.ts";
import type { Login } from "./person.ts";
import { fingerprint, isSame } from "./secrets.ts";

/** Checks what people sign in with against the configuration as it is now. */
export interface Logins {
  /** null = wrong. Headers arrive as latin1. */
  byToken(token: string): Login | null;
  /** As `byToken`, in a form; also takes the single-use code of the log. */
  byTyped(token: string): Login | null;
  /** null = wrong, or there is no such user. Rejects as `Passwords.check`. */
  byPassword(user: string, password: string): Promise<Login | null>;
  /** Whether what somebody signed in with is still right. */
  holds(login: Login): boolean;
  /** Tells log and history of a failed attempt, never what was typed but for the name of a user there is. */
  failed(attempt: { readonly client: string; readonly user: string | null; readonly via: string }): void;
}

/** Attempts told to the history: a crowd of guessers must not push everything else out of it. */
const toldFailures = { count: 60, perMs: 60_000 };

export function createLogins(deps: Pick<ControlDeps, "admin" | "clock" | "logger" | "journal" | "loginCode">): Logins {
  const passwords = createPasswords(deps);
  const told = createRateLimiter(toldFailures);
  const tokenLogin = (token: string): Login => ({ name: "admin", role: "operator", secret: fingerprint(token) });
  const userOf = (name: string): ControlDeps["admin"]["users"][number] | undefined =>
    deps.admin.users.find((user) => user.name === name);

  function byBytes(given: Buffer): Login | null {
    const { token } = deps.admin;
    return token !== null && isSame(given, token) ? tokenLogin(token) : null;
  }

  return {
    byToken: (token) => byBytes(Buffer.from(token, "latin1")),
    byTyped(token) {
      const { admin, loginCode } = deps;
      if (admin.token !== null && loginCode !== null && loginCode.take(token)) return tokenLogin(admin.token);
      return byBytes(Buffer.from(token.trim(), "utf8"));
    },
    async byPassword(name, password) {
      const user = userOf(name);
      const isRight = await passwords.check(password, user?.passwordHash);
      return user === undefined || !isRight ? null : { name, role: user.role, secret: user.passwordHash.hash };
    },
    holds({ name, role, secret }) {
      const { token } = deps.admin;
      if (token !== null && fingerprint(token) === secret) return true;
      const user = userOf(name);
      return user !== undefined && user.passwordHash.hash === secret && user.role === role;
    },
    failed({ client, user, via }) {
      const known = user === null ? undefined : userOf(user)?.name;
      deps.logger.warn("login failed", { client, user: known ?? null, via });
      if (!told.take("", deps.clock.now())) return;
      const who = known === undefined ? "" : ` for ${known}`;
      deps.journal.publish({ type: "audit", alias: null, message: `login failed${who} (${via}), from ${client}` });
    },
  };
}
