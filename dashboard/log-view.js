import { inPath } from "./api.js";
import { follow } from "./stream.js";

const mostLines = 2_000;

/**
 * `<nd-log alias="blog">`: follows the log. Lines become text nodes and nothing else: markup a service writes is shown
 * and never run. Terminal codes are left out by the API already.
 */
class LogView extends HTMLElement {
  static observedAttributes = ["alias", "paused", "wrap"];
  #stop = new AbortController();
  #lines = document.createElement("pre");
  #status = document.createElement("p");
  /** @type {string[]} */
  #waiting = [];
  #drawing = 0;

  connectedCallback() {
    this.#lines.tabIndex = 0;
    this.#lines.setAttribute("role", "log");
    this.#lines.setAttribute("aria-label", "Log");
    this.#lines.setAttribute("aria-live", "off");
    this.#status.className = "hint";
    this.replaceChildren(this.#lines, this.#status);
    this.#begin();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} now
   */
  attributeChangedCallback(name, before, now) {
    if (name === "alias" && this.isConnected && before !== now) this.#begin();
    if (name === "paused" && now === null) this.#draw();
  }

  #begin() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#lines.replaceChildren();
    this.#waiting = [];
    this.#say("Waiting for output…");
    const alias = this.getAttribute("alias") ?? "";
    void follow(`workloads/${inPath(alias)}/logs`, {
      signal: this.#stop.signal,
      onMessage: (message) => this.#hear(message),
      onLink: (up) => {
        // A new stream begins with the tail once more.
        if (up) this.#lines.replaceChildren();
        this.#say(up ? "No output yet." : "Not connected. Trying again…");
      },
    });
  }

  /** @param {string} text */
  #say(text) {
    this.#status.textContent = text;
  }

  /** @param {import("./events-reader.js").Message} message */
  #hear({ type, data }) {
    const { line, message } = JSON.parse(data);
    if (type === "problem") return this.#say(String(message));
    this.#say("");
    this.#waiting.push(String(line));
    if (this.#waiting.length > mostLines) this.#waiting.shift();
    if (this.#drawing === 0) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = 0;
    if (this.hasAttribute("paused") || this.#waiting.length === 0) return;
    const box = this.#lines;
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    box.append(...this.#waiting.map((line) => document.createTextNode(`${line}\n`)));
    this.#waiting = [];
    while (box.childNodes.length > mostLines) box.firstChild?.remove();
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  }
}

export function defineLogView() {
  customElements.define("nd-log", LogView);
}
