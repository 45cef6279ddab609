import { html, svg } from "lit-html";

/** Drawn for a 20 by 20 square, stroked with the current colour. */
const strokes = /** @type {const} */ ({
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  cross: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  alert: "M10 3.2L17.5 16.5h-15zM10 8.2v4M10 14.4v.1",
  question: "M7.5 7.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7M10 14.4v.1",
  minus: "M5 10h10",
  dots: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  down: "M10 4v11M5.5 10.5L10 15l4.5-4.5",
  sun: "M10 6.6a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8M10 2v1.6M10 16.4V18M2 10h1.6M16.4 10H18M4.3 4.3l1.2 1.2M14.5 14.5l1.2 1.2M4.3 15.7l1.2-1.2M14.5 5.5l1.2-1.2",
  moon: "M16.2 11.9A6.6 6.6 0 0 1 8.1 3.8a6.6 6.6 0 1 0 8.1 8.1z",
  screen: "M3 4.5h14v9H3zM7.5 17h5M10 13.5V17",
  pin: "M7.2 3h5.6l-.7 5.2 2.4 2.6v1.4h-9v-1.4l2.4-2.6zM10 12.2V17",
  play: "M6.5 4.2l9 5.8-9 5.8z",
  restart: "M15.8 8.2A6.2 6.2 0 1 0 16.2 11M16 4v4.2h-4.2",
  search: "M8.8 3.8a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12.6 12.6L16.5 16.5",
  out: "M8 4H4.5v11.5H16V12M11 4h5v5M16 4l-7 7",
  back: "M11.5 4.5L6 10l5.5 5.5",
  list: "M3.5 5.5h13M3.5 10h13M3.5 14.5h13",
  pulse: "M2.5 10.5h3.3l2.2-6 3.6 11 2.1-5h3.8",
  leaf: "M4 16C4 8 9 4 16.5 3.8 17 11 13 15.5 6.8 14.6M4 16.5c1.4-4 3.8-6 7-7.4",
  gear: "M10 7.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M10 2.5v2.2M10 15.3v2.2M2.5 10h2.2M15.3 10h2.2M4.7 4.7l1.6 1.6M13.7 13.7l1.6 1.6M4.7 15.3l1.6-1.6M13.7 6.3l1.6-1.6",
  key: "M3 5.5h14v9H3zM6 8.5h.1M9 8.5h.1M12 8.5h.1M14.5 8.5h.1M6.5 11.7h7",
  leave: "M8 3.5H4v13h4M12.5 6.5L16 10l-3.5 3.5M16 10H8",
});

/** @typedef {keyof typeof strokes} IconName */

/** @param {IconName} name */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">${svg`<path d=${strokes[name]} />`}</svg>`;
}
