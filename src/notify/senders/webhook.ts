import { createHmac } from "node:crypto";
import { fillTemplate, inJson, type NotifierSpec, toFields } from "../../core/notices.ts";
import type { Poster } from "../post.ts";
import type { Sender } from "../sender.ts";
import { toTime } from "../text.ts";

/** Posts contract.md's JSON, or what the template makes of it, signed with the secret. */
export function createWebhookSender(spec: NotifierSpec & { readonly type: "webhook" }, poster: Poster): Sender {
  const { url, secret } = spec;
  const templates = { "content-type": "application/json", ...lowered(spec.headers) };
  const isJson = /\bjson\b/i.test(templates["content-type"]);
  return {
    async send(notice, { signal }) {
      const fields = toFields(notice, toTime);
      const escape = isJson ? inJson : (text: string): string => text;
      const body = spec.body === null ? JSON.stringify(fields) : fillTemplate(spec.body, fields, escape);
      const headers = Object.fromEntries(
        Object.entries(templates).map(([name, value]) => [name, fillTemplate(value, fields, inHeader)]),
      );
      const signed = secret === null ? {} : { "x-nodoff-signature": `sha256=${sign(secret, body)}` };
      await poster.post({ url, headers: { ...headers, ...signed }, body, signal });
    },
    close: poster.close,
  };
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function sign(secret: string, body: string): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}

/** A line break would begin another header. */
function inHeader(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\xa0-\xff]/g, "?");
}
