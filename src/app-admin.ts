import type { IncomingMessage } from "node:http";
import type { AppOptions } from "./app.ts";
import type { Settings } from "./app-settings.ts";
import type { AdminAccess } from "./control/deps.ts";
import { keepToken } from "./control/kept-token.ts";
import { createLoginCode, type LoginCode, loginCodeMinutes } from "./control/login-code.ts";
import type { Visit } from "./control/own-origin.ts";
import type { Config } from "./config/types.ts";
import { addressMatcher, forwardedClient, forwardedEntry, isLoopback, normaliseAddress } from "./net/trust.ts";

export { readKeptToken } from "./control/kept-token.ts";
export { hashPassword } from "./control/password.ts";

/** Who may come in, and how to tell who is coming. */
export interface Admin {
  readonly admin: AdminAccess;
  readonly loginCode: LoginCode | null;
  visit(request: IncomingMessage): Visit;
}

/**
 * `admin` of the running configuration. Where nothing lets anybody in, the log shows a code that signs in once: the token
 * made for it is never shown.
 */
export function createAdmin({
  settings,
  clock,
  logger,
}: Pick<AppOptions, "clock" | "logger"> & { readonly settings: Settings }): Admin {
  const { admin, stateDir } = settings.config;
  let kept: string | null = null;
  const keptToken = (): string => {
    if (kept !== null) return kept;
    const made = keepToken(stateDir);
    if (made.problem !== null) {
      const reason = made.problem;
      logger.warn("the admin token cannot be kept and is another one at the next start", { reason });
    }
    return (kept = made.token);
  };
  // At once: `nodoff token` reads the file.
  if (admin.token === null && admin.auth === "required") keptToken();
  const isClosed = admin.token === null && admin.users.length === 0 && admin.trustedHeader === null;
  const loginCode = isClosed && admin.auth === "required" ? createLoginCode(clock) : null;
  if (loginCode !== null) {
    const facts = { code: loginCode.text, minutes: loginCodeMinutes, at: "/login" };
    logger.info("no admin token is configured: sign in with this code, once", facts);
  }
  const toAccess = live(settings, keptToken);
  return {
    get admin() {
      return toAccess();
    },
    loginCode,
    visit: (request) => toVisit(request, settings),
  };
}

/** Made anew where the configuration was replaced. */
function live(settings: Settings, keptToken: () => string): () => AdminAccess {
  // `listen` counts from the start, whatever a reload says.
  const mayBeOpen = isLoopback(settings.config.listen.hook.host);
  let made: { readonly of: Config["admin"]; readonly access: AdminAccess } | null = null;
  return () => {
    const of = settings.config.admin;
    if (made?.of === of) return made.access;
    const { users, trustedHeader, token } = of;
    const access: AdminAccess = {
      token: token ?? keptToken(),
      users,
      trustedHeader: trustedHeader === null ? null : { ...trustedHeader, isFrom: toMatcher(trustedHeader.from) },
      auth: of.auth === "none" && mayBeOpen ? "none" : "required",
    };
    made = { of, access };
    return access;
  };
}

function toMatcher(networks: readonly string[]): (address: string | undefined) => boolean {
  const isMatch = addressMatcher(networks);
  return (address) => address !== undefined && isMatch(address);
}

/** What proxies say of the client counts only where `trusted_proxies` names them. */
function toVisit({ socket, headers }: IncomingMessage, { config, isTrusted }: Settings): Visit {
  const peer = socket.remoteAddress ?? "";
  const asked = headers.host ?? null;
  const publicHost = config.publicUrl === null ? null : (URL.parse(config.publicUrl)?.host ?? null);
  const own = normaliseAddress(peer) ?? peer;
  const isLocal = isLoopback(peer);
  if (!isTrusted(peer)) return { client: own, isLocal, isSecure: false, asked, publicHost };
  const { proxyHops } = config;
  const of = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    client: forwardedClient(of("x-forwarded-for"), proxyHops) ?? own,
    isLocal,
    isSecure: forwardedEntry(of("x-forwarded-proto"), proxyHops) === "https",
    asked: forwardedEntry(of("x-forwarded-host"), proxyHops) ?? asked,
    publicHost,
  };
}
