/**
 * @typedef {import("./types.ts").Workload} Workload
 * @typedef {{ readonly alias: string, readonly column: number, readonly line: number }} Place
 * @typedef {{ readonly from: Place, readonly to: Place }} Edge
 */

const most = 40;

/**
 * Everything a workload depends on and that depends on it, at any distance: who needs stands left of what it needs.
 * Pure; a cycle (which nodoff refuses) would not keep it from ending.
 * @param {string} alias
 * @param {ReadonlyMap<string, Workload>} workloads
 */
export function layOut(alias, workloads) {
  const columns = new Map([[alias, 0]]);
  spread("depends_on", 1);
  spread("dependants", -1);
  const first = Math.min(...columns.values());
  /** @type {Map<number, number>} */
  const used = new Map();
  const places = new Map(
    [...columns].map(([each, at]) => {
      const column = at - first;
      const line = used.get(column) ?? 0;
      used.set(column, line + 1);
      return /** @type {const} */ ([each, { alias: each, column, line }]);
    }),
  );
  /** @type {Edge[]} */
  const edges = [];
  for (const [each, from] of places) {
    for (const needed of workloads.get(each)?.depends_on ?? []) {
      const to = places.get(needed);
      if (to !== undefined) edges.push({ from, to });
    }
  }
  return { places: [...places.values()], edges, columns: used.size, lines: Math.max(...used.values()) };

  /**
   * @param {"depends_on" | "dependants"} key
   * @param {1 | -1} step
   */
  function spread(key, step) {
    const queue = [alias];
    for (let rounds = 0; rounds < most * most; rounds++) {
      const each = queue.shift();
      if (each === undefined) return;
      const column = (columns.get(each) ?? 0) + step;
      for (const next of workloads.get(each)?.[key] ?? []) {
        const known = columns.get(next);
        // The longest way counts, so that every line leads to the right.
        if (known !== undefined && (next === alias || known * step >= column * step)) continue;
        if (known === undefined && columns.size >= most) continue;
        columns.set(next, column);
        queue.push(next);
      }
    }
  }
}
