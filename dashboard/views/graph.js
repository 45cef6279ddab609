import { html, svg } from "lit-html";
import { layOut } from "../graph.js";
import { wordFor } from "./parts.js";

const width = 150;
const height = 38;
const gapX = 46;
const gapY = 14;

/** @typedef {import("../types.ts").Workload} Workload */

/**
 * What needs what, each a link.
 * @param {Workload} workload
 * @param {ReadonlyMap<string, Workload>} workloads
 */
export function dependencyGraph(workload, workloads) {
  const { places, edges, columns, lines } = layOut(workload.alias, workloads);
  const total = { x: columns * (width + gapX) - gapX, y: lines * (height + gapY) - gapY };
  const left = (/** @type {number} */ column) => column * (width + gapX);
  const top = (/** @type {number} */ line) => line * (height + gapY);
  return html`<div class="graph" tabindex="0" role="group" aria-label="Dependencies, from left to right">
    <svg width=${total.x + 4} height=${total.y + 4} viewBox="-2 -2 ${total.x + 4} ${total.y + 4}">
      ${edges.map(({ from, to }) => {
        const [x1, y1] = [left(from.column) + width, top(from.line) + height / 2];
        const [x2, y2] = [left(to.column), top(to.line) + height / 2];
        const bend = (x2 - x1) / 2;
        return svg`<path class="edge" d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" />`;
      })}
      ${places.map(({ alias, column, line }) => {
        const each = workloads.get(alias);
        const name = each?.display_name ?? alias;
        const state = each?.state ?? "gone";
        const isSelf = alias === workload.alias;
        return svg`<a href="#/w/${encodeURIComponent(alias)}" class="node is-${state} ${isSelf ? "is-self" : ""}"
            aria-label="${name}: ${wordFor(state)}" aria-current=${isSelf ? "true" : "false"}
            transform="translate(${left(column)} ${top(line)})">
          <title>${name}: ${wordFor(state)}</title>
          <rect width=${width} height=${height} rx="9" />
          <circle cx="16" cy=${height / 2} r="4.5" />
          <text x="30" y=${height / 2 + 4.5}>${name.length > 15 ? `${name.slice(0, 14)}…` : name}</text>
        </a>`;
      })}
    </svg>
  </div>`;
}
