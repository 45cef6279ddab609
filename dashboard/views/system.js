import { html, nothing } from "lit-html";
import { toCount } from "../format.js";
import { icon } from "./icons.js";
import { card } from "./parts.js";

/**
 * @typedef {import("../types.ts").State} State
 * @typedef {import("../types.ts").Provider} Provider
 */

/**
 * Engines, what of the configuration is left out, and what nodoff cannot see.
 * @param {State} state
 */
export function system(state) {
  return html`<h1 tabindex="-1">System</h1>
    ${card("Engines", engines(state.providers))} ${card("Configuration", configuration(state))} ${blind(state)}
    <p class="lead">nodoff ${state.version}</p>`;
}

/** @param {readonly Provider[]} providers */
function engines(providers) {
  if (providers.length === 0)
    return html`<p class="hint">No engine is configured. Name one under <code>providers</code>.</p>`;
  return html`<ul class="plain">
    ${providers.map(
      ({ name, type, connected, error, workloads }) =>
        html`<li>
          <span class="pill ${connected ? "is-ready" : "is-error"}"
            >${icon(connected ? "check" : "alert")}${connected ? "Connected" : "Not reachable"}</span
          >
          <span
            ><b>${name}</b>
            <small>${type}, ${toCount(workloads, "workload")}</small
            >${error === null ? nothing : html`<span class="error">${error.message}</span>`}</span
          >
        </li>`,
    )}
  </ul>`;
}

/** @param {State} state */
function configuration({ configErrors }) {
  if (configErrors.length === 0) return html`<p class="hint">${icon("check")} Everything in it is in use.</p>`;
  return html`<p class="hint">Left out until it is mended; everything else works on.</p>
    <ul class="plain">
      ${configErrors.map(
        ({ source, key, message }) =>
          html`<li>
            <span class="pill is-error">${icon("alert")}Left out</span>
            <span><code>${source}</code> <b>${key}</b><span class="error">${message}</span></span>
          </li>`,
      )}
    </ul>`;
}

/** Signals nobody can read protect nobody. @param {State} state */
function blind({ workloads }) {
  const missing = [...(workloads?.values() ?? [])].flatMap((workload) =>
    workload.signals.filter(({ live }) => !live).map((signal) => ({ workload, signal })),
  );
  if (missing.length === 0) return nothing;
  const bySignal = Map.groupBy(missing, ({ signal: { name, needs } }) => `${name}\n${needs ?? ""}`);
  return card(
    "Signs of use that cannot be read",
    html`<ul class="plain">
      ${[...bySignal.values()].map((those) => {
        const { name = "", needs = null } = those[0]?.signal ?? {};
        const some = those.slice(0, 12).map(({ workload }) => workload);
        const left = those.length - some.length;
        return html`<li>
          <span class="pill is-starting">${icon("question")}Blind</span>
          <span>
            <b>${name.replaceAll("_", " ")}</b> ${needs === null ? nothing : html`<small>needs ${needs}</small>`}
            <span class="names">
              ${some.map(({ alias, display_name: of }) => html`<a href="#/w/${alias}">${of}</a> `)}
              ${left > 0 ? `and ${left} more` : nothing}
            </span>
          </span>
        </li>`;
      })}
    </ul>`,
  );
}
