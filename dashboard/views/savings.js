import { html, nothing } from "lit-html";
import { toBytes, toDuration, toPercent } from "../format.js";
import { empty } from "./parts.js";

/**
 * @typedef {import("../types.ts").State} State
 * @typedef {import("../types.ts").Saving} Saving
 */

/**
 * What sleep saved, and what it would have where it is only tried.
 * @param {State} state
 */
export function savingsPage(state) {
  const { savings } = state;
  if (savings === null)
    return html`<h1 tabindex="-1">Savings</h1>
      <div class="skeleton" aria-hidden="true">
        <div></div>
        <div></div>
      </div>`;
  const known = savings.workloads.filter(({ asleep_ms: asleep, awake_ms: awake }) => asleep + awake > 0);
  const real = known.filter(({ dry_run: isDry }) => !isDry);
  const dry = known.filter(({ dry_run: isDry }) => isDry);
  if (known.length === 0)
    return html`<h1 tabindex="-1">Savings</h1>
      ${empty("Nothing is known yet", "Come back when something has slept.", "leaf")}`;
  return html`<h1 tabindex="-1">Savings</h1>
    <p class="lead">Since ${new Date(savings.since).toLocaleDateString([], { dateStyle: "long" })}, at most 30 days.</p>
    ${totals(real)} ${real.length === 0 ? nothing : ledger("By service", real, state)}
    ${
      dry.length === 0
        ? nothing
        : html`<h2 class="part">Dry run</h2>
            <p class="lead">These never slept. This is what would have happened.</p>
            ${ledger("Dry run", dry, state)}`
    }`;
}

/** @param {readonly Saving[]} all */
function totals(all) {
  const sum = (/** @type {(one: Saving) => number} */ of) => all.reduce((total, each) => total + of(each), 0);
  const asleep = sum((one) => one.asleep_ms);
  const known = asleep + sum((one) => one.awake_ms);
  return html`<dl class="stats">
    <div>
      <dt>Memory saved</dt>
      <dd>${toBytes(sum((one) => one.saved_byte_hours))}<small>× h</small></dd>
    </div>
    <div>
      <dt>Time asleep</dt>
      <dd>${toDuration(asleep)}</dd>
    </div>
    <div>
      <dt>Share asleep</dt>
      <dd>${known === 0 ? "–" : toPercent(asleep / known)}</dd>
    </div>
  </dl>`;
}

/**
 * @param {string} title
 * @param {readonly Saving[]} all
 * @param {State} state
 */
function ledger(title, all, { workloads }) {
  const sorted = all.toSorted(
    (one, other) => other.saved_byte_hours - one.saved_byte_hours || other.asleep_ms - one.asleep_ms,
  );
  return html`<div class="card table" tabindex="0" role="region" aria-label=${title}>
    <table>
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col" class="wide">Share asleep</th>
          <th scope="col" class="number">Asleep</th>
          <th scope="col" class="number">Awake</th>
          <th scope="col" class="number">Memory × h</th>
        </tr>
      </thead>
      <tbody>
        ${sorted.map(({ alias, asleep_ms: asleep, awake_ms: awake, saved_byte_hours: saved }) => {
          const part = asleep / (asleep + awake);
          return html`<tr>
            <th scope="row"><a href="#/w/${alias}">${workloads?.get(alias)?.display_name ?? alias}</a></th>
            <td class="wide">
              <span class="share">
                <svg class="bar" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="is-asleep" width=${(part * 1_000).toFixed(0)} height="1" />
                </svg>
                ${toPercent(part)}</span
              >
            </td>
            <td class="number">${toDuration(asleep)}</td>
            <td class="number">${toDuration(awake)}</td>
            <td class="number">${saved === 0 ? "–" : toBytes(saved)}</td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}
