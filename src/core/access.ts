/** A request that our own proxy has answered, for the access log. */
export interface AccessEntry {
  /** When it came, wall clock ms. */
  readonly at: number;
  readonly durationMs: number;
  /** By trust; null = its connection was gone already. */
  readonly client: string | null;
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  /** As sent; may be empty. */
  readonly host: string;
  /** Of the answer; 499 = the client left before there was one. */
  readonly status: number;
  /** Sent to the client: of the body; of a tunnel all. */
  readonly bytes: number;
  /** Alias; null = no route was found. */
  readonly route: string | null;
  readonly referer: string | null;
  readonly userAgent: string | null;
}

/** Takes note of requests. Never throws, never waits. */
export interface AccessLog {
  note(entry: AccessEntry): void;
}
