import { ApiError, inPath, send } from "./api.js";
import { confirmRestart, showInUse, askPin } from "./views/dialogs.js";
import { note } from "./notes.js";

/**
 * What a person can ask for, with its questions and its answers in words.
 * @param {import("./store.js").Store} store
 */
export function createActions(store) {
  const nameOf = (/** @type {string} */ alias) => store.get().workloads?.get(alias)?.display_name ?? alias;

  /**
   * @param {string} alias
   * @param {string} verb
   * @param {{ readonly body?: object, readonly done: string }} options
   */
  async function ask(alias, verb, { body = {}, done }) {
    try {
      store.put(await send(`workloads/${inPath(alias)}/${verb}`, body));
      note(done);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === "IN_USE") {
        const forced = { body: { ...body, force: true }, done };
        showInUse({ name: nameOf(alias), reasons: error.reasons, onForce: () => void ask(alias, verb, forced) });
      } else note(`${nameOf(alias)}: ${error instanceof Error ? error.message : String(error)}`, { isBad: true });
      return false;
    }
  }

  return {
    /** @param {string} alias */
    wake: (alias) => void ask(alias, "wake", { done: `Waking ${nameOf(alias)}` }),
    /** @param {string} alias */
    sleep: (alias) => void ask(alias, "sleep", { done: `Putting ${nameOf(alias)} to sleep` }),
    /** @param {string} alias */
    pin(alias) {
      const until = store.get().workloads?.get(alias)?.pinned_until ?? null;
      askPin({
        name: nameOf(alias),
        until,
        onPin: (body) => void ask(alias, "pin", { body, done: `${nameOf(alias)} is kept awake for ${body.for}` }),
        onUnpin: () => void ask(alias, "unpin", { done: `${nameOf(alias)} may sleep again` }),
      });
    },
    /** @param {string} alias */
    unpin: (alias) => void ask(alias, "unpin", { done: `${nameOf(alias)} may sleep again` }),
    /** @param {string} alias */
    restart(alias) {
      confirmRestart({
        name: nameOf(alias),
        onConfirm: () => void ask(alias, "restart", { done: `Restarting ${nameOf(alias)}` }),
      });
    },
    /**
     * Checks the health of a route now.
     * @param {string} alias of the route
     */
    async check(alias) {
      try {
        const { status, detail } = await send(`health/${inPath(alias)}/check`);
        note(`${alias}: ${status}${detail === null ? "" : `, ${detail}`}`);
        store.markStale(alias);
      } catch (error) {
        note(`${alias}: ${error instanceof Error ? error.message : String(error)}`, { isBad: true });
      }
    },
  };
}

/** @typedef {ReturnType<typeof createActions>} Actions */
