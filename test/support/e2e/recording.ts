/** One client request through a real Traefik and what the hook was sent for it. Texts are latin1, byte for byte. */
export interface RecordedCall {
  readonly name: string;
  /** What the client sent to Traefik. */
  readonly client: string;
  /** What Traefik sent to the hook. */
  readonly hook: string;
}

/** A file of test/fixtures/traefik. */
export interface Recording {
  /** As `traefik version` says. */
  readonly traefik: string;
  /** Which middleware was asked. */
  readonly middleware: string;
  readonly calls: readonly RecordedCall[];
}
