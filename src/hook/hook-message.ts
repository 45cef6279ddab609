import { IncomingMessage } from "node:http";
import { readHeaders } from "./read-headers.ts";
import type { HookHeaders } from "./read-headers.ts";

/**
 * The request class of a server the hook stands in. At `/auth/…` its `headers` are those of `readHeaders`: node:http
 * reads two of them of every request (Host, Expect), and makes an object of all twenty that a browser sends for that,
 * which is a tenth of what a request costs. Everywhere else nothing differs. A class, since node:http takes only that.
 */
export class HookMessage extends IncomingMessage {
  /** Made when first asked for; null at other addresses. */
  known: HookHeaders | null = null;
}

Object.defineProperty(HookMessage.prototype, "headers", {
  get(this: HookMessage) {
    if (this.known !== null) return this.known;
    if (this.url?.startsWith("/auth/") !== true) return Reflect.get(IncomingMessage.prototype, "headers", this);
    this.known = readHeaders(this.rawHeaders);
    return this.known;
  },
  set(this: HookMessage, headers: HookHeaders) {
    Reflect.set(IncomingMessage.prototype, "headers", headers, this);
  },
});
