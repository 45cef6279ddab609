import { inPath, read } from "./api.js";

/**
 * @typedef {import("./views/detail.js").Opened} Opened
 * @typedef {import("./types.ts").Item} Item
 */

/** @type {Opened} */
const closed = { events: null, histories: new Map(), period: "1h", isLogPaused: false, isLogWrapped: false };
const historyMs = 20_000;

/**
 * What is read only for the one service that is open.
 * @param {() => void} onChange
 */
export function createOpened(onChange) {
  /** @type {Opened} */
  let opened = closed;
  let id = "";
  let readAt = Number.NEGATIVE_INFINITY;
  let known = "";

  /** @param {Partial<Opened>} patch */
  function update(patch) {
    opened = { ...opened, ...patch };
    if (patch.period !== undefined) readAt = Number.NEGATIVE_INFINITY;
    onChange();
  }

  /** @param {Item} item */
  async function readHistories({ id: of, routes }) {
    readAt = performance.now();
    const { period } = opened;
    const histories = await Promise.all(
      routes.map(async ({ alias }) => {
        const history = await read(`health/${inPath(alias)}/history?period=${period}`).catch(() => undefined);
        return /** @type {const} */ ([alias, history]);
      }),
    );
    // Another one may be open by now, or another period.
    if (id !== of || opened.period !== period) return;
    update({ histories: new Map(histories.filter(([, history]) => history !== undefined)) });
  }

  /** @param {Item} item */
  async function readEvents({ id: of, workload }) {
    if (workload === null) return;
    const answer = await read(`workloads/${inPath(workload.alias)}/events?limit=60`).catch(() => null);
    if (id === of && answer !== null) update({ events: answer.events.toReversed() });
  }

  return {
    get: () => opened,
    update,
    /**
     * To be called at each drawing: reads what is missing or old.
     * @param {Item | undefined} item the one that is open
     */
    show(item) {
      if (item === undefined) {
        id = "";
        return;
      }
      if (item.id !== id) {
        id = item.id;
        known = "";
        opened = { ...closed, period: opened.period };
        readAt = Number.NEGATIVE_INFINITY;
      }
      // A change of its state is an event; most events change nothing else.
      const { workload } = item;
      const now = `${workload?.state} ${workload?.since} ${workload?.pinned_until} ${workload?.woken_at}`;
      if (now !== known) {
        known = now;
        void readEvents(item);
      }
      if (performance.now() - readAt > historyMs) void readHistories(item);
    },
    /** @param {Item} item */
    readEvents: (item) => void readEvents(item),
  };
}
