import type { Door, Site } from "../kit.ts";
import type { NodoffConfig } from "../nodoff.ts";
import type { CaseName } from "./cases.ts";

/** A way to put a proxy in front of nodoff and apps: what the conformance run is run over. */
export interface Stage {
  /** As the table names it: `nginx (compose)`, `Traefik way b`. */
  readonly title: string;
  /** Why it cannot be tried here; false when it can. */
  readonly skip?: string | false;
  /** Cases that make no sense for it at all, and why: they are not run. */
  readonly without?: Partial<Readonly<Record<CaseName, string>>>;
  /**
   * Cases it is known to fall short of, and why. They are run all the same and have to fail: one that passes has to
   * leave this list.
   */
  readonly limits?: Partial<Readonly<Record<CaseName, string>>>;
  /** The proxy goes where nodoff says, which a nodoff that has just begun can only do after its first look. */
  readonly asksWhere?: true;
  /** Called once, before the apps are made. `names` resolves their names as Docker's resolver does in its networks. */
  prepare(options: { readonly names: string }): Promise<PreparedStage>;
}

export interface PreparedStage {
  /** Added to nodoff.yaml. */
  readonly config?: NodoffConfig;
  /**
   * Labels of an app's container, beside nodoff's own. Where given, nodoff finds the apps by their labels and
   * nodoff.yaml names none; else each is a workload of nodoff.yaml.
   */
  readonly labels?: (site: LabelledSite) => Promise<Readonly<Record<string, string>>>;
  /**
   * Starts the proxy. Called three times, each a proxy of its own: as shipped in front of nodoff (`fail: "closed"`), and
   * `closed` and `open` (the kit's fail-open recipe) with a nodoff that goes away at times.
   */
  open(options: StageOptions): Promise<StageDoor>;
}

/** What is known of a site before its container is made. */
export type LabelledSite = Pick<StageSite, "alias" | "host" | "login"> & {
  /** On each label-driven stage: keeps the containers of one run apart (`constraints` of Traefik's Docker provider). */
  readonly run: string;
};

export interface StageOptions {
  readonly hookPort: number;
  readonly fail: "closed" | "open";
  readonly sites: readonly StageSite[];
}

export interface StageSite extends Site {
  /** The proxy asks for name and password (`login` of ../login.ts) before it asks nodoff. */
  readonly login: boolean;
  /** name:port as the proxy reaches the app in a compose network; resolved by `names`. */
  readonly address: string;
  /** host:port of the app's published port: the same whatever the container's address. */
  readonly published: string;
}

export interface StageDoor extends Door {
  /** HTTP/2 over TLS, with a certificate nobody signed; null where the proxy has none. */
  readonly tlsPort: number | null;
  /** A held POST is asked to come again once the app is there (Traefik's Docker provider): its client does so. */
  readonly resends?: boolean;
  /** Resolves once the proxy has noticed that this app sleeps, where it looks for itself (Traefik's Docker provider). */
  asleep?(alias: string): Promise<void>;
}
