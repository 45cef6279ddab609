import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NodoffError } from "../core/errors.ts";
import type { PageModel, Pages } from "../core/pages.ts";
import { escapeHtml, toScriptJson } from "./escape.ts";
import { toIcon } from "./icon.ts";
import { isElsewhere, toSafeLink } from "./link.ts";
import { toTemplate } from "./template.ts";
import type { Template } from "./template.ts";
import { toTexts } from "./texts.ts";
import type { Texts } from "./texts.ts";

/** What a theme may put in its `page.html` as `{{slot}}`. Every value is HTML, escaped where it was text. */
const slots = [
  "language",
  "nonce",
  "kind",
  "heading",
  "lead",
  "message",
  "note",
  "mark",
  "favicon",
  "hue",
  "link",
  "retry",
  "log",
  "progress",
  "refresh",
  "noscript",
  "data",
] as const;
type Slot = (typeof slots)[number];

const statusByKind = { loading: 503, failed: 503, gone: 503, forbidden: 403, quota: 429 } as const satisfies Record<
  PageModel["kind"],
  number
>;

const fallbackTheme = "default";

/**
 * Pages from themes: folders in `dir` with a `page.html` each, read now and never again. A theme that is not there is
 * shown as `default`. Throws CONFIG_INVALID when a theme cannot be read, or there is no `default`.
 */
export function createPages({ dir }: { readonly dir: string }): Pages {
  const themes = readThemes(dir);
  const standard = themes.get(fallbackTheme);
  if (standard === undefined) throw new NodoffError("CONFIG_INVALID", `no theme "${fallbackTheme}" in ${dir}`);
  return {
    render(model) {
      const nonce = randomBytes(16).toString("base64url");
      const template = themes.get(model.theme) ?? standard;
      return {
        status: statusByKind[model.kind],
        headers: toHeaders(model, nonce),
        body: template.fill(toValues(model, nonce)),
      };
    },
  };
}

function readThemes(dir: string): ReadonlyMap<string, Template<Slot>> {
  try {
    const names = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return new Map(
      names.map(({ name }) => [name, toTemplate(readFileSync(join(dir, name, "page.html"), "utf8"), slots)]),
    );
  } catch (error) {
    throw new NodoffError("CONFIG_INVALID", `the themes in ${dir} cannot be read: ${String(error)}`, { cause: error });
  }
}

function toHeaders(model: PageModel, nonce: string): Readonly<Record<string, string>> {
  return {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "retry-after": String(Math.max(1, Math.ceil(model.retryAfterS))),
    "x-robots-tag": "noindex",
    "x-nodoff-state": model.state,
    // No frame-ancestors: dashboards show services in frames, and the page may be shown wherever the service may.
    "content-security-policy":
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; ` +
      "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
  };
}

function toValues(model: PageModel, nonce: string): Record<Slot, string> {
  const texts = toTexts(model.language);
  const { mark, favicon, hue } = toIcon(model.icon, model.title);
  const { heading, lead } = texts.byKind[model.kind];
  // Shown elsewhere, a path would lead to the wrong host.
  const link = toSafeLink(isElsewhere(model.link) ? model.link : (model.redirectPath ?? model.link));
  const isWaiting = model.kind === "loading";
  return {
    language: texts.language,
    nonce,
    kind: model.kind,
    heading: escapeHtml(withName(heading, model)),
    lead: escapeHtml(lead),
    message: escapeHtml(model.message ?? ""),
    note: model.replayable ? "" : escapeHtml(texts.notReplayed),
    mark,
    favicon: escapeHtml(favicon),
    hue: String(hue),
    link: escapeHtml(link),
    retry: escapeHtml(texts.retry),
    log: escapeHtml(texts.log),
    progress: escapeHtml(texts.progress),
    refresh: isWaiting ? toRefresh(link, model.retryAfterS) : "",
    noscript: isWaiting ? escapeHtml(texts.noScript) : "",
    data: toScriptJson(toData(model, texts)),
  };
}

/**
 * For browsers without JavaScript. With its url: Chromium does not load a bare one again at an address with a #hash.
 * Quoted, since a browser would else cut it at the first `;` or `,` of some paths.
 */
function toRefresh(link: string, retryAfterS: number): string {
  const seconds = Math.min(10, Math.max(2, Math.ceil(retryAfterS)));
  const quoted = link.replaceAll("'", "%27");
  return `<noscript><meta http-equiv="refresh" content="${seconds}; url=${escapeHtml(`'${quoted}'`)}"></noscript>`;
}

/**
 * What the page's script needs. `asked` null = the address in the browser, which the script prefers to ours: a proxy may
 * have shortened the path. `leadTo` is a path at that address; null = the same.
 */
function toData(model: PageModel, texts: Texts) {
  return {
    route: model.route,
    kind: model.kind,
    state: model.state,
    elapsedMs: model.elapsedMs,
    etaMs: model.etaMs,
    nextTryInMs: model.nextTryInMs,
    retryAfterS: model.retryAfterS,
    showLogs: model.showLogs,
    replayable: model.replayable,
    asked: isElsewhere(model.link) ? toSafeLink(model.link) : null,
    leadTo: model.redirectPath === null ? null : toSafeLink(model.redirectPath),
    texts: { ...texts.live, retry: texts.retry, asleepHeading: withName(texts.live.asleepHeading, model) },
  };
}

function withName(text: string, { title }: PageModel): string {
  return text.replace("{name}", () => title);
}
