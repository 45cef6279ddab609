import { render } from "lit-html";
import { createActions } from "./actions.js";
import { toItems } from "./items.js";
import { defineLogView } from "./log-view.js";
import { listenToKeys } from "./keys.js";
import { createOpened } from "./opened.js";
import { whereAmI } from "./router.js";
import { createStore } from "./store.js";
import { defineTimeText } from "./time.js";
import { detail } from "./views/detail.js";
import { showKeys } from "./views/dialogs.js";
import { activity } from "./views/events.js";
import { savingsPage } from "./views/savings.js";
import { services } from "./views/services.js";
import { pages, shell } from "./views/shell.js";
import { system } from "./views/system.js";

/**
 * @typedef {import("./types.ts").Item} Item
 * @typedef {import("./router.js").Place} Place
 */

const root = document.getElementById("app") ?? document.body;
const store = createStore(schedule);
const opened = createOpened(schedule);
const actions = createActions(store);
/** @type {ReadonlyMap<string, Item>} */
let items = new Map();
/** @type {string | null} */
let currentId = null;
let scheduled = false;

/** However much changed at once, it is drawn once. */
function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(draw);
}

/** A viewer may ask for nothing, so there are no buttons for it. */
const allowed = () => (store.get().person?.role === "viewer" ? null : actions);

/** @param {string} id */
function focusOn(id) {
  currentId = id;
  schedule();
}

function draw() {
  scheduled = false;
  const state = store.get();
  const place = whereAmI();
  items = toItems(state, items);
  opened.show(place.page === "detail" ? items.get(place.id) : undefined);
  const page = place.page === "detail" ? "services" : place.page;
  const onTheme = (/** @type {import("./types.ts").Theme} */ theme) => store.update({ theme });
  render(shell({ state, page, content: contentOf(place), onTheme, onKeys: help }), root);
  document.title = titleOf(place);
}

/** @param {Place} place */
function contentOf({ page, id }) {
  const state = store.get();
  switch (page) {
    case "services":
      return services({
        state,
        items,
        currentId,
        actions: allowed(),
        onFilter: (patch) => store.update({ filter: { ...store.get().filter, ...patch } }),
        onFocus: focusOn,
      });
    case "detail":
      return detail(items.get(id), { state, opened: opened.get(), actions: allowed(), onOpened: opened.update });
    case "activity":
      return activity(state);
    case "savings":
      return savingsPage(state);
    case "system":
      return system(state);
  }
}

/** @param {Place} place */
function titleOf({ page, id }) {
  const title = page === "detail" ? items.get(id)?.name : pages.find(([name]) => name === page)?.[2];
  return title === undefined || page === "services" ? "nodoff" : `${title} · nodoff`;
}

function help() {
  showKeys({ enabled: store.get().shortcuts, onToggle: (shortcuts) => store.update({ shortcuts }) });
}

let from = whereAmI();

/** Another page: its heading gets the focus; back in the list, the service one came from. */
window.addEventListener("hashchange", () => {
  const to = whereAmI();
  if (to.page === "detail") currentId = to.id;
  draw();
  window.scrollTo(0, 0);
  const came = from.page === "detail" && to.page === "services" ? from.id : null;
  const row = came === null ? null : document.querySelector(`[data-id="${CSS.escape(came)}"] .name`);
  const place = row ?? document.querySelector("main h1");
  if (place instanceof HTMLElement) place.focus();
  from = to;
});

listenToKeys({
  isOn: () => store.get().shortcuts,
  actions: allowed,
  onHelp: help,
  currentId: () => currentId,
  onFocus: focusOn,
});
defineTimeText();
defineLogView();
draw();
void store.open();
