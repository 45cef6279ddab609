import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { linesFor } from "./lines.ts";
import { proxyOf } from "./proxy-of.ts";
import type { Reply } from "./send.ts";

type Answer = Reply & { readonly kind: "answer" };

const unreachable = {
  dns: ["the name does not resolve here", "add it to DNS, or say where the proxy listens: --via http://ADDRESS"],
  refused: ["nobody listens there", "is the proxy running, is its port published, does a firewall stand between?"],
  timeout: ["no answer in time", "does a firewall stand between, does the proxy wait for something that is not there?"],
  tls: ["TLS does not come about", "has the proxy a certificate for this name?"],
  cut: ["the connection ended without an answer", "is it the right port, and does it speak this protocol?"],
} as const;

/** Whether the public address answers at all. */
export function judgeReach({ plain, url, via, insecure }: Evidence): readonly Finding[] {
  const { reply } = plain;
  if (reply.kind === "failed") {
    const [text, mend] = reply.reason === "dns" && via !== null ? viaUnknown(via) : unreachable[reply.reason];
    return [{ check: "reach", result: "error", code: reply.reason, text: `${text} (${reply.message})`, mend }];
  }
  if (reply.certificate !== null && !insecure) {
    const text = `its certificate is not trusted: ${reply.certificate}`;
    const mend =
      "browsers refuse it; if it is of your own CA, say so here by NODE_EXTRA_CA_CERTS=ca.pem, or --insecure";
    return [{ check: "reach", result: "error", code: "certificate", text, mend }];
  }
  return [{ check: "reach", result: "ok", code: "answers", text: `${url.origin} answers` }];
}

const orMiddleware =
  "or it names a middleware Traefik does not have (its log says which), or its container never ran since Traefik started";

/** Most often from http to https: the same proxy serves it by TLS. */
function toRedirectMend({ url, via }: Evidence, { headers }: Answer): string {
  const to = URL.parse(headers["location"] ?? "", url);
  const isToTls = to?.protocol === "https:" && url.protocol === "http:" && to.hostname === url.hostname;
  return `ask for the address it leads to: --via ${isToTls ? `https://${via ?? to.hostname}` : "URL"}`;
}

function viaUnknown(via: string): readonly [string, string] {
  return [
    `${via}, which --via names, does not resolve here`,
    `a service of compose resolves where its network is shared: give nodoff's service the \`networks:\` of ${via}`,
  ];
}

/** An answer nodoff was not asked about: what the status tells of why. */
export function judgeUncalled(evidence: Evidence, reply: Answer): Finding {
  const { alias } = evidence.route;
  const proxy = proxyOf(evidence);
  const said = `answered ${reply.status}${proxy === null ? "" : ` by ${proxy}`}`;
  const error = { check: "hook", result: "error" } as const;
  const withLines = (code: Parameters<typeof linesFor>[0]) => {
    const lines = linesFor(code, proxy, alias);
    return lines === undefined ? { mend: hint(code) } : { lines };
  };
  if (evidence.counted || reply.headers["x-nodoff-state"] !== undefined) {
    const text = `${said}; nodoff was asked, but without X-Nodoff-Probe: its loading page counts as use, and the doctor sees no further`;
    return { ...error, code: "mark_lost", text, ...withLines("mark_lost") };
  }
  if (isLogin(reply)) {
    const text = `${said}: a login answers before nodoff is asked. That order is right (strangers wake nothing), but nothing behind it can be seen`;
    const mend = 'send what the login wants: --header "Cookie: …"';
    return { check: "hook", result: "skipped", code: "login_wall", text, mend };
  }
  if (isHookDown(evidence, reply)) {
    const text = `${said}, and nodoff was not asked: the proxy does not get to it`;
    const down: Finding = { ...error, code: "hook_down", text, ...withLines("hook_down") };
    // Caddy says 502 for both.
    const other = proxy === "caddy" ? "the site needs `import nodoff_guard`" : hint("not_called");
    return evidence.state === "ready" ? down : { ...down, mend: `or it does not ask at all: ${other}` };
  }
  if (reply.status === 404 && proxy === "traefik")
    return {
      ...error,
      code: "no_router",
      text: `${said}: no router for this host`,
      mend: orMiddleware,
      ...withLines("no_router"),
    };
  if (proxy === "caddy" && reply.status === 200 && reply.headers["content-length"] === "0") {
    const text = `${said}, empty: Caddy has no site for this host`;
    return { ...error, code: "no_router", text, mend: "add a site with this name to the Caddyfile" };
  }
  if (reply.status >= 300 && reply.status < 400) {
    const text = `${said}, to ${reply.headers["location"]}: it answers before nodoff is asked`;
    return { ...error, code: "redirected", text, mend: toRedirectMend(evidence, reply) };
  }
  const text = `${said} without asking nodoff: this service neither wakes nor counts as used`;
  return { ...error, code: "not_called", text, ...withLines("not_called") };
}

/** What the hook's failure looks like: 500 by nginx and Traefik, 502 by Caddy. Their other failures are the app's. */
function isHookDown(evidence: Evidence, { status }: Answer): boolean {
  if (status === 500) return true;
  const proxy = proxyOf(evidence);
  return (status === 502 || status === 504) && proxy !== "nginx" && proxy !== "traefik";
}

/** 401 and 403, or a way to somewhere that looks like a login. */
function isLogin({ status, headers }: Answer): boolean {
  if (status === 401 || status === 403) return true;
  const { location = "" } = headers;
  return status >= 300 && status < 400 && /auth|login|signin|sso|outpost|oauth/i.test(location);
}

function hint(code: string): string {
  const texts: Readonly<Record<string, string>> = {
    mark_lost: "let the proxy pass X-Nodoff-Probe on to the hook (Traefik: authRequestHeaders)",
    hook_down: "compare nodoff's address in the proxy's configuration with where nodoff listens (`listen.hook`)",
    not_called:
      "add nodoff's middleware to this route; with --proxy traefik, caddy, nginx or haproxy the very line is shown",
  };
  return texts[code] ?? "see the README of the proxy's kit";
}
