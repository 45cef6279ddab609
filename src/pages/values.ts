import type { PageModel } from "../core/pages.ts";
import { titleByCode } from "../core/problem.ts";
import type { PublicStep } from "../core/steps.ts";
import { escapeHtml, toScriptJson } from "./escape.ts";
import type { Icon } from "./icon.ts";
import type { Language } from "./languages.ts";
import { isElsewhere, toSafeLink } from "./link.ts";
import type { Slot } from "./theme.ts";

/** What stands in the slots of one answer. */
export function toValues(
  model: PageModel,
  { icon, language, nonce }: { readonly icon: Icon; readonly language: Language; readonly nonce: string },
): Record<Slot, string> {
  const { kind } = model;
  const words = (key: string, values: Words = {}): string => fillWords(language.texts[key] ?? "", values);
  // Shown elsewhere, a path would lead to the wrong host.
  const link = toSafeLink(isElsewhere(model.link) ? model.link : (model.redirectPath ?? model.link));
  const isWaiting = kind === "loading";
  return {
    nonce,
    kind,
    name: escapeHtml(model.title),
    heading: escapeHtml(words(kind, { name: model.title })),
    lead: escapeHtml(words(`${kind}_lead`)),
    message: escapeHtml(toMessage(model, language)),
    note: model.replayable ? "" : escapeHtml(words("not_delivered")),
    mark: icon.mark,
    favicon: escapeHtml(icon.favicon),
    hue: String(icon.hue),
    tile: icon.tile,
    ink: icon.ink,
    link: escapeHtml(link),
    steps: isWaiting || hasFailed(model.steps) ? model.steps.map((step) => toRow(step, words)).join("\n") : "",
    usual: isWaiting ? escapeHtml(toUsual(model, words)) : "",
    logs: model.showLogs ? "yes" : "",
    refresh: isWaiting ? toRefresh(link, model.retryAfterS) : "",
    data: toScriptJson(toData(model, icon)),
  };
}

type Words = Readonly<Record<string, string | number>>;

function fillWords(text: string, values: Words): string {
  return text.replace(/\{(\w+)\}/g, (slot, name: string) => String(values[name] ?? slot));
}

function toMessage({ failure }: PageModel, { problems }: Language): string {
  if (failure === null) return "";
  return failure.detail ?? problems[failure.code] ?? titleByCode[failure.code];
}

function hasFailed(steps: readonly PublicStep[]): boolean {
  return steps.some(({ state }) => state === "failed");
}

function toRow({ step, state, name = "", done = 0, all = 0 }: PublicStep, words: ToWords): string {
  const current = state === "now" ? ' aria-current="step"' : "";
  const text = escapeHtml(words(`step_${step}`, { name, done, all }));
  const said = escapeHtml(words(`state_${state}`));
  return `<li data-step="${step}" data-state="${state}"${current}><span class="words">${text}</span> <span class="state">${said}</span></li>`;
}

type ToWords = (key: string, values?: Words) => string;

/** Said to those without JavaScript, whose page cannot count. */
function toUsual({ elapsedMs, etaMs }: PageModel, words: ToWords): string {
  if (etaMs === null) return "";
  const seconds = Math.max(1, Math.round(((elapsedMs ?? 0) + etaMs) / 1_000));
  const time =
    seconds < 100 ? words("seconds", { time: seconds }) : words("minutes", { time: Math.round(seconds / 60) });
  return words("usual", { time });
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
function toData(model: PageModel, { ink }: Icon) {
  return {
    route: model.route,
    name: model.title,
    kind: model.kind,
    elapsedMs: model.elapsedMs,
    etaMs: model.etaMs,
    nextTryInMs: model.nextTryInMs,
    retryAfterS: model.retryAfterS,
    showLogs: model.showLogs,
    replayable: model.replayable,
    asked: isElsewhere(model.link) ? toSafeLink(model.link) : null,
    leadTo: model.redirectPath === null ? null : toSafeLink(model.redirectPath),
    ink,
  };
}
