import { parseHostPattern } from "./addresses.ts";
import { createAdopting, hasHost, parseGoDuration, splitWords, toDurationText } from "./adopting.ts";
import type { Adopted, AdoptInput, Adopting } from "./adopting.ts";
import { containerKeys, readAliases } from "./godoxy-aliases.ts";
import type { GodoxyAlias, GodoxyField } from "./godoxy-aliases.ts";
import type { Labels } from "./foreign-door.ts";
import { namePattern } from "./shape.ts";

const trueWords = /^(?:1|t|T|TRUE|true|True)$/;
const falseWords = /^(?:0|f|F|FALSE|false|False)$/;
const signals = /^(?:SIG)?(?:INT|TERM|KILL|QUIT|HUP)$/;

/**
 * Labels of GoDoxy: those about idle sleep, with its defaults (no timeout = never), hosts, ports and health checks. A
 * short alias needs `match_domains` to become a host. null = it has none.
 */
export function adoptGodoxy({ labels, containerName, domains }: AdoptInput): Adopted | null {
  if (!Object.keys(labels).some((key) => key.startsWith("proxy."))) return null;
  const adopting = createAdopting();
  const aliases = readAliases(labels, containerName, adopting);
  if (trueWords.test(labels["proxy.exclude"] ?? "")) {
    adopting.note("proxy.exclude", "leaves it alone");
    return adopting.leave();
  }
  const { hostless } = adoptRoutes(adopting, aliases, domains);
  if (hostless.length > 0 && hostless.length === aliases.size && !hasHost(labels)) {
    const names = hostless.map((alias) => `"${alias}"`).join(", ");
    adopting.note("proxy.aliases", `${names} has no domain: needs nodoff.host, or match_domains of the provider`);
    return adopting.leave();
  }
  for (const alias of hostless) adopting.note("proxy.aliases", `"${alias}" has no domain: it is not a route`);
  if (!adoptIdle(adopting, labels)) return adopting.leave();
  if (labels["proxy.network"] !== undefined)
    adopting.note("proxy.network", "has no counterpart: set `network` of the provider where the wrong address is used");
  return adopting.done();
}

/** Both spellings; the one with `idle_` is the older. */
function find(labels: Labels, name: string): { readonly key: string; readonly text: string } | null {
  for (const key of [`proxy.${name}`, `proxy.idle_${name}`]) {
    const text = labels[key];
    if (text !== undefined && containerKeys.has(key.slice("proxy.".length))) return { key, text: text.trim() };
  }
  return null;
}

/** False: the container is for others to depend on (a negative timeout). */
function adoptIdle(adopting: Adopting, labels: Labels): boolean {
  const { set, wrong, note } = adopting;
  const idle = find(labels, "idle_timeout");
  const idleMs = idle === null || idle.text === "" ? 0 : parseGoDuration(idle.text);
  if (idleMs !== undefined && idleMs < 0) {
    note("proxy.idle_timeout", "is negative: it is started where something depends on it, and nothing else");
    return false;
  }
  if (idleMs === undefined) wrong("proxy.idle_timeout", `"${idle?.text}" is not a duration such as 1h30m`);
  else set("idle_timeout", toDurationText(idleMs), idle?.key ?? "proxy.idle_timeout");
  setDuration(adopting, labels, { name: "wake_timeout", fallback: 180_000 });
  setDuration(adopting, labels, { name: "stop_timeout", fallback: 60_000 });
  setWord(adopting, labels, { name: "stop_method", form: /^(?:stop|pause|kill)$/, what: "stop, pause or kill" });
  setWord(adopting, labels, { name: "stop_signal", form: signals, what: "INT, TERM, KILL, QUIT or HUP" });
  const start = find(labels, "start_endpoint");
  if (start !== null) set("start_endpoint", start.text.replace(/#.*$/, ""), start.key);
  const bare = find(labels, "no_loading_page");
  if (bare !== null && trueWords.test(bare.text)) set("strategy", "hold", bare.key);
  else if (bare !== null && !falseWords.test(bare.text)) wrong(bare.key, `"${bare.text}" is not true or false`);
  adoptDependencies(adopting, find(labels, "depends_on"));
  return true;
}

function setDuration(
  { set, wrong }: Adopting,
  labels: Labels,
  { name, fallback }: { readonly name: string; readonly fallback: number },
): void {
  const found = find(labels, name);
  const ms = found === null ? fallback : parseGoDuration(found.text);
  const key = found?.key ?? `proxy.${name}`;
  if (ms === undefined || ms < 0) wrong(key, `"${found?.text}" is not a duration such as 30s`);
  else set(name, toDurationText(ms === 0 ? fallback : ms), key);
}

function setWord(
  { set, wrong }: Adopting,
  labels: Labels,
  { name, form, what }: { readonly name: string; readonly form: RegExp; readonly what: string },
): void {
  const found = find(labels, name);
  if (found === null || found.text === "") return;
  if (form.test(found.text)) set(name, found.text, found.key);
  else wrong(found.key, `"${found.text}" is not one of ${what}`);
}

const conditions: Readonly<Record<string, string>> = {
  service_started: "started",
  service_healthy: "healthy",
  service_completed_successfully: "completed",
  started: "started",
  healthy: "healthy",
  completed: "completed",
};

/**
 * `redis:service_healthy, postgres`, a YAML list of these, or names between colons (`database:redis`). What it depends
 * on sleeps after it, as there, but not while something else needs it.
 */
function adoptDependencies({ set }: Adopting, found: ReturnType<typeof find>): void {
  const names: string[] = [];
  for (const word of splitWords((found?.text ?? "").replace(/(?<=:)\s+/g, ""))) {
    for (const part of word.split(":")) {
      const condition = conditions[part];
      const last = names.at(-1);
      // The third part says whether to restart it along, which nodoff never does.
      if (part === "" || trueWords.test(part) || falseWords.test(part)) continue;
      if (condition === undefined || last === undefined) names.push(part);
      else names[names.length - 1] = `${last}:${condition}`;
    }
  }
  if (found === null || names.length === 0) return;
  set("depends_on", names.join(","), found.key);
  set("depends_on_sleep", "true", found.key);
}

/** Whose auth or rewriting nodoff's own proxy would leave out. */
const guards = /^(?:middlewares|rules|rulefile|inboundmtlsprofile)(?:\.|$)/;

/** The first alias with a host is the workload's own route, each other one more. Gives those that have none. */
function adoptRoutes(
  adopting: Adopting,
  aliases: ReadonlyMap<string, GodoxyAlias>,
  domains: readonly string[],
): { readonly hostless: readonly string[] } {
  const hostless: string[] = [];
  let isFirst = true;
  for (const [alias, fields] of aliases) {
    const hosts = toHosts(alias, domains);
    if (hosts.length === 0) hostless.push(alias);
    const isOwn = isFirst;
    isFirst = false;
    const name = alias.replace(/[^a-z0-9_-]/g, "-");
    const prefix = isOwn ? "" : `routes.${namePattern.test(name) ? name : `alias-${aliases.size}`}.`;
    if (hosts.length > 0) adopting.set(`${prefix}host`, hosts.join(","), "proxy.aliases");
    // Without a host an alias is no route, but the first one's fields are the container's.
    if (hosts.length > 0 || isOwn) adoptFields(adopting, fields, prefix);
  }
  return { hostless };
}

function toHosts(alias: string, domains: readonly string[]): readonly string[] {
  const isWhole = alias.includes(".");
  const names = isWhole ? [alias] : domains.map((domain) => `${alias}.${domain.replace(/^\./, "")}`);
  return names.flatMap((name) => parseHostPattern(name) ?? []);
}

function adoptFields(adopting: Adopting, fields: GodoxyAlias, prefix: string): void {
  for (const [name, field] of fields) {
    const adopt = readers[name];
    if (adopt !== undefined) adopt(adopting, field, prefix);
    else if (guards.test(name)) {
      adopting.note(field.from, "is not adopted: nodoff's own proxy does not serve it without nodoff.proxy=true");
      adopting.set(`${prefix}proxy`, "false", field.from);
    } else adopting.note(field.from, "is not adopted");
  }
}

type FieldReader = (adopting: Adopting, field: GodoxyField, prefix: string) => void;

const readers: Readonly<Record<string, FieldReader>> = {
  port({ set, wrong }, { value, from }, prefix) {
    const target = value.split(":").at(-1) ?? "";
    if (/^\d+$/.test(target)) set(`${prefix}port`, target, from);
    else wrong(from, `"${value}" is not a port such as 8080`);
  },
  scheme({ note }, { value, from }) {
    if (value !== "http") note(from, `"${value}" is not adopted: needs nodoff.upstream with its address`);
  },
  notlsverify({ set }, { value, from }, prefix) {
    if (trueWords.test(value)) set(`${prefix}tls_verify`, "false", from);
  },
  "homepage.name"({ set }, { value, from }, prefix) {
    if (prefix === "") set("display_name", value, from);
  },
  "healthcheck.disable": setDisabled,
  "healthcheck.disabled": setDisabled,
  "healthcheck.path"({ set }, { value, from }, prefix) {
    set(`${prefix}health.path`, value, from);
    // There anything below 500 is healthy, a login wall as well.
    set(`${prefix}health.status`, "200-499", from);
  },
  "healthcheck.useget"({ set }, { value, from }, prefix) {
    set(`${prefix}health.method`, trueWords.test(value) ? "GET" : "HEAD", from);
  },
  "healthcheck.interval": toDurationReader("interval"),
  "healthcheck.timeout": toDurationReader("timeout"),
  "healthcheck.retries"({ set }, { value, from }, prefix) {
    // 0 is its default: three of its own intervals.
    if (value !== "0") set(`${prefix}health.retries`, Number(value) < 0 ? "-1" : value, from);
  },
};

function setDisabled({ set }: Adopting, { value, from }: GodoxyField, prefix: string): void {
  set(`${prefix}health.disabled`, trueWords.test(value) ? "true" : "false", from);
}

function toDurationReader(key: string): FieldReader {
  return ({ set, wrong }, { value, from }, prefix) => {
    const ms = parseGoDuration(value);
    if (ms === undefined || ms <= 0) wrong(from, `"${value}" is not a duration such as 30s`);
    else set(`${prefix}health.${key}`, toDurationText(ms), from);
  };
}
