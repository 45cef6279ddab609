import { isIP } from "node:net";
import { parseUpstream } from "../core/route-context.ts";
import type { Subject } from "../core/signal.ts";

/** Host and port, written in one way. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Both, for comparing. */
  readonly text: string;
}

/** Where a proxy may know a workload to be. */
export interface KnownPlaces {
  /** Where it answers. */
  readonly origins: readonly Place[];
  /** Its names, as networks of containers resolve them. */
  readonly names: readonly Place[];
}

/** Lower case, IPv4 wherever it is IPv4, no brackets; all names of this machine are one. */
export function canonicalHost(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/^::ffff:(?=\d+\.)/, "")
    .replace(/%.*$/, "")
    .replace(/\.$/, "");
  return plain === "" || plain === "localhost" || plain === "::1" ? "127.0.0.1" : plain;
}

function place(host: string, port: number): Place {
  const plain = canonicalHost(host);
  return { host: plain, port, text: `${plain} ${port}` };
}

/** A dial address as Caddy writes it: `app:80`, `[::1]:80`, `:80`, `tcp/app:80`. null = it has no port (`unix//…`). */
export function toPlace(address: string): Place | null {
  const [, host = "", port = ""] = /^(?:tcp[46]?\/)?(.*):(\d{1,5})$/.exec(address) ?? [];
  return port === "" || host.includes("/") ? null : place(host, Number(port));
}

/**
 * Every place by which a proxy may know it: its origins, and its name in its engine's networks with the ports it
 * serves by. The proxy may say `blog-web:80` where nodoff knows an address that changes with each start.
 */
export function placesOf(subject: Subject): KnownPlaces {
  const origins = subject.origins().flatMap((origin) => {
    const to = parseUpstream(origin);
    return to === null ? [] : place(to.host, to.port);
  });
  const { kind, ref } = subject.spec;
  // `project/service` answers to the service's name in its project's networks.
  const names = kind === "container" || kind === "service" ? new Set([ref, ref.slice(ref.indexOf("/") + 1)]) : [];
  const ports = new Set([...origins.map(({ port }) => port), ...(subject.ports() ?? [])]);
  return { origins, names: [...names].flatMap((name) => [...ports].map((port) => place(name, port))) };
}

/** Address of an `address:port` pair, as `OpenConnection.peer` has it. */
export function hostOf(peer: string): string {
  return canonicalHost(peer.slice(0, peer.lastIndexOf(":")));
}

export function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}
