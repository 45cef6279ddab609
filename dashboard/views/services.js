import { html, nothing } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { repeat } from "lit-html/directives/repeat.js";
import { toBytes, toCount } from "../format.js";
import { group, groupOf, select } from "../items.js";
import { icon } from "./icons.js";
import { choices, empty, healthWord } from "./parts.js";
import { row } from "./row.js";

/**
 * @typedef {import("../types.ts").Item} Item
 * @typedef {import("../types.ts").State} State
 * @typedef {import("../types.ts").Filter} Filter
 * @typedef {import("../types.ts").ConditionGroup} ConditionGroup
 * @typedef {import("../actions.js").Actions} Actions
 */

/**
 * @typedef {object} ServicesContext
 * @property {State} state
 * @property {ReadonlyMap<string, Item>} items
 * @property {string | null} currentId where Tab stops in the list
 * @property {Actions | null} actions null: whoever looks may ask for nothing
 * @property {(filter: Partial<Filter>) => void} onFilter
 * @property {(id: string) => void} onFocus
 */

const heading = html`<h1 class="visually-hidden" tabindex="-1">Services</h1>`;

/** The list of everything. @param {ServicesContext} context */
export function services(context) {
  const { state, items } = context;
  if (state.workloads === null) return html`${heading} ${skeleton(state.link)}`;
  if (items.size === 0) return html`${heading} ${nothingYet(state)}`;
  const chosen = select(items.values(), state.filter);
  const currentId = chosen.some(({ id }) => id === context.currentId) ? context.currentId : (chosen[0]?.id ?? null);
  return html`${heading} ${summary(state, [...items.values()])} ${attention(state)} ${toolbar(context)}
    <p class="visually-hidden" role="status">${toCount(chosen.length, "service")} shown</p>
    ${
      chosen.length === 0
        ? empty(
            "Nothing matches",
            html`<button type="button" class="button" @click=${() => context.onFilter(anything)}>
              Show everything
            </button>`,
            "search",
          )
        : repeat(
            group(chosen, state.filter.groupBy),
            ({ title }) => title,
            ({ title, items: some }) => section(title, some, { ...context, currentId }),
          )
    }`;
}

/** @type {Partial<Filter>} */
const anything = { text: "", conditions: "all", health: "any" };

/**
 * @param {string} title
 * @param {readonly Item[]} items
 * @param {ServicesContext} context
 */
function section(title, items, { state, currentId, actions, onFocus }) {
  const focused = (/** @type {FocusEvent} */ event) => {
    const line = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    const id = line?.getAttribute("data-id") ?? null;
    if (id !== null && id !== currentId) onFocus(id);
  };
  const { timeline } = state;
  return html`<section class="group" aria-label=${title === "" ? "Services" : title}>
    ${title === "" ? nothing : html`<h2>${title} <span class="count">${items.length}</span></h2>`}
    <div class="head" aria-hidden="true">
      <span></span><span>Service</span><span>State</span><span class="day">Last 24 hours</span><span>Health</span
      ><span></span>
    </div>
    <ul class="rows" @focusin=${focused}>
      ${repeat(
        items,
        ({ id }) => id,
        (item) => row(item, { timeline, isCurrent: item.id === currentId, actions }),
      )}
    </ul>
  </section>`;
}

/**
 * @param {State} state
 * @param {readonly Item[]} items
 */
function summary({ timeline, savings }, items) {
  const counts = countOf(items);
  const freed = items.reduce((sum, { alias, condition }) => {
    const last = condition === "napping" ? timeline?.workloads[alias]?.at(-1) : undefined;
    return sum + (last?.kind === "asleep" && last.to === null ? (last.memory_bytes ?? 0) : 0);
  }, 0);
  const saved = savings?.workloads.reduce((sum, each) => sum + (each.dry_run ? 0 : each.saved_byte_hours), 0);
  return html`<dl class="stats">
    <div>
      <dt>Awake</dt>
      <dd>${counts.awake}<small>of ${counts.workloads}</small></dd>
    </div>
    <div>
      <dt>Asleep</dt>
      <dd>${counts.asleep}</dd>
    </div>
    <div class=${counts.failing > 0 ? "is-bad" : ""}>
      <dt>Failing</dt>
      <dd>${counts.failing}</dd>
    </div>
    <div>
      <dt>Memory free now</dt>
      <dd>${timeline === null ? "–" : toBytes(freed)}</dd>
    </div>
    <div>
      <dt>Saved in 30 days</dt>
      <dd>${saved === undefined ? "–" : html`${toBytes(saved)}<small>× h</small>`}</dd>
    </div>
  </dl>`;
}

/** @param {readonly Item[]} items */
function countOf(items) {
  const counts = { awake: 0, asleep: 0, failing: 0, always: 0, workloads: 0 };
  for (const item of items) {
    counts[groupOf(item)]++;
    if (item.workload !== null) counts.workloads++;
  }
  return counts;
}

/** What somebody has to look after, before the list. @param {State} state */
function attention({ providers, configErrors }) {
  const lost = providers.filter(({ connected }) => !connected);
  const parts = [
    ...lost.map(({ name, error }) => `${name} is not reachable${error === null ? "" : `: ${error.message}`}`),
    ...(configErrors.length > 0
      ? [`${toCount(configErrors.length, "entry", "entries")} of the configuration left out`]
      : []),
  ];
  if (parts.length === 0) return nothing;
  return html`<a class="attention" href="#/system"
    >${icon("alert")}<span>${parts.join(" · ")}</span><span class="more">System</span></a
  >`;
}

/** @param {ServicesContext} context */
function toolbar({ state: { filter }, items, onFilter }) {
  const counts = countOf([...items.values()]);
  const typed = (/** @type {InputEvent} */ event) =>
    event.target instanceof HTMLInputElement && onFilter({ text: event.target.value });
  /** @type {readonly (readonly [ConditionGroup, string, number])[]} */
  const all = [
    ["all", "All", items.size],
    ["awake", "Awake", counts.awake],
    ["asleep", "Asleep", counts.asleep],
    ["failing", "Failing", counts.failing],
    ["always", "Always on", counts.always],
  ];
  const options = all
    .filter(([value, , count]) => value !== "always" || count > 0)
    .map(([value, text, count]) => /** @type {const} */ ([value, html`${text}<span class="count">${count}</span>`]));
  return html`<div class="toolbar" role="search" aria-label="Services">
    <label class="search">
      ${icon("search")}<span class="visually-hidden">Search services</span>
      <input
        id="search"
        type="search"
        placeholder="Search"
        autocomplete="off"
        spellcheck="false"
        .value=${live(filter.text)}
        @input=${typed}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
    ${choices({ label: "State", value: filter.conditions, options, onPick: (conditions) => onFilter({ conditions }) })}
    <span class="spacer"></span>
    ${picker("Health", { value: filter.health, options: healthOptions, onPick: (health) => onFilter({ health }) })}
    ${picker("Group", { value: filter.groupBy, options: groupOptions, onPick: (groupBy) => onFilter({ groupBy }) })}
  </div>`;
}

/** @type {readonly (readonly [Filter["health"], string])[]} */
const healthOptions = [
  ["any", "Any"],
  .../** @type {const} */ (["healthy", "unhealthy", "error", "starting", "napping", "unknown"]).map(
    (status) => /** @type {const} */ ([status, healthWord(status)]),
  ),
];

/** @type {readonly (readonly [Filter["groupBy"], string])[]} */
const groupOptions = [
  ["none", "None"],
  ["state", "State"],
  ["provider", "Provider"],
  ["host", "Host"],
  ["project", "Project"],
];

/**
 * @template {string} T
 * @param {string} label
 * @param {{ readonly value: T, readonly options: readonly (readonly [T, string])[], readonly onPick: (value: T) => void }} about
 */
function picker(label, { value, options, onPick }) {
  const picked = (/** @type {Event} */ event) => {
    const option = event.target instanceof HTMLSelectElement ? options[event.target.selectedIndex] : undefined;
    if (option !== undefined) onPick(option[0]);
  };
  return html`<label class="picker"
    ><span>${label}</span>
    <select @change=${picked}>
      ${options.map(([each, text]) => html`<option value=${each} .selected=${each === value}>${text}</option>`)}
    </select>
  </label>`;
}

/** @param {State["link"]} link */
function skeleton(link) {
  if (link === "lost") return empty("nodoff does not answer", "Trying again…", "alert");
  return html`<p class="visually-hidden" role="status">Loading</p>
    <div class="skeleton" aria-hidden="true">${Array.from({ length: 6 }, () => html`<div></div>`)}</div>`;
}

/** @param {State} state */
function nothingYet({ providers }) {
  const [first] = providers;
  // Not what is missing, but what nodoff cannot see.
  const away = providers.find(({ connected }) => !connected);
  if (away !== undefined)
    return empty(
      `${away.name} is not reachable`,
      `${away.error === null ? "" : `${away.error.message}. `}Until it is, every request goes through.`,
      "alert",
    );
  return empty(
    "No services yet",
    html`${
      first === undefined
        ? html`Name an engine under <code>providers</code>.`
        : html`Put the label <code>nodoff.enable=true</code> on a container of <b>${first.name}</b>, or name a workload
            in <code>nodoff.yaml</code>.`
    }
    It appears here by itself.`,
  );
}
