import type { UpstreamSpec } from "../core/spec.ts";

/** Labels (or environment) of one container. */
export type Labels = Readonly<Record<string, string>>;

/** A door another proxy's labels describe. */
export interface ForeignDoor {
  /** Whose labels said so. */
  readonly origin: "traefik" | "caddy" | "virtual_host";
  readonly host: string;
  /** Prefix; `/` = all. */
  readonly path: string;
  /** Where that proxy sends it. */
  readonly upstream: UpstreamSpec;
}

/** A label that says something which routes cannot say exactly. */
export interface ForeignProblem {
  readonly key: string;
  readonly message: string;
}

export interface ForeignDoors {
  readonly doors: readonly ForeignDoor[];
  readonly problems: readonly ForeignProblem[];
}

/** The end of every message about a label that cannot be read. */
export const needsHost = "needs nodoff.host";

/** Whether a label's text is a port number. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
