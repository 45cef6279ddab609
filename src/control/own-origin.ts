import type { IncomingMessage } from "node:http";

/** How a client reached nodoff, through proxies that are believed. */
export interface Visit {
  /** The client's address. */
  readonly client: string;
  /** Whether it was this machine that connected. */
  readonly isLocal: boolean;
  /** Whether the client speaks TLS, to us or to the proxy in front. */
  readonly isSecure: boolean;
  /** `name:port` it asked for; null = it named none. */
  readonly asked: string | null;
  /** `name:port` of `public_url`; null = there is none. */
  readonly publicHost: string | null;
}

/**
 * Whether a request that changes something was made by a page of our own: a browser adds cookies, passwords and what a
 * proxy put in front also to what other sites send. Says why it is refused; null = it may go on.
 *
 * Browsers send `Origin` with each such request (Fetch standard, "append a request Origin header"). Where it is absent
 * no browser speaks; then only a session is refused, which nothing but a browser has.
 */
export function foreignOrigin(
  { headers }: IncomingMessage,
  { asked, publicHost }: Visit,
  options: { readonly isBrowser: boolean },
): string | null {
  const { origin } = headers;
  const site = headers["sec-fetch-site"];
  if (site === "cross-site") return "it was sent by another site";
  if (origin === undefined) return options.isBrowser && site === undefined ? "it has no Origin header" : null;
  const url = URL.parse(origin);
  if (url !== null && url.host !== "" && [asked, publicHost].some((host) => host !== null && isHost(host, url)))
    return null;
  return "its Origin is not the address nodoff was asked at (behind a proxy: pass Host on, or set public_url)";
}

/** Ports that schemes stand for may be left out. */
function isHost(host: string, { protocol, host: own }: URL): boolean {
  return URL.parse(`${protocol}//${host}`)?.host === own;
}

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/** Whether this machine asks, by a name that nobody else can make lead here. */
export function isAtHome({ asked, publicHost, isLocal }: Visit): boolean {
  return isLocal && asked !== null && (loopback.test(asked) || asked.toLowerCase() === publicHost);
}
