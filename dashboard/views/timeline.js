import { html, nothing, svg } from "lit-html";
import { serverNow } from "../clock.js";
import { toDuration, toPercent } from "../format.js";

/**
 * @typedef {import("../types.ts").Stretch} Stretch
 * @typedef {import("../types.ts").Timeline} Timeline
 */

const width = 1_000;

/**
 * When it was awake and asleep, as one bar; and the same in words for whoever does not see it.
 * @param {{ readonly since: string, readonly stretches: readonly Stretch[] }} about
 */
export function timelineBar({ since, stretches }) {
  const from = Date.parse(since);
  const until = Math.max(serverNow(), from + 1);
  const total = until - from;
  /** @type {Record<Stretch["kind"], { ms: number, path: string }>} */
  const sums = {
    awake: { ms: 0, path: "" },
    asleep: { ms: 0, path: "" },
    would_sleep: { ms: 0, path: "" },
  };
  for (const stretch of stretches) {
    const begin = Math.max(Date.parse(stretch.from), from);
    const end = Math.min(stretch.to === null ? until : Date.parse(stretch.to), until);
    if (end <= begin) continue;
    const sum = sums[stretch.kind];
    sum.ms += end - begin;
    // What is shorter than a pixel is still to be seen.
    const length = Math.max(((end - begin) / total) * width, 1.5);
    sum.path += `M${(((begin - from) / total) * width).toFixed(1)} 0h${length.toFixed(1)}v1h-${length.toFixed(1)}z`;
  }
  return html`<svg
    class="bar"
    viewBox="0 0 ${width} 1"
    preserveAspectRatio="none"
    role="img"
    aria-label=${inWords(sums)}
  >
    ${["asleep", "would_sleep", "awake"].map((kind) => {
      const { path } = sums[/** @type {Stretch["kind"]} */ (kind)];
      return path === "" ? nothing : svg`<path class="is-${kind}" d=${path} />`;
    })}
  </svg>`;
}

/** @param {Readonly<Record<Stretch["kind"], { readonly ms: number }>>} sums */
function inWords({ awake, asleep, would_sleep: wouldSleep }) {
  const known = awake.ms + asleep.ms + wouldSleep.ms;
  if (known === 0) return "nothing is known yet";
  const dry = wouldSleep.ms > 0 ? `, would have slept ${toDuration(wouldSleep.ms)}` : "";
  return `awake ${toDuration(awake.ms)}, asleep ${toDuration(asleep.ms)}${dry}: ${toPercent(asleep.ms / known)} asleep`;
}

/**
 * With hours below it.
 * @param {Timeline} timeline
 * @param {string} alias
 */
export function timelineChart(timeline, alias) {
  const stretches = timeline.workloads[alias] ?? [];
  const from = Date.parse(timeline.since);
  const hours = [0, 0.25, 0.5, 0.75].map((part) => new Date(from + part * (serverNow() - from)));
  return html`<div class="timeline">
    ${timelineBar({ since: timeline.since, stretches })}
    <p class="scale" aria-hidden="true">
      ${hours.map((at) => html`<span>${at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}</span>`)}
      <span>now</span>
    </p>
    <p class="legend">
      <span class="key is-awake">awake</span><span class="key is-asleep">asleep</span>
      ${
        stretches.some(({ kind }) => kind === "would_sleep")
          ? html`<span class="key is-would_sleep">would be asleep (dry run)</span>`
          : nothing
      }
      <span class="key">not known</span>
    </p>
  </div>`;
}
