import { isDialogOpen } from "./views/dialogs.js";
import { pages } from "./views/shell.js";
import { whereAmI } from "./router.js";

/**
 * Shortcuts of one key, off where somebody types, and altogether where a person turned them off (WCAG 2.1.4). Arrow keys
 * in the list always work.
 * @param {{
 *   readonly isOn: () => boolean,
 *   readonly actions: () => import("./actions.js").Actions | null,
 *   readonly onHelp: () => void,
 *   readonly currentId: () => string | null,
 *   readonly onFocus: (id: string) => void,
 * }} context
 */
export function listenToKeys({ isOn, actions, onHelp, currentId, onFocus }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
    const { target, key } = event;
    if (!(target instanceof Element)) return;
    if (target.matches("input, select, textarea")) {
      if (key === "Escape" && target.id === "search") leaveSearch(target);
      if (key === "ArrowDown" && target.id === "search") move(1);
      return;
    }
    if (act(key, target)) event.preventDefault();
  });

  /**
   * @param {string} key
   * @param {Element} target
   */
  function act(key, target) {
    const { page } = whereAmI();
    const isInList = target.closest(".rows") !== null;
    if (isInList && (key === "ArrowDown" || key === "ArrowUp")) return move(key === "ArrowDown" ? 1 : -1);
    if (isInList && (key === "Home" || key === "End")) return moveTo(key === "Home" ? 0 : -1);
    if (key === "Escape" && page === "detail") return go("#/");
    if (!isOn()) return false;
    if (key === "/") return focusSearch();
    if (key === "?") return done(onHelp());
    const place = "1234".indexOf(key);
    if (place >= 0) return go(pages[place]?.[1] ?? "#/");
    if (page === "services" && (key === "j" || key === "k")) return move(key === "j" ? 1 : -1);
    return actOn(key, target);
  }

  /**
   * @param {string} key
   * @param {Element} target
   */
  function actOn(key, target) {
    const asked = actions();
    const row = target.closest("[data-id]")?.getAttribute("data-id");
    const id = row ?? whereAmI().id;
    if (asked === null || !id.startsWith("w/")) return false;
    const alias = id.slice(2);
    if (key === "w") return done(asked.wake(alias));
    if (key === "s") return done(asked.sleep(alias));
    if (key === "p") return done(asked.pin(alias));
    return false;
  }

  /** @param {number} by */
  function move(by) {
    const rows = allRows();
    const at = rows.findIndex((row) => row.getAttribute("data-id") === currentId());
    const isIn = document.activeElement?.closest("[data-id]") !== null && document.activeElement !== null;
    return focusRow(rows[isIn ? Math.min(Math.max(at + by, 0), rows.length - 1) : Math.max(at, 0)]);
  }

  /** @param {number} place */
  function moveTo(place) {
    return focusRow(allRows().at(place));
  }

  /** @param {Element | undefined} row */
  function focusRow(row) {
    const link = row?.querySelector(".name");
    const id = row?.getAttribute("data-id");
    if (!(link instanceof HTMLElement) || id == null) return false;
    onFocus(id);
    link.focus();
    link.scrollIntoView({ block: "nearest" });
    return true;
  }
}

const allRows = () => [...document.querySelectorAll(".rows > [data-id]")];

/** @param {void} _did */
const done = (_did) => true;

/** @param {string} address */
function go(address) {
  location.hash = address;
  return true;
}

function focusSearch() {
  const search = document.getElementById("search");
  if (search === null) return false;
  search.focus();
  return true;
}

/** @param {Element} search */
function leaveSearch(search) {
  if (search instanceof HTMLInputElement && search.value === "") search.blur();
}
