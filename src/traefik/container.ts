export type Labels = Readonly<Record<string, string>>;

/** A container whose Traefik labels nodoff speaks for. */
export interface TraefikContainer {
  readonly name: string;
  readonly labels: Labels;
  /** TCP ports its image or definition names. */
  readonly ports: readonly number[];
  /** nodoff may put it to sleep: its routers ask first. */
  readonly sleeps: boolean;
  /** The port nodoff's own configuration names, for a service that names none. */
  readonly port: number | null;
  /** The address nodoff's own configuration names; it counts for services without one of their own. */
  readonly url: string | null;
}

/** Something of a container's labels that is left out, or better said otherwise. */
export interface TraefikProblem {
  readonly container: string;
  readonly key: string;
  readonly message: string;
}
