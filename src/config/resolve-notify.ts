import { type NotifierSpec, noticeKinds, unknownPlaceholders } from "../core/notices.ts";
import type { Report } from "./findings.ts";
import type { NoticeKeys } from "./schema.ts";

/** Everybody who is told, in the order of the file. */
export function resolveNotify(entries: Readonly<Record<string, NoticeKeys>>, report: Report): readonly NotifierSpec[] {
  return Object.entries(entries).map(([name, keys]) => {
    if (keys.type === "webhook") checkTemplates(name, keys, report);
    if (keys.type === "smtp") for (const key of ["from", "to"] as const) checkMail(name, key, keys[key], report);
    return toSpec(name, keys);
  });
}

function toSpec(name: string, keys: NoticeKeys): NotifierSpec {
  const common = { name, events: keys.events ?? noticeKinds, url: keys.url };
  switch (keys.type) {
    case "webhook": {
      const { headers = {}, body = null, secret } = keys;
      // `${HOOK_SECRET:-}` that is not set: unsigned.
      return { ...common, type: "webhook", headers, body, secret: secret === "" ? null : (secret ?? null) };
    }
    case "ntfy":
      return { ...common, type: "ntfy", token: keys.token ?? null };
    case "gotify":
      return { ...common, type: "gotify", token: keys.token };
    case "discord":
      return { ...common, type: "discord" };
    case "slack":
      return { ...common, type: "slack" };
    case "smtp":
      return { ...common, type: "smtp", from: keys.from, to: keys.to };
  }
}

function checkTemplates(name: string, keys: NoticeKeys & { readonly type: "webhook" }, report: Report): void {
  const { body = "", headers = {} } = keys;
  for (const wrong of unknownPlaceholders(body)) report([name, "body"], wrong);
  for (const [header, value] of Object.entries(headers)) {
    for (const wrong of unknownPlaceholders(value)) report([name, "headers", header], wrong);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header) || /[\r\n\0]/.test(value))
      report([name, "headers", header], "is not a header that can be sent");
  }
}

function checkMail(name: string, key: "from" | "to", given: string | readonly string[], report: Report): void {
  const addresses = typeof given === "string" ? [given] : given;
  if (addresses.length === 0) report([name, key], "must not be empty");
  for (const address of addresses)
    if (!/^[^@\r\n]+@[^@\r\n]+$/.test(address)) report([name, key], `"${address}" is not a mail address`);
}
