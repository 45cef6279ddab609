import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { explain } from "../explain.js";
import { icon } from "./icons.js";
import { conditionPill, explanation, healthSign, mark } from "./parts.js";
import { timelineBar } from "./timeline.js";

/**
 * @typedef {import("../types.ts").Item} Item
 * @typedef {import("../types.ts").Timeline} Timeline
 * @typedef {import("../actions.js").Actions} Actions
 */

/**
 * One service of the list. Drawn again only when something of it changed; times in it run by themselves.
 * @param {Item} item
 * @param {{ readonly timeline: Timeline | null, readonly isCurrent: boolean, readonly actions: Actions | null }} context
 *   `isCurrent`: Tab stops here, the arrow keys lead to the others
 */
export function row(item, { timeline, isCurrent, actions }) {
  const stretches = timeline?.workloads[item.alias];
  return guard([item, stretches, isCurrent, actions], () => {
    const stop = isCurrent ? 0 : -1;
    const [link] = item.links;
    return html`<li class="row is-${item.condition}" data-id=${item.id}>
      ${mark(item.name)}
      <div class="who">
        <a class="name" href="#/${item.id}" tabindex=${stop}>${item.name}</a>
        ${
          link === undefined
            ? html`<span class="sub">${item.workload?.ref ?? item.routes[0]?.kind ?? ""}</span>`
            : html`<a class="sub" href=${link.href} target="_blank" rel="noopener" tabindex=${stop}>
                ${link.text}<span class="visually-hidden"> (opens in a new tab)</span>
              </a>`
        }
      </div>
      <div class="why">${conditionPill(item.condition)}${explanation(explain(item))}</div>
      <div class="day">
        ${
          timeline === null || item.workload === null
            ? nothing
            : timelineBar({ since: timeline.since, stretches: stretches ?? [] })
        }
      </div>
      ${item.routes.length === 0 ? html`<span class="health"></span>` : healthSign(item.health)}
      <div class="acts">${actions === null ? nothing : rowActions(item, { actions, stop })}</div>
    </li>`;
  });
}

/**
 * @param {Item} item
 * @param {{ readonly actions: Actions, readonly stop: number }} context
 */
function rowActions({ workload, name }, { actions, stop }) {
  if (workload === null || workload.state === "gone") return nothing;
  const { alias, state, sleeps } = workload;
  const isUp = state === "ready" || state === "starting";
  const toggle = isUp
    ? html`<button
        type="button"
        class="button"
        tabindex=${stop}
        ?disabled=${!sleeps}
        aria-label="Put ${name} to sleep"
        @click=${() => actions.sleep(alias)}
      >
        ${icon("moon")}Sleep
      </button>`
    : html`<button
        type="button"
        class="button quiet"
        tabindex=${stop}
        ?disabled=${state === "stopping"}
        aria-label="Wake ${name}"
        @click=${() => actions.wake(alias)}
      >
        ${icon("sun")}Wake
      </button>`;
  return html`${toggle}
    <button
      type="button"
      class="button bare"
      tabindex=${stop}
      aria-label="Keep ${name} awake"
      title="Keep awake"
      aria-pressed=${workload.pinned_until !== null}
      @click=${() => actions.pin(alias)}
    >
      ${icon("pin")}
    </button>`;
}
