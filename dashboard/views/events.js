import { html, nothing } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { icon } from "./icons.js";
import { empty } from "./parts.js";

/**
 * @typedef {import("../types.ts").Event} Event
 * @typedef {import("../types.ts").State} State
 */

/** @type {Readonly<Record<Event["type"], import("./icons.js").IconName>>} */
const icons = {
  wake: "sun",
  sleep: "moon",
  state: "minus",
  health: "pulse",
  provider: "gear",
  config: "list",
  audit: "key",
};

/** Tells events apart. @param {Event} event */
export const keyOf = ({ at, alias, type, message }) => `${at} ${alias} ${type} ${message}`;

/** What the wakes and sleeps beside them say already. */
const plain = new Set([
  "napping → starting",
  "starting → ready",
  "starting → error",
  "error → starting",
  "ready → stopping",
  "stopping → napping",
]);

/**
 * What happened, newest first.
 * @param {readonly Event[]} all
 * @param {{ readonly workloads?: State["workloads"] }} [options] with them each event names its service
 */
export function eventList(all, { workloads } = {}) {
  const events = all.filter(({ type, message }) => type !== "state" || !plain.has(message));
  if (events.length === 0) return html`<p class="hint">Nothing has happened yet.</p>`;
  return html`<ol class="events">
    ${repeat(
      events,
      keyOf,
      ({ at, type, alias, message, error }) =>
        html`<li class=${error === null ? `is-${type}` : `is-${type} is-bad`}>
          ${icon(error === null ? icons[type] : "alert")}
          <span class="what">
            ${
              workloads === undefined || alias === null
                ? nothing
                : workloads?.has(alias)
                  ? html`<a href="#/w/${alias}">${workloads.get(alias)?.display_name}</a>`
                  : html`<b>${alias}</b>`
            }
            ${message}${error === null || message.includes(error.message) ? nothing : html`<span class="error">: ${error.message}</span>`}
          </span>
          <nd-time at=${at} form="ago"></nd-time>
        </li>`,
    )}
  </ol>`;
}

/** @param {State} state */
export function activity({ events, workloads }) {
  return html`<h1 tabindex="-1">Activity</h1>
    ${
      events.length === 0
        ? empty("Nothing has happened yet", "Wakes, sleeps and what people ask for appear here.", "pulse")
        : html`<div class="card">${eventList(events, { workloads })}</div>`
    }`;
}
