import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** What tells which container nodoff itself runs in. */
export interface Self {
  readonly hostname: string;
  /** Contents of /proc/self/mountinfo; empty where there is none. */
  readonly mountinfo: string;
}

/** Reads it from this machine. */
export function readSelf(): Self {
  try {
    return { hostname: hostname(), mountinfo: readFileSync("/proc/self/mountinfo", "utf8") };
  } catch {
    return { hostname: hostname(), mountinfo: "" };
  }
}

/** Engines mount these three files from the container's own folder, whose name is the id. */
const ownMount =
  /\/([0-9a-f]{64})\/(?:userdata\/)?(?:hostname|hosts|resolv\.conf) \/etc\/(?:hostname|hosts|resolv\.conf) /;
const shortId = /^[0-9a-f]{12}$/;

/**
 * The id of nodoff's own container, in full or its first 12 digits; null on a host. The mounts come first: a hostname
 * may be set by hand, or be the host's (`network_mode: host`).
 */
export function ownContainerId({ hostname, mountinfo }: Self): string | null {
  return ownMount.exec(mountinfo)?.[1] ?? (shortId.test(hostname) ? hostname : null);
}
