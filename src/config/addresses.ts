import { domainToASCII } from "node:url";
import ipaddr from "ipaddr.js";
import { bad, good, readText, show, textReader } from "./readers.ts";
import type { Reader, Reading } from "./readers.ts";
import { leaf } from "./shape.ts";
import type { Network } from "./types.ts";
import { parseListenAddress } from "../net/listen.ts";
import { addressMatcher } from "../net/trust.ts";
import type { ListenAddress } from "../net/listen.ts";

const hostLabel = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

/**
 * A host or host pattern in the form routes are kept in: lower case, no trailing dot, ASCII. undefined for anything
 * else, such as a URL or a host with a port. Underscores are allowed, as Compose names have them.
 */
export function parseHostPattern(text: string): string | undefined {
  const lower = text.trim().toLowerCase().replace(/\.$/, "");
  if (lower === "*") return lower;
  if (lower.startsWith("[") && lower.endsWith("]")) return ipaddr.IPv6.isValid(lower.slice(1, -1)) ? lower : undefined;
  const [, stars = "", name = ""] = /^(\*\*?\.)?([^*]+)$/.exec(lower) ?? [];
  const ascii = isAscii(name) ? name : domainToASCII(name);
  const valid = ascii !== "" && ascii.length <= 253 && ascii.split(".").every((label) => hostLabel.test(label));
  return valid && ascii.split(".").every((label) => label.length <= 63) ? stars + ascii : undefined;
}

function isAscii(text: string): boolean {
  return !/[^\u0020-\u007e]/.test(text);
}

const hostKeywords = { type: "string", pattern: "^(\\*|(\\*\\*?\\.)?[^*/:\\s]+|\\[[0-9A-Fa-f:.]+\\])$|\\$\\{" };

function readHost(value: unknown): Reading<string> {
  const text = readText(value);
  if (!text.ok) return text;
  const host = parseHostPattern(text.value);
  if (host !== undefined) return good(host);
  const inside = /^(?:\w+:\/\/)?([^/:]+)(?::\d+)?(?:\/.*)?$/.exec(text.value)?.[1];
  const better = inside === undefined || inside === text.value ? undefined : parseHostPattern(inside);
  return bad(`${show(value)} is not a host${better === undefined ? "" : ` (did you mean "${better}"?)`}`);
}

/** One host or pattern. */
export function host() {
  return leaf(readHost, hostKeywords);
}

/** `host:` as a list: one host, in a label or from a variable a comma list. */
export function hostShorthand() {
  const read: Reader<readonly string[]> = (value, loose) => {
    const parts = loose && typeof value === "string" ? value.split(",").map((part) => part.trim()) : [value];
    const hosts: string[] = [];
    for (const part of parts.filter((given) => given !== "" || parts.length === 1)) {
      const reading = readHost(part);
      if (!reading.ok) return reading;
      hosts.push(reading.value);
    }
    return good(hosts);
  };
  return leaf(read, hostKeywords);
}

/** The origin `scheme://host:port` of an address without path, query or credentials; undefined for anything else. */
export function parseOrigin(text: string, schemes: readonly string[]): string | undefined {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@\s]+)\/?$/i.exec(text) ?? [];
  const name = scheme.toLowerCase();
  if (!schemes.includes(name)) return undefined;
  // The URL class knows hosts and default ports of http only, so every scheme borrows it.
  const url = URL.parse(`${name === "https" ? "https" : "http"}://${rest}`);
  if (url === null || url.hostname === "" || url.pathname !== "/") return undefined;
  if (name === "http" || name === "https") return `${name}://${url.host}`;
  // Kept even where it is the default port of http, which the URL class drops.
  const port = /:(\d+)$/.exec(rest)?.[1] ?? (name === "h2c" ? "80" : undefined);
  return port === undefined ? undefined : `${name}://${url.hostname}:${port}`;
}

/** Where traffic goes, as an origin with one of these schemes. */
export function origin(schemes: readonly string[]) {
  const read: Reader<string> = (value) => {
    const text = readText(value);
    if (!text.ok) return text;
    const parsed = parseOrigin(text.value, schemes);
    if (parsed !== undefined) return good(parsed);
    const better = parseOrigin(`${schemes[0]}://${text.value}`, schemes);
    const hint = better === undefined ? ` (${schemes.join(", ")}; no path)` : ` (did you mean "${better}"?)`;
    return bad(`${show(value)} is not an address such as ${schemes[0]}://host:port${hint}`);
  };
  return leaf(read, { type: "string", pattern: `^(${schemes.join("|")})://|\\$\\{` });
}

/** A complete URL with one of these schemes. */
export function url(schemes: readonly string[]) {
  const read: Reader<string> = (value) => {
    const text = readText(value);
    if (!text.ok) return text;
    return isUrl(text.value, schemes)
      ? good(text.value)
      : bad(`${show(value)} is not a URL that starts with ${showSchemes(schemes)}`);
  };
  return leaf(read, { type: "string", pattern: `^(${schemes.join("|")}):|\\$\\{` });
}

/** Whether it is a URL of one of these schemes. */
export function isUrl(text: string, schemes: readonly string[]): boolean {
  const parsed = URL.parse(text);
  return parsed !== null && schemes.includes(parsed.protocol.slice(0, -1));
}

const engineSchemes = ["unix", "tcp", "http", "https", "ssh"] as const;

/** What is wrong with the address of a Docker engine, as the end of a sentence about it; null = nothing. */
export function wrongEngineUrl(text: string): string | null {
  const parsed = URL.parse(text);
  const scheme = parsed?.protocol.slice(0, -1) ?? "";
  if (parsed === null || !engineSchemes.some((known) => known === scheme))
    return `is not a URL that starts with ${showSchemes(engineSchemes)}`;
  if (scheme === "unix")
    return text.startsWith("unix:///") ? null : "needs an absolute path, such as unix:///var/run/docker.sock";
  if (parsed.hostname === "") return "names no host";
  return parsed.pathname === "" || parsed.pathname === "/" ? null : "has a path: an engine's address has none";
}

/** Where a Docker engine listens. */
export function engineUrl() {
  const read: Reader<string> = (value) => {
    const text = readText(value);
    if (!text.ok) return text;
    const wrong = wrongEngineUrl(text.value);
    return wrong === null ? text : bad(`${show(value)} ${wrong}`);
  };
  return leaf(read, { type: "string", pattern: `^(${engineSchemes.join("|")}):|\\$\\{` });
}

const adminSchemes = ["http", "https"];

/** Where Caddy's admin API listens: an origin, or `unix:///path` of its socket. */
export function adminAddress() {
  const parse = (given: string): string | undefined =>
    /^unix:\/\/\/[^?#\s]+$/.test(given) ? given : parseOrigin(given, adminSchemes);
  // Caddy itself writes unix//run/caddy.sock.
  const suggest = (given: string): string | undefined =>
    parse(given.startsWith("unix/") ? given.replace(/^unix\/+/, "unix:///") : `http://${given}`);
  return leaf(textReader(parse, "an address such as http://127.0.0.1:2019 or unix:///run/caddy.sock", suggest), {
    type: "string",
    pattern: "^(https?://|unix:///)|\\$\\{",
  });
}

/** As people read them: `https://, http://`. */
export function showSchemes(schemes: readonly string[]): string {
  return schemes.map((scheme) => `${scheme}://`).join(", ");
}

/** An address to listen on. */
export function listenAddress() {
  const read: Reader<ListenAddress> = (value) => {
    const text = String(value);
    const address = parseListenAddress(text);
    if (address !== null) return good(address);
    const hint = parseListenAddress(`:${text}`) === null ? "" : ` (did you mean ":${text}"?)`;
    return bad(`${show(value)} is not an address to listen on${hint}`);
  };
  return leaf(read, { type: "string", pattern: "^(\\[.+\\]|[^:]*):\\d{1,5}$|\\$\\{" });
}

/** A CIDR or a single address as doors understand it; undefined for anything else. */
function parseNetwork(text: string): string | undefined {
  try {
    // The very reading that is used later: what it refuses must not get past here.
    addressMatcher([text]);
    return text;
  } catch {
    return undefined;
  }
}

function readNetwork(value: unknown): Reading<string> {
  const network = typeof value === "string" ? parseNetwork(value) : undefined;
  return network === undefined ? bad(`${show(value)} is not an address or a CIDR such as 10.0.0.0/8`) : good(network);
}

/** A CIDR or address. */
export function network() {
  return leaf(readNetwork, { type: "string" });
}

/** A CIDR, an address, or the name of a group of networks. */
export function trustedNetwork() {
  const read: Reader<Network> = (value) => {
    if (value === "loopback" || value === "container_networks" || value === "private") return good({ group: value });
    const reading = readNetwork(value);
    if (reading.ok) return good({ cidr: reading.value });
    return bad(`${show(value)} is not loopback, container_networks, private, an address or a CIDR`);
  };
  return leaf(read, { type: "string" });
}
