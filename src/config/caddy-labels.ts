import type { UpstreamSpec } from "../core/spec.ts";
import { parseHostPattern } from "./addresses.ts";
import { isPort, needsHost } from "./foreign-door.ts";
import type { ForeignDoor, ForeignDoors, Labels } from "./foreign-door.ts";

const siteKey = /^caddy(?:_\d+)?$/;
const upstreams = /\{\{\s*upstreams(?:\s+(https?|h2c))?(?:\s+(\d+))?\s*\}\}/;
// A snippet or a named route: no address. (Global options have no value at all.)
const noSite = /^[(&]/;

/** The doors of caddy-docker-proxy's labels: site addresses with the path and port of each `reverse_proxy`. */
export function readCaddyLabels(labels: Labels): ForeignDoors {
  const sites = Object.entries(labels).filter(([key, text]) => siteKey.test(key) && text !== "" && !noSite.test(text));
  const parts = sites.map(([key, text]) => readSite(key, text, labels));
  return { doors: parts.flatMap((part) => part.doors), problems: parts.flatMap((part) => part.problems) };
}

function readSite(site: string, text: string, labels: Labels): ForeignDoors {
  const hosts = text.split(/[\s,]+/).filter((part) => part !== "");
  const names = hosts.map((host) => toHost(host));
  const wrong = hosts.find((_, index) => names[index] === undefined);
  if (wrong !== undefined)
    return { doors: [], problems: [{ key: site, message: `"${wrong}" is not a plain host: ${needsHost}` }] };
  const doors: ForeignDoor[] = [];
  for (const [key, value] of Object.entries(labels)) {
    const steps = key.startsWith(`${site}.`)
      ? key
          .slice(site.length + 1)
          .split(".")
          .map(withoutOrder)
      : [];
    if (steps.at(-1) !== "reverse_proxy" || !upstreams.test(value)) continue;
    const path = toPath(value.slice(0, value.search(upstreams)).trim(), key, labels);
    const upstream = toUpstream(value);
    if (path === undefined || upstream === undefined)
      return { doors: [], problems: [{ key, message: `"${value}" cannot be read: ${needsHost}` }] };
    for (const host of names) if (host !== undefined) doors.push({ origin: "caddy", host, path, upstream });
  }
  if (doors.length === 0)
    return { doors: [], problems: [{ key: site, message: `has no reverse_proxy to this container: ${needsHost}` }] };
  return { doors, problems: [] };
}

/** Directives may carry an order: `0_reverse_proxy`. */
function withoutOrder(step: string): string {
  return step.replace(/^\d+_/, "");
}

/** A site address: scheme and port do not matter to us, a placeholder or a path cannot be read. */
function toHost(address: string): string | undefined {
  const [, name = ""] = /^(?:https?:\/\/)?([^/:{}]*)(?::\d+)?$/.exec(address) ?? [];
  if (name === "" && /^(?:https?:\/\/)?:\d+$|^https?:\/\/$/.test(address)) return "*";
  return name === "" ? undefined : parseHostPattern(name);
}

/** The path of the matcher before the upstreams, else of the block around the directive; undefined = not a prefix. */
function toPath(matcher: string, key: string, labels: Labels): string | undefined {
  const block = key.slice(0, key.lastIndexOf("."));
  const around = block.includes(".") ? (labels[block] ?? "") : "";
  const isKnownBlock =
    !block.includes(".") || /^(?:handle|handle_path|route)$/.test(withoutOrder(block.split(".").at(-1) ?? ""));
  if (!isKnownBlock || block.split(".").length > 2 || (matcher !== "" && around !== "")) return undefined;
  const given = matcher === "" ? around : matcher;
  if (given === "" || given === "*" || given === "/*") return "/";
  const [, prefix] = /^(\/[^*?#{}\s]*[^*?#{}\s/])\/?\*$/.exec(given) ?? [];
  return prefix;
}

function toUpstream(value: string): UpstreamSpec | undefined {
  const [, scheme = "http", port] = upstreams.exec(value) ?? [];
  if (scheme !== "http" && scheme !== "https" && scheme !== "h2c") return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  // Caddy's own default for an upstream without a port.
  return { kind: "port", port: Number(port ?? (scheme === "https" ? 443 : 80)), scheme };
}
