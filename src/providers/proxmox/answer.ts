import { kindOfText, PveError } from "./pve-error.ts";
import type { WireAnswer } from "./transport.ts";

/** Who asked where, for messages. */
export interface Asked {
  readonly origin: string;
  /** `POST /nodes/pve1/lxc/100/status/start`. */
  readonly call: string;
  /** `token nodoff@pve!wake` or `user nodoff@pve`. */
  readonly who: string;
}

/** The `data` of an answer. Throws PveError for everything else, a proxy's page instead of JSON included. */
export function readAnswer(answer: WireAnswer, asked: Asked): unknown {
  const { status, text } = answer;
  const json = parseJson(text);
  const body = typeof json === "object" && json !== null ? (json as Readonly<Record<string, unknown>>) : undefined;
  if (status === 200) {
    if (body !== undefined && "data" in body) return body["data"];
    if (text.startsWith("{")) throw new PveError("broken", `${asked.origin} sent half an answer to ${asked.call}`);
    throw alien(answer, asked);
  }
  const words = toWords(answer, body);
  const details = { status, errors: toErrors(body?.["errors"]) };
  if (status === 401) throw new PveError("auth", refused(words, asked), details);
  if (status === 595 || status === 596) {
    throw new PveError("gateway", `${nodeOf(asked.call)} does not answer the node that was asked (${words})`, details);
  }
  if (status >= 502 && status <= 504) {
    throw new PveError(
      "gateway",
      `${asked.origin} answered ${status} to ${asked.call}: what is behind it is away`,
      details,
    );
  }
  // Proxmox VE answers with JSON, but for a path it does not have, where the reason says so.
  if (body === undefined && status !== 501) throw alien(answer, asked);
  if (status === 403) throw new PveError("permission", lacking(words, asked), details);
  if (status === 400) throw new PveError("parameter", parameterText(words, details.errors), details);
  throw new PveError(kindOfText(words), words, details);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body's `message` where there is one (recent versions), else the reason phrase. */
function toWords({ status, reason }: WireAnswer, body: Readonly<Record<string, unknown>> | undefined): string {
  const message = body?.["message"];
  const words = typeof message === "string" && message.trim() !== "" ? message.trim() : reason.trim();
  return words === "" ? `status ${status}` : words;
}

function toErrors(errors: unknown): Readonly<Record<string, string>> {
  if (typeof errors !== "object" || errors === null) return {};
  return Object.fromEntries(Object.entries(errors).map(([name, text]) => [name, String(text).trim()]));
}

function parameterText(words: string, errors: Readonly<Record<string, string>>): string {
  const list = Object.entries(errors).map(([name, text]) => `${name}: ${text}`);
  return list.length === 0 ? words : `${words} (${list.join("; ")})`;
}

function alien({ status }: WireAnswer, { origin, call }: Asked): PveError {
  const port = new URL(origin).port || "443";
  const hint = port === "8006" ? "" : ` (Proxmox VE listens on port 8006, this is ${port})`;
  return new PveError("alien", `${origin} answered ${status} to ${call} as no Proxmox VE API does${hint}`, { status });
}

function refused(words: string, { origin, who }: Asked): string {
  const mend = who.startsWith("token")
    ? "check token_id (user@realm!name) and token_secret, and that the token was not revoked and has not expired"
    : "check username with its realm (root@pam) and password";
  return `${origin} refuses the ${who} (${words}): ${mend}`;
}

/** `Permission check failed (/vms/100, VM.PowerMgmt)` with the command that grants it. */
function lacking(words: string, { who }: Asked): string {
  const [, path, rights = ""] = /\((\/[^,)]*),\s*([^)]+)\)/.exec(words) ?? [];
  if (path === undefined) return `the ${who} may not do this (${words})`;
  return `the ${who} lacks ${rights.split("|").join(" or ")} on ${path}: ${grantCommand(who, path)}`;
}

/** How to give nodoff its role on `path`. */
export function grantCommand(who: string, path: string): string {
  const name = who.replace(/^\w+ /, "");
  const to = who.startsWith("token") ? `--tokens '${name}'` : `--users '${name}'`;
  return `\`pveum acl modify ${path} ${to} --roles nodoff\` (docs/proxmox.md has the role)`;
}

function nodeOf(call: string): string {
  const node = /\/nodes\/([^/]+)/.exec(call)?.[1];
  return node === undefined ? "a node" : `node ${node}`;
}
