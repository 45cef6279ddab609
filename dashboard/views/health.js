import { html, nothing, svg } from "lit-html";
import { toCount, toDuration, toLatency, toPercent } from "../format.js";
import { icon } from "./icons.js";
import { choices, healthSign, healthWord } from "./parts.js";

/**
 * @typedef {import("../types.ts").Route} Route
 * @typedef {import("../types.ts").History} History
 * @typedef {History["period"]} Period
 */

/** @type {readonly (readonly [Period, string])[]} */
const periods = [
  ["15m", "15 min"],
  ["1h", "1 h"],
  ["1d", "1 day"],
  ["30d", "30 days"],
];

/** @type {Readonly<Record<Period, number>>} */
const bars = { "5m": 5, "15m": 15, "1h": 60, "1d": 96, "30d": 120 };

/**
 * Health of one route: how it is, bars of how it was, and how fast it answered.
 * @param {Route} route
 * @param {{
 *   readonly history: History | undefined,
 *   readonly period: Period,
 *   readonly onPeriod: (period: Period) => void,
 *   readonly onCheck: (() => void) | null,
 * }} context
 */
export function routeHealth(route, { history, period, onPeriod, onCheck }) {
  const { health, alias } = route;
  const failures = health.consecutive_failures;
  return html`<div class="route-health">
    <div class="line">
      ${healthSign(health.status)}
      <span class="detail">${health.detail ?? ""}</span>
      ${onCheck === null ? nothing : html`<button type="button" class="button" @click=${onCheck}>${icon("pulse")}Check now</button>`}
    </div>
    <div class="line">
      ${choices({ label: `Period of ${alias}`, value: period, options: periods, onPick: onPeriod })}
      <dl class="figures">
        <div>
          <dt>Healthy</dt>
          <dd>${toPercent(history?.healthy ?? null)}</dd>
        </div>
        <div>
          <dt>Napping</dt>
          <dd>${toPercent(history?.napping ?? null)}</dd>
        </div>
        <div>
          <dt>Latency</dt>
          <dd>${toLatency(health.latency_ms)}</dd>
        </div>
        <div>
          <dt>Up for</dt>
          <dd>${health.uptime_ms === null ? "–" : toDuration(health.uptime_ms)}</dd>
        </div>
      </dl>
    </div>
    ${failures > 0 ? html`<p class="hint is-bad">${toCount(failures, "check")} failed in a row</p>` : nothing}
    ${history === undefined ? html`<div class="chart skeleton"><div></div></div>` : charts(history)}
  </div>`;
}

/** @param {History} history */
function charts({ samples, period, healthy, napping }) {
  const total = bars[period];
  const shown = samples.slice(-total);
  const first = total - shown.length;
  const words = `${toCount(shown.length, "sample")}: healthy ${toPercent(healthy)} of its time awake, napping ${toPercent(napping)} of all`;
  return html`<div class="chart">
    <svg class="uptime" viewBox="0 0 ${total * 10} 40" preserveAspectRatio="none" role="img" aria-label=${words}>
      ${Array.from({ length: first }, (_, place) => svg`<rect x=${place * 10 + 1} y="0" width="8" height="40" rx="2" />`)}
      ${shown.map(
        ({ at, status, latency_ms: latency }, place) =>
          svg`<rect class="is-${status}" x=${(first + place) * 10 + 1} y="0" width="8" height="40" rx="2"><title>${new Date(at).toLocaleString()}: ${healthWord(status)}${latency === null ? "" : `, ${toLatency(latency)}`}</title></rect>`,
      )}
    </svg>
    ${latencyLine(shown, { total, first })}
  </div>`;
}

/**
 * @param {History["samples"]} samples
 * @param {{ readonly total: number, readonly first: number }} place
 */
function latencyLine(samples, { total, first }) {
  const known = samples.flatMap(({ latency_ms: ms }) => (ms === null ? [] : [ms]));
  if (known.length === 0) return html`<p class="hint">No latency known in this time.</p>`;
  const top = Math.max(...known) * 1.15;
  let path = "";
  let isGap = true;
  samples.forEach(({ latency_ms: ms }, place) => {
    if (ms !== null) path += `${isGap ? "M" : "L"}${(first + place) * 10 + 5} ${(60 - (ms / top) * 60).toFixed(1)}`;
    // A single point is drawn as a dot by its round line cap.
    if (ms !== null && isGap) path += "h.1";
    isGap = ms === null;
  });
  const words = `Latency from ${toLatency(Math.min(...known))} to ${toLatency(Math.max(...known))}`;
  return html`<div class="latency">
    <svg viewBox="0 0 ${total * 10} 60" preserveAspectRatio="none" role="img" aria-label=${words}>
      ${svg`<path d=${path} vector-effect="non-scaling-stroke" />`}
    </svg>
    <p class="scale" aria-hidden="true">
      <span>${toLatency(Math.max(...known))}</span><span>${toLatency(Math.min(...known))}</span>
    </p>
  </div>`;
}
