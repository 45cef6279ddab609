import type { StatusRanges } from "./spec.ts";

/** One question to an upstream. */
export type ProbeTarget =
  | {
      readonly kind: "http";
      /** Origin, such as `http://172.17.0.2:8080`. */
      readonly origin: string;
      readonly path: string;
      /** null = any status line but 502, 503, 504. */
      readonly status: StatusRanges | null;
      /** Host header; null = the origin's. */
      readonly host: string | null;
      /** Default GET. */
      readonly method?: string;
      /** Added to those a probe sends, or instead of them; lower case names, without `host`. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly tlsVerify: boolean;
    }
  /** Accepts, and is still open 50 ms later (a userland port relay accepts before the app listens). */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface ProbeResult {
  readonly ok: boolean;
  /** For people: "200 OK", "connection refused". */
  readonly detail: string;
  /** Nothing could be asked: no valid address, a name that is not known, no socket to be had here. */
  readonly cannot?: boolean;
}

/** Asks once. Never rejects: a refused, silent or aborted probe is `ok: false`. Destroys its socket when done. */
export interface Prober {
  probe(
    target: ProbeTarget,
    options: { readonly patienceMs: number; readonly signal: AbortSignal },
  ): Promise<ProbeResult>;
}
