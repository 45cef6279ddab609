import { html, nothing } from "lit-html";
import { explain } from "../explain.js";
import { toBytes, toDuration, toPercent } from "../format.js";
import { reasonList } from "./dialogs.js";
import { eventList, keyOf } from "./events.js";
import { dependencyGraph } from "./graph.js";
import { routeHealth } from "./health.js";
import { icon } from "./icons.js";
import { card, conditionPill, empty, explanation, mark } from "./parts.js";
import { timelineChart } from "./timeline.js";

/**
 * @typedef {import("../types.ts").Item} Item
 * @typedef {import("../types.ts").State} State
 * @typedef {import("../types.ts").Workload} Workload
 * @typedef {import("../types.ts").History} History
 * @typedef {import("../actions.js").Actions} Actions
 */

/** What is read only for the service that is open. @typedef {object} Opened
 * @property {readonly import("../types.ts").Event[] | null} events newest first
 * @property {ReadonlyMap<string, History>} histories by alias of the route
 * @property {History["period"]} period
 * @property {boolean} isLogPaused
 * @property {boolean} isLogWrapped
 */

/**
 * @typedef {object} DetailContext
 * @property {State} state
 * @property {Opened} opened
 * @property {Actions | null} actions
 * @property {(opened: Partial<Opened>) => void} onOpened
 */

/**
 * One service with everything about it.
 * @param {Item | undefined} item
 * @param {DetailContext} context
 */
export function detail(item, context) {
  if (item === undefined) {
    if (context.state.workloads === null)
      return html`<div class="skeleton" aria-hidden="true">
        <div></div>
        <div></div>
      </div>`;
    return html`${back}
      <h1 class="visually-hidden" tabindex="-1">Not found</h1>
      ${empty("There is no such service", html`<a href="#/">All services</a>`, "question")}`;
  }
  const { workload } = item;
  return html`${back}
    <header class="title">
      ${mark(item.name)}
      <div class="heading">
        <h1 tabindex="-1">${item.name}</h1>
        <p class="links">
          ${item.links.map(
            ({ text, href }) =>
              html`<a href=${href} target="_blank" rel="noopener"
                >${text}${icon("out")}<span class="visually-hidden"> (opens in a new tab)</span></a
              >`,
          )}
        </p>
      </div>
      ${workload === null || context.actions === null ? nothing : buttons(workload, context.actions)}
    </header>
    <p class="now" role="status">${conditionPill(item.condition)} ${explanation(explain(item))}</p>
    <div class="columns">
      <div class="main">
        ${workload === null ? nothing : why(workload)} ${workload === null ? nothing : sleepCard(workload, context)}
        ${item.routes.length === 0 ? nothing : healthCard(item, context)}
        ${workload === null ? nothing : logCard(workload, context)}
      </div>
      <div class="side">
        ${facts(item)} ${workload === null ? nothing : dependencies(workload, context)}
        ${workload === null ? nothing : signals(workload)} ${workload === null ? nothing : events(workload, context)}
      </div>
    </div>`;
}

const back = html`<a class="back" href="#/">${icon("back")}Services</a>`;

/**
 * @param {Workload} workload
 * @param {Actions} actions
 */
function buttons({ alias, state, sleeps, pinned_until: pinnedUntil }, actions) {
  if (state === "gone") return nothing;
  const isUp = state === "ready" || state === "starting";
  return html`<div class="acts">
    ${
      isUp
        ? html`<button type="button" class="button" ?disabled=${!sleeps} @click=${() => actions.sleep(alias)}>
            ${icon("moon")}Sleep
          </button>`
        : html`<button
            type="button"
            class="button primary"
            ?disabled=${state === "stopping"}
            @click=${() => actions.wake(alias)}
          >
            ${icon("sun")}${state === "error" ? "Try again" : "Wake"}
          </button>`
    }
    <button type="button" class="button" aria-pressed=${pinnedUntil !== null} @click=${() => actions.pin(alias)}>
      ${icon("pin")}Keep awake
    </button>
    <button type="button" class="button" ?disabled=${!sleeps} @click=${() => actions.restart(alias)}>
      ${icon("restart")}Restart
    </button>
  </div>`;
}

/** @param {Workload} workload */
function why(workload) {
  const { state, reasons, error, sleeps_at: sleepsAt, next_try_at: nextTryAt, dry_run: isDry } = workload;
  const verb = isDry ? "would sleep" : "sleeps";
  if (state === "error" && error !== null) {
    return card(
      "Why it failed",
      html`<p class="failure" role="alert">${error.message} <code>${error.code}</code></p>
        ${nextTryAt === null ? nothing : html`<p class="hint"><nd-time at=${nextTryAt} form="retry"></nd-time>; you may at once.</p>`}`,
    );
  }
  if (reasons.length === 0) return nothing;
  const title = state !== "ready" ? "Why it sleeps" : sleepsAt === null ? "Why it is awake" : "When it sleeps";
  const until =
    sleepsAt === null || state !== "ready"
      ? nothing
      : html`<p class="until">${verb} in <nd-time at=${sleepsAt} form="left"></nd-time></p>`;
  return card(title, reasonList(reasons), until);
}

/**
 * @param {Workload} workload
 * @param {DetailContext} context
 */
function sleepCard({ alias }, { state: { timeline, savings } }) {
  const saving = savings?.workloads.find((each) => each.alias === alias);
  const known = saving === undefined ? 0 : saving.asleep_ms + saving.awake_ms;
  return card(
    "The last day",
    html`${timeline === null ? html`<div class="skeleton"><div></div></div>` : timelineChart(timeline, alias)}
    ${
      saving === undefined || known === 0
        ? nothing
        : html`<dl class="figures">
            <div>
              <dt>Asleep, of 30 days</dt>
              <dd>${toPercent(saving.asleep_ms / known)}</dd>
            </div>
            <div>
              <dt>${saving.dry_run ? "Would have saved" : "Memory saved"}</dt>
              <dd>${toBytes(saving.saved_byte_hours)}<small>× h</small></dd>
            </div>
          </dl>`
    }`,
  );
}

/**
 * @param {Item} item
 * @param {DetailContext} context
 */
function healthCard({ routes }, { opened, onOpened, actions }) {
  return card(
    "Health",
    routes.map(
      (route) =>
        html`${routes.length > 1 ? html`<h3>${route.alias}</h3>` : nothing}
        ${routeHealth(route, {
          history: opened.histories.get(route.alias),
          period: opened.period,
          onPeriod: (period) => onOpened({ period, histories: new Map() }),
          onCheck: actions === null ? null : () => void actions.check(route.alias),
        })}`,
    ),
  );
}

/**
 * @param {Workload} workload
 * @param {DetailContext} context
 */
function logCard({ alias, kind }, { opened: { isLogPaused, isLogWrapped }, onOpened }) {
  if (kind === "group" || kind === "compose") return nothing;
  const aside = html`<div class="acts">
    <button
      type="button"
      class="button small"
      aria-pressed=${isLogWrapped}
      @click=${() => onOpened({ isLogWrapped: !isLogWrapped })}
    >
      Wrap
    </button>
    <button
      type="button"
      class="button small"
      aria-pressed=${isLogPaused}
      @click=${() => onOpened({ isLogPaused: !isLogPaused })}
    >
      Pause
    </button>
  </div>`;
  return card("Log", html`<nd-log alias=${alias} ?paused=${isLogPaused} ?wrap=${isLogWrapped}></nd-log>`, aside);
}

/** @param {Item} item */
function facts({ workload, routes }) {
  const never = workload?.idle_timeout_ms === 0;
  /** @type {readonly (readonly [string, unknown])[]} */
  const lines =
    workload === null
      ? []
      : [
          ["Engine", `${workload.provider}, ${workload.kind}`],
          ["Name there", workload.ref],
          ...(workload.project === null ? [] : [/** @type {const} */ (["Project", workload.project])]),
          [
            "Sleeps after",
            workload.sleeps
              ? never
                ? "never by itself"
                : toDuration(workload.idle_timeout_ms)
              : "never: it did not opt in",
          ],
          ["How", workload.dry_run ? `${workload.stop_method}, dry run` : workload.stop_method],
          ["Last used", moment(workload.last_used_at)],
          ["Last woken", moment(workload.woken_at)],
        ];
  return card(
    "About",
    html`<dl class="facts">
      ${lines.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
      ${routes.map(
        ({ alias, upstreams, requests_total: total, in_flight: inFlight, waiters, last_used_at: usedAt }) =>
          html`<div>
            <dt>Route ${alias}</dt>
            <dd>
              ${upstreams.length === 0 ? nothing : html`<span class="address">${upstreams.join(", ")}</span>`}
              <span
                >${total}
                requests${inFlight > 0 ? `, ${inFlight} open` : ""}${waiters > 0 ? `, ${waiters} waiting` : ""}</span
              >
              ${usedAt === null ? nothing : html`<span>last <nd-time at=${usedAt} form="ago"></nd-time></span>`}
            </dd>
          </div>`,
      )}
    </dl>`,
  );
}

/** @param {string | null} at */
function moment(at) {
  return at === null ? "–" : html`<nd-time at=${at} form="ago"></nd-time>`;
}

/**
 * @param {Workload} workload
 * @param {DetailContext} context
 */
function dependencies(workload, { state: { workloads } }) {
  if (workloads === null || workload.depends_on.length + workload.dependants.length === 0) return nothing;
  return card("Dependencies", dependencyGraph(workload, workloads));
}

/** @param {Workload} workload */
function signals({ signals: all }) {
  if (all.length === 0) return nothing;
  return card(
    "Signs of use",
    html`<ul class="signals">
      ${all.map(
        ({ name, live, last_used_at: usedAt, needs }) =>
          html`<li class=${live ? "" : "is-off"}>
            ${icon(live ? "check" : "cross")}
            <span
              >${name.replaceAll("_", " ")}${live || needs === null ? nothing : html`<small>needs ${needs}</small>`}</span
            >
            <span class="aside">${live ? moment(usedAt) : "cannot be read"}</span>
          </li>`,
      )}
    </ul>`,
  );
}

/**
 * What was read when it was opened, and what the stream told since.
 * @param {Workload} workload
 * @param {DetailContext} context
 */
function events({ alias }, { opened, state }) {
  const known = opened.events;
  if (known === null) return card("What happened", html`<div class="skeleton"><div></div></div>`);
  const keys = new Set(known.map(keyOf));
  const since = state.events.filter((event) => event.alias === alias && !keys.has(keyOf(event)));
  const all = [...since, ...known].sort((one, other) => other.at.localeCompare(one.at));
  return card("What happened", eventList(all.slice(0, 60)));
}
