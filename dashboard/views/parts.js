import { html, nothing } from "lit-html";
import { icon } from "./icons.js";

/**
 * @typedef {import("../types.ts").Condition} Condition
 * @typedef {import("../types.ts").Health["status"]} HealthStatus
 * @typedef {import("./icons.js").IconName} IconName
 */

/** Each state has a shape and a word of its own: colour alone would not reach everybody.
 * @type {Readonly<Record<Condition, readonly [icon: IconName, word: string]>>} */
const conditions = {
  ready: ["sun", "Awake"],
  napping: ["moon", "Asleep"],
  starting: ["dots", "Waking"],
  stopping: ["down", "Falling asleep"],
  error: ["alert", "Failed"],
  gone: ["minus", "Gone"],
  unknown: ["question", "Unknown"],
  always: ["check", "Always on"],
};

/** @param {Condition} condition */
export function conditionPill(condition) {
  const [sign, word] = conditions[condition];
  return html`<span class="pill is-${condition}">${icon(sign)}${word}</span>`;
}

/** @param {Condition} condition */
export const wordFor = (condition) => conditions[condition][1];

/** @type {Readonly<Record<HealthStatus, readonly [icon: IconName, word: string]>>} */
const healths = {
  healthy: ["check", "Healthy"],
  unhealthy: ["cross", "Unhealthy"],
  error: ["alert", "Error"],
  starting: ["dots", "Starting"],
  napping: ["moon", "Napping"],
  stopped: ["minus", "Not watched"],
  unknown: ["question", "Not checked yet"],
};

/** @param {HealthStatus} status */
export function healthSign(status) {
  const [sign, word] = healths[status];
  return html`<span class="health is-${status}">${icon(sign)}<span>${word}</span></span>`;
}

/** @param {HealthStatus} status */
export const healthWord = (status) => healths[status][1];

/**
 * The first letter on a colour that is always the same for a name, as on the waiting page.
 * @param {string} name
 */
export function mark(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3_600;
  const [letter = "•"] = name.trim().toUpperCase();
  return html`<span class="mark hue-${hash % 8}" aria-hidden="true">${letter}</span>`;
}

/** @param {import("../explain.js").Explanation} explanation */
export function explanation({ text, time }) {
  const { lead = "", at = "", form = "" } = time ?? {};
  const clock = time === null ? nothing : html`${lead} <nd-time at=${at} form=${form}></nd-time>`;
  return html`<span class="reason">${text}${text !== "" && time !== null ? "; " : ""}${clock}</span>`;
}

/**
 * @param {string} title
 * @param {unknown} content
 * @param {unknown} [aside] stands beside the title
 */
export function card(title, content, aside = nothing) {
  return html`<section class="card" aria-label=${title}>
    <header>
      <h2>${title}</h2>
      ${aside}
    </header>
    ${content}
  </section>`;
}

/**
 * @param {string} title
 * @param {unknown} hint
 * @param {IconName} sign
 */
export function empty(title, hint, sign = "moon") {
  return html`<div class="empty">
    ${icon(sign)}
    <p class="lead">${title}</p>
    <p>${hint}</p>
  </div>`;
}

/**
 * Buttons of which one is on.
 * @template {string} T
 * @param {{ readonly label: string, readonly value: T, readonly options: readonly (readonly [T, unknown])[], readonly onPick: (value: T) => void }} about
 */
export function choices({ label, value, options, onPick }) {
  return html`<div class="choices" role="group" aria-label=${label}>
    ${options.map(
      ([each, text]) =>
        html`<button type="button" aria-pressed=${each === value} @click=${() => onPick(each)}>${text}</button>`,
    )}
  </div>`;
}
