import { inPath, read } from "./api.js";
import { isSame, keepSame } from "./keep.js";
import { load, save } from "./settings.js";
import { follow } from "./stream.js";

/**
 * @typedef {import("./types.ts").State} State
 * @typedef {import("./types.ts").Workload} Workload
 * @typedef {import("./types.ts").Route} Route
 * @typedef {import("./types.ts").Event} Event
 */

/** Reasons and last uses change without an event; with many workloads the whole list is asked for less often. */
const refreshMs = 10_000;
const refreshManyMs = 30_000;
const many = 200;
const slowMs = 60_000;
const mostEvents = 300;
/** So many workloads that changed at once are read one by one, more of them as a list. */
const mostSingles = 5;

/**
 * Holds what is shown and keeps it fresh: by the event stream, and by asking again while somebody looks.
 * @param {() => void} onChange
 */
export function createStore(onChange) {
  /** @type {State} */
  let state = {
    workloads: null,
    routes: new Map(),
    providers: [],
    configErrors: [],
    timeline: null,
    savings: null,
    events: [],
    version: "",
    person: null,
    link: "connecting",
    ...load(),
  };
  const ended = new AbortController();
  /** @type {Set<string>} */
  const stale = new Set();
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let slowAt = Number.NEGATIVE_INFINITY;
  let busy = false;
  let flushing = 0;

  /** @param {Partial<State>} patch */
  function update(patch) {
    /** @type {State} */
    const next = { ...state, ...patch };
    const keys = /** @type {(keyof State)[]} */ (Object.keys(patch));
    if (keys.every((key) => next[key] === state[key])) return;
    const isSettings = keys.some((key) => key === "filter" || key === "theme" || key === "shortcuts");
    state = next;
    if (isSettings) save(state);
    onChange();
  }

  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      const [{ workloads }, { routes }, { providers }, { errors }] = await Promise.all([
        read("workloads"),
        read("routes"),
        read("providers"),
        read("config/errors"),
      ]);
      refreshedAt = performance.now();
      update({
        workloads: keepSame(state.workloads ?? noWorkloads, workloads, aliasOf),
        routes: keepSame(state.routes, routes, aliasOf),
        providers: isSame(state.providers, providers) ? state.providers : providers,
        configErrors: isSame(state.configErrors, errors) ? state.configErrors : errors,
        ...(state.link === "lost" ? { link: "live" } : {}),
      });
    } catch {
      update({ link: "lost" });
    } finally {
      busy = false;
    }
  }

  /** What changes slowly, and costs the server more. */
  async function refreshSlow() {
    slowAt = performance.now();
    const [timeline, savings] = await Promise.all([
      read("timeline").catch(() => state.timeline),
      read("savings").catch(() => state.savings),
    ]);
    update({ timeline: keepTimeline(timeline), savings });
  }

  /** @param {State["timeline"]} now */
  function keepTimeline(now) {
    const before = state.timeline;
    if (now === null || before === null || now === before) return now;
    const workloads = Object.entries(now.workloads).map(([alias, stretches]) => {
      const known = before.workloads[alias];
      return [alias, isSame(known, stretches) ? known : stretches];
    });
    return { ...now, workloads: Object.fromEntries(workloads) };
  }

  /** @param {string | null} alias */
  function markStale(alias) {
    if (alias !== null) stale.add(alias);
    if (flushing === 0) flushing = window.setTimeout(flush, 120);
  }

  async function flush() {
    const aliases = [...stale];
    stale.clear();
    if (aliases.length === 0 || aliases.length > mostSingles) await refresh();
    else await Promise.all(aliases.map(readOne));
    flushing = 0;
    if (stale.size > 0) markStale(null);
  }

  /**
   * A workload, a route, or both, of that name.
   * @param {string} alias
   */
  async function readOne(alias) {
    const { workloads, routes } = state;
    if (workloads === null || (!workloads.has(alias) && !routes.has(alias))) return refresh();
    const doors = [...routes.values()].filter((route) => route.alias === alias || route.workload === alias);
    const [workload, ...fresh] = await Promise.all([
      workloads.has(alias) ? read(`workloads/${inPath(alias)}`).catch(() => null) : null,
      ...doors.map((door) => read(`routes/${inPath(door.alias)}`).catch(() => door)),
    ]);
    if (workload !== null) put(workload);
    for (const route of fresh) update({ routes: withOne(state.routes, /** @type {Route} */ (route)) });
  }

  /** @param {Workload} workload */
  function put(workload) {
    if (state.workloads !== null) update({ workloads: withOne(state.workloads, workload) });
  }

  /** @param {import("./stream.js").Message} message */
  function hear({ type, data }) {
    if (type === "reset") {
      void refresh();
      void refreshEvents();
      return;
    }
    /** @type {Event} */
    const event = JSON.parse(data);
    update({ events: [event, ...state.events].slice(0, mostEvents) });
    markStale(event.alias);
    if (event.type === "sleep" || event.type === "wake") slowAt = Math.min(slowAt, performance.now() - slowMs + 2_000);
  }

  async function refreshEvents() {
    const history = await read("history?limit=200").catch(() => null);
    if (history !== null) update({ events: history.events.toReversed() });
  }

  function tick() {
    if (document.visibilityState === "hidden") return;
    const everyMs = (state.workloads?.size ?? 0) > many ? refreshManyMs : refreshMs;
    if (performance.now() - refreshedAt > (state.link === "lost" ? 2_000 : everyMs)) void refresh();
    if (performance.now() - slowAt > slowMs) void refreshSlow();
  }

  return {
    get: () => state,
    update,
    put,
    markStale,
    /** Reads everything and stays informed. */
    async open() {
      document.addEventListener("visibilitychange", tick);
      window.setInterval(tick, 1_000);
      const { signal } = ended;
      const onLink = (/** @type {boolean} */ up) => {
        if (up && state.link === "lost") void refresh();
        update({ link: up ? "live" : "lost" });
      };
      void follow("events", { signal, onMessage: hear, onLink });
      void read("version").then(({ version }) => update({ version }), ignore);
      void read("session").then((person) => update({ person }), ignore);
      await refresh();
      await Promise.all([refreshSlow(), refreshEvents()]);
    },
  };
}

/** What is asked for again anyway. */
const ignore = () => undefined;

/** @type {ReadonlyMap<string, Workload>} */
const noWorkloads = new Map();

/** @param {{ readonly alias: string }} one */
const aliasOf = ({ alias }) => alias;

/**
 * @template {{ readonly alias: string }} T
 * @param {ReadonlyMap<string, T>} all
 * @param {T} one
 * @returns {ReadonlyMap<string, T>}
 */
function withOne(all, one) {
  if (isSame(all.get(one.alias), one)) return all;
  return new Map(all).set(one.alias, one);
}

/** @typedef {ReturnType<typeof createStore>} Store */
