import { html, nothing, render } from "lit-html";
import { isPinDuration } from "../format.js";
import { icon } from "./icons.js";

/** @typedef {import("../api.js").Reason} Reason */

/**
 * Shows a question over the page. Escape and a press beside it close it; the focus goes back to where it was.
 * @param {{ readonly title: string, readonly body: unknown, readonly buttons: unknown }} about
 */
function openDialog({ title, body, buttons }) {
  const dialog = theDialog();
  if (dialog === null) return;
  render(
    html`<form method="dialog">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="button bare" aria-label="Close" @click=${closeDialog}>${icon("cross")}</button>
      </header>
      ${body}
      <footer>${buttons}</footer>
    </form>`,
    dialog,
  );
  // What `onclick` returns would cancel the press.
  dialog.onclick = (event) => {
    if (event.target === dialog) closeDialog();
  };
  if (!dialog.open) dialog.showModal();
}

function closeDialog() {
  theDialog()?.close();
}

export const isDialogOpen = () => theDialog()?.open ?? false;

function theDialog() {
  const dialog = document.getElementById("dialog");
  return dialog instanceof HTMLDialogElement ? dialog : null;
}

/** @param {() => void} act */
const thenClose = (act) => () => {
  closeDialog();
  act();
};

const cancel = html`<button type="button" class="button" @click=${closeDialog}>Cancel</button>`;

/**
 * Sleep was refused.
 * @param {{ readonly name: string, readonly reasons: readonly Reason[], readonly onForce: () => void }} about
 */
export function showInUse({ name, reasons, onForce }) {
  openDialog({
    title: `${name} is in use`,
    body: html`<p>It stays awake because:</p>
      ${reasonList(reasons)}
      <p class="hint">Putting it to sleep all the same cuts off whoever uses it.</p>`,
    buttons: html`${cancel}
      <button type="button" class="button danger" @click=${thenClose(onForce)}>Put to sleep anyway</button>`,
  });
}

/** @param {{ readonly name: string, readonly onConfirm: () => void }} about */
export function confirmRestart({ name, onConfirm }) {
  openDialog({
    title: `Restart ${name}?`,
    body: html`<p>It is stopped and started again, in use or not.</p>`,
    buttons: html`${cancel}
      <button type="button" class="button danger" @click=${thenClose(onConfirm)}>Restart</button>`,
  });
}

const durations = /** @type {const} */ ([
  ["30m", "30 min"],
  ["1h", "1 hour"],
  ["2h", "2 hours"],
  ["8h", "8 hours"],
  ["1d", "1 day"],
  ["7d", "1 week"],
]);

/**
 * For how long, and why.
 * @param {{
 *   readonly name: string,
 *   readonly until: string | null,
 *   readonly onPin: (body: { readonly for: string, readonly reason?: string }) => void,
 *   readonly onUnpin: () => void,
 * }} about
 */
export function askPin({ name, until, onPin, onUnpin }) {
  const submit = (/** @type {MouseEvent} */ event) => {
    const form = event.currentTarget instanceof HTMLButtonElement ? event.currentTarget.form : null;
    if (form === null) return;
    const data = new FormData(form);
    const own = textOf(data, "own");
    const chosen = textOf(data, "for") === "own" ? own.replaceAll(" ", "") : textOf(data, "for");
    const field = form.querySelector("input[name=own]");
    if (!(field instanceof HTMLInputElement)) return;
    field.setCustomValidity(isPinDuration(chosen) ? "" : "Such as 90m, 3h or 2d: from a second to 30 days");
    if (!form.reportValidity()) return;
    const reason = textOf(data, "reason");
    closeDialog();
    onPin({ for: chosen, ...(reason === "" ? {} : { reason }) });
  };
  const clear = (/** @type {Event} */ event) => {
    if (!(event.target instanceof HTMLInputElement)) return;
    event.target.setCustomValidity("");
    const own = event.target.form?.querySelector("input[name=for][value=own]");
    if (own instanceof HTMLInputElement) own.checked = true;
  };
  openDialog({
    title: `Keep ${name} awake`,
    body: html`<fieldset class="durations">
        <legend>For how long</legend>
        ${durations.map(
          ([value, text]) =>
            html`<label class="choice"
              ><input type="radio" name="for" value=${value} ?checked=${value === "2h"} /><span>${text}</span></label
            >`,
        )}
        <label class="choice own">
          <input type="radio" name="for" value="own" aria-label="Another time" />
          <span
            ><input
              name="own"
              placeholder="3h30m"
              aria-label="Another time, such as 3h30m"
              autocomplete="off"
              @input=${clear}
          /></span>
        </label>
      </fieldset>
      <label class="field"
        ><span>Reason <small>(lands in the history)</small></span>
        <input name="reason" maxlength="200" autocomplete="off" placeholder="Film night" />
      </label>
      ${
        until === null
          ? nothing
          : html`<p class="hint">It is kept awake for another <nd-time at=${until} form="left"></nd-time>.</p>`
      }`,
    buttons: html`${
        until === null
          ? cancel
          : html`<button type="button" class="button" @click=${thenClose(onUnpin)}>Let it sleep again</button>`
      } <button type="button" class="button primary" @click=${submit}>Keep awake</button>`,
  });
}

/**
 * @param {FormData} data
 * @param {string} name
 */
function textOf(data, name) {
  const value = data.get(name);
  return typeof value === "string" ? value.trim() : "";
}

const keys = /** @type {const} */ ([
  ["/", "Search"],
  ["1 – 4", "Services, Activity, Savings, System"],
  ["↑ ↓ or j k", "Move in the list"],
  ["Home End", "First and last of the list"],
  ["Enter", "Open the service"],
  ["w", "Wake it"],
  ["s", "Put it to sleep"],
  ["p", "Keep it awake"],
  ["Esc", "Back to the list"],
  ["?", "This list"],
]);

/** @param {{ readonly enabled: boolean, readonly onToggle: (enabled: boolean) => void }} about */
export function showKeys({ enabled, onToggle }) {
  const toggle = (/** @type {Event} */ event) =>
    event.target instanceof HTMLInputElement && onToggle(event.target.checked);
  openDialog({
    title: "Keyboard",
    body: html`<dl class="keys">
        ${keys.map(
          ([key, what]) =>
            html`<div>
              <dt><kbd>${key}</kbd></dt>
              <dd>${what}</dd>
            </div>`,
        )}
      </dl>
      <p class="hint">w, s and p act on the service that has the focus, or the one that is open.</p>
      <label class="switch"
        ><input type="checkbox" ?checked=${enabled} @change=${toggle} /> Use shortcuts of a single key</label
      >`,
    buttons: html`<button type="button" class="button" @click=${closeDialog}>Close</button>`,
  });
}

/** @param {readonly Reason[]} reasons */
export function reasonList(reasons) {
  return html`<ul class="reasons">
    ${reasons.map(
      ({ signal, verdict, text }) =>
        html`<li class="is-${verdict}">${icon(verdictIcons[verdict])}<span>${text}</span><code>${signal}</code></li>`,
    )}
  </ul>`;
}

/** @type {Readonly<Record<Reason["verdict"], import("./icons.js").IconName>>} */
const verdictIcons = { in_use: "check", idle_since: "minus", unreadable: "alert", waits: "dots" };
