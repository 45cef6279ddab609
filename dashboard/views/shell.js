import { html, nothing } from "lit-html";
import { icon } from "./icons.js";

/**
 * @typedef {import("../types.ts").State} State
 * @typedef {import("../types.ts").Theme} Theme
 * @typedef {import("./icons.js").IconName} IconName
 */

/** @type {readonly (readonly [page: string, address: string, title: string, icon: IconName])[]} */
export const pages = [
  ["services", "#/", "Services", "list"],
  ["activity", "#/activity", "Activity", "pulse"],
  ["savings", "#/savings", "Savings", "leaf"],
  ["system", "#/system", "System", "gear"],
];

/** @type {Readonly<Record<Theme, readonly [next: Theme, icon: IconName]>>} */
const themes = { system: ["light", "screen"], light: ["dark", "sun"], dark: ["system", "moon"] };

/** @type {Readonly<Record<State["link"], string>>} */
const links = { connecting: "Connecting", live: "Live", lost: "No connection" };

/**
 * @param {{
 *   readonly state: State,
 *   readonly page: string,
 *   readonly content: unknown,
 *   readonly onTheme: (theme: Theme) => void,
 *   readonly onKeys: () => void,
 * }} about
 */
export function shell({ state, page, content, onTheme, onKeys }) {
  const [next, sign] = themes[state.theme];
  const problems = state.configErrors.length + state.providers.filter(({ connected }) => !connected).length;
  return html`<a class="skip" href="#main" @click=${toMain}>To the content</a>
    <header class="top">
      <a class="brand" href="#/" aria-label="nodoff, all services">${brand}<span>nodoff</span></a>
      <nav aria-label="Pages">
        ${pages.map(
          ([name, address, title, each]) =>
            html`<a href=${address} aria-current=${name === page ? "page" : "false"}>
              ${icon(each)}<span>${title}</span>
              ${name === "system" && problems > 0 ? html`<span class="badge">${problems}<span class="visually-hidden"> problems</span></span>` : nothing}
            </a>`,
        )}
      </nav>
      <span class="link is-${state.link}" role="status"
        ><span class="lamp"></span><span class="word">${links[state.link]}</span></span
      >
      <button
        type="button"
        class="button bare"
        aria-label="Theme: ${state.theme}. Change to ${next}"
        title="Theme: ${state.theme}"
        @click=${() => onTheme(next)}
      >
        ${icon(sign)}
      </button>
      <button
        type="button"
        class="button bare keys-button"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts"
        @click=${onKeys}
      >
        ${icon("key")}
      </button>
      ${
        state.person?.via !== "session"
          ? nothing
          : html`<form method="post" action="logout">
              <button
                class="button bare"
                aria-label="Sign out ${state.person.name}"
                title="Sign out ${state.person.name}"
              >
                ${icon("leave")}
              </button>
            </form>`
      }
    </header>
    <main id="main">${content}</main>`;
}

/** The address holds the page, so a link to `#main` would leave it. @param {Event} event */
function toMain(event) {
  event.preventDefault();
  const heading = document.querySelector("main h1");
  if (heading instanceof HTMLElement) heading.focus();
}

const brand = html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="9" />
  <path d="M23.5 18.7A9 9 0 0 1 13.3 8.5a9 9 0 1 0 10.2 10.2z" />
</svg>`;
