import type { Notice, NotifierSpec } from "../../core/notices.ts";
import type { Poster } from "../post.ts";
import type { Sender } from "../sender.ts";
import { toText } from "../text.ts";

interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Spec<T extends NotifierSpec["type"]> = NotifierSpec & { readonly type: T };

export function createNtfySender(spec: Spec<"ntfy">, poster: Poster): Sender {
  const user = spec.token === null ? {} : { authorization: `Bearer ${spec.token}` };
  return posting(poster, (notice) => {
    const { title, lines, isGood } = toText(notice);
    const headers = { title: inHeader(title), priority: isGood ? "default" : "high", ...user };
    return { url: spec.url, headers, body: lines.length === 0 ? title : lines.join("\n") };
  });
}

export function createGotifySender(spec: Spec<"gotify">, poster: Poster): Sender {
  const url = `${spec.url.replace(/\/+$/, "")}/message`;
  return posting(poster, (notice) => {
    const { title, lines, isGood } = toText(notice);
    const message = lines.length === 0 ? title : lines.join("\n");
    return json(url, { title, message, priority: isGood ? 2 : 6 }, { "x-gotify-key": spec.token });
  });
}

/** Discord takes 2,000 characters. */
const discordLimit = 2_000;

export function createDiscordSender(spec: Spec<"discord">, poster: Poster): Sender {
  return posting(poster, (notice) => {
    const { title, lines } = toText(notice);
    const content = [`**${title}**`, ...lines].join("\n").slice(0, discordLimit);
    // Nothing an app says may call everybody.
    return json(spec.url, { content, allowed_mentions: { parse: [] } });
  });
}

export function createSlackSender(spec: Spec<"slack">, poster: Poster): Sender {
  return posting(poster, (notice) => {
    const { title, lines } = toText(notice);
    return json(spec.url, { text: [`*${inSlack(title)}*`, ...lines.map(inSlack)].join("\n") });
  });
}

function posting(poster: Poster, toPost: (notice: Notice) => Post): Sender {
  return {
    send: (notice, { signal }) => poster.post({ ...toPost(notice), signal }),
    close: poster.close,
  };
}

function json(url: string, body: object, headers: Readonly<Record<string, string>> = {}): Post {
  return { url, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

/** ntfy decodes RFC 2047: headers are ASCII. */
function inHeader(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
}

/** https://api.slack.com/reference/surfaces/formatting: these three, and nothing else. */
function inSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
