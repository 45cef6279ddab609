import { serverNow } from "./clock.js";
import { toDuration } from "./format.js";

/** @type {Set<TimeText>} */
const shown = new Set();
let ticking = 0;

function tick() {
  if (document.visibilityState === "hidden") return;
  for (const each of shown) each.show();
}

/**
 * `<nd-time at="2026-…" form="left|eta|retry|past|ago">`: a time that says by itself how far away it is, so that nothing else has
 * to be drawn again each second.
 */
class TimeText extends HTMLElement {
  static observedAttributes = ["at", "form"];
  #said = "";

  connectedCallback() {
    shown.add(this);
    if (ticking === 0) ticking = window.setInterval(tick, 1_000);
    this.show();
  }

  disconnectedCallback() {
    shown.delete(this);
    if (shown.size > 0) return;
    window.clearInterval(ticking);
    ticking = 0;
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    const at = this.getAttribute("at");
    if (name === "at" && at !== null) this.title = new Date(at).toLocaleString();
    if (this.isConnected) this.show();
  }

  show() {
    const at = Date.parse(this.getAttribute("at") ?? "");
    const text = Number.isNaN(at) ? "" : toText(at - serverNow(), this.getAttribute("form"));
    if (text !== this.#said) this.textContent = this.#said = text;
  }
}

/**
 * @param {number} leftMs
 * @param {string | null} form
 */
function toText(leftMs, form) {
  if (form === "left") return leftMs < 1_000 ? "a moment" : toDuration(leftMs);
  if (form === "eta") return leftMs < 1_000 ? "any moment now" : `about ${toDuration(leftMs)} left`;
  if (form === "retry") {
    return leftMs < 1_000 ? "the next request tries again" : `a request tries again in ${toDuration(leftMs)}`;
  }
  const past = toDuration(-leftMs);
  if (form === "past") return past;
  return -leftMs < 5_000 ? "just now" : `${past} ago`;
}

export function defineTimeText() {
  customElements.define("nd-time", TimeText);
  document.addEventListener("visibilitychange", tick);
}
