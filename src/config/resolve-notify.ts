import {
  fillTemplate,
  inJson,
  type Notice,
  type NotifierSpec,
  noticeKinds,
  toFields,
  unknownPlaceholders,
} from "../core/notices.ts";
import { isUrl, showSchemes } from "./addresses.ts";
import type { Report } from "./findings.ts";
import type { ReadSecret } from "./resolve-providers.ts";
import type { NoticeKeys } from "./schema.ts";

export interface NotifyDeps {
  readonly readSecret: ReadSecret;
  readonly report: Report;
}

/** Everybody who is told, in the order of the file. */
export function resolveNotify(
  entries: Readonly<Record<string, NoticeKeys>>,
  { readSecret, report }: NotifyDeps,
): readonly NotifierSpec[] {
  return Object.entries(entries).map(([name, keys]) => {
    if (keys.type === "webhook") checkTemplates(name, keys, report);
    if (keys.type === "smtp") for (const key of ["from", "to"] as const) checkMail(name, key, keys[key], report);
    const readEither = createReadEither({ readSecret, report: (path, message) => report([name, ...path], message) });
    return toSpec(name, keys, readEither);
  });
}

/** The value of a key, or what its `*_file` holds; null = neither was given, or it was wrong. */
type ReadEither = (
  key: "url" | "token" | "secret",
  given: { readonly value: string | undefined; readonly file: string | undefined },
  more?: { readonly isRequired?: true; readonly schemes?: readonly string[] },
) => string | null;

function createReadEither({ readSecret, report }: NotifyDeps): ReadEither {
  return (key, { value, file }, { isRequired = false, schemes } = {}) => {
    if (file === undefined) {
      if (value === undefined && isRequired) report([key], `is missing (or give "${key}_file")`);
      return value ?? null;
    }
    const wrong = (message: string): void => report([`${key}_file`], message);
    if (value !== undefined) wrong(`give either "${key}" or "${key}_file"`);
    const text = readSecret(file, wrong);
    if (text === "") wrong(`"${file}" is empty`);
    // What it holds is not shown: it is a secret.
    else if (text !== null && schemes !== undefined && !isUrl(text, schemes))
      wrong(`"${file}" holds no URL that starts with ${showSchemes(schemes)}`);
    return text;
  };
}

function toSpec(name: string, keys: NoticeKeys, readEither: ReadEither): NotifierSpec {
  const schemes = keys.type === "smtp" ? ["smtps", "smtp"] : ["https", "http"];
  const url = readEither("url", { value: keys.url, file: keys.url_file }, { isRequired: true, schemes }) ?? "";
  const common = { name, events: keys.events ?? noticeKinds, url };
  switch (keys.type) {
    case "webhook": {
      const { headers = {}, body = null } = keys;
      const secret = readEither("secret", { value: keys.secret, file: keys.secret_file });
      // `${HOOK_SECRET:-}` that is not set: unsigned.
      return { ...common, type: "webhook", headers, body, secret: secret === "" ? null : secret };
    }
    case "ntfy":
      return { ...common, type: "ntfy", token: readEither("token", { value: keys.token, file: keys.token_file }) };
    case "gotify": {
      const given = { value: keys.token, file: keys.token_file };
      return { ...common, type: "gotify", token: readEither("token", given, { isRequired: true }) ?? "" };
    }
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
  const wrongNames = unknownPlaceholders(body);
  for (const wrong of wrongNames) report([name, "body"], wrong);
  if (body !== "" && wrongNames.length === 0 && isJson(headers) && !isJsonOnceFilled(body))
    report([name, "body"], "is no JSON once it is filled in (a header Content-Type says what else it is)");
  for (const [header, value] of Object.entries(headers)) {
    for (const wrong of unknownPlaceholders(value)) report([name, "headers", header], wrong);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header) || /[\r\n\0]/.test(value))
      report([name, "headers", header], "is not a header that can be sent");
  }
}

function isJson(headers: Readonly<Record<string, string>>): boolean {
  const [, type = "application/json"] =
    Object.entries(headers).find(([header]) => header.toLowerCase() === "content-type") ?? [];
  return /\bjson\b/i.test(type);
}

/** Tried with a notice that has little: what is empty then must not make it invalid. */
function isJsonOnceFilled(body: string): boolean {
  const notice: Notice = { event: "wake_failed", alias: null, at: 0, message: '"', detail: null };
  try {
    JSON.parse(fillTemplate(body, toFields(notice, String), inJson));
    return true;
  } catch {
    return false;
  }
}

function checkMail(name: string, key: "from" | "to", given: string | readonly string[], report: Report): void {
  const addresses = typeof given === "string" ? [given] : given;
  if (addresses.length === 0) report([name, key], "must not be empty");
  for (const address of addresses)
    if (!/^[^@\r\n]+@[^@\r\n]+$/.test(address)) report([name, key], `"${address}" is not a mail address`);
}
