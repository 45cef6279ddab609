/**
 * The parts of the Engine API's answers that are read here. Podman and old daemons leave fields out, so all but the
 * identity are optional.
 */
export interface RawContainer {
  readonly Id: string;
  readonly Name?: string;
  readonly Created?: string;
  readonly State?: RawState;
  readonly RestartCount?: number;
  readonly Config?: {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Tty?: boolean;
    /** Name, or a number as text (Podman). */
    readonly StopSignal?: string;
    /** Seconds; -1 = wait for ever. */
    readonly StopTimeout?: number | null;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    /** Nanoseconds; 0 = the engine's default, 30 s. */
    readonly Healthcheck?: { readonly Interval?: number } | null;
  };
  readonly HostConfig?: {
    readonly AutoRemove?: boolean;
    readonly NetworkMode?: string;
    readonly RestartPolicy?: { readonly Name?: string; readonly MaximumRetryCount?: number };
  };
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, RawEndpoint>> | null;
    readonly Ports?: Readonly<Record<string, readonly RawBinding[] | null>> | null;
  };
}

export interface RawState {
  /** In one word: `running`, `exited`, `removing` … */
  readonly Status?: string;
  readonly Running?: boolean;
  readonly Paused?: boolean;
  readonly Restarting?: boolean;
  readonly OOMKilled?: boolean;
  readonly ExitCode?: number;
  readonly Error?: string;
  readonly StartedAt?: string;
  readonly Health?: { readonly Status?: string } | null;
}

/** A container's place on a network; the addresses are empty while it is stopped. */
export interface RawEndpoint {
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
  readonly Gateway?: string;
}

export interface RawBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/** A row of `GET /containers/json`. */
export interface RawRow {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly State?: string;
  /** For people: `Exited (0) 3 minutes ago`. */
  readonly Status?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** A line of `GET /events`. API 1.52 has no other fields that could be read. */
export interface RawEvent {
  readonly Type?: string;
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> | null };
  readonly timeNano?: number;
}

export interface RawStats {
  /** Year 1 while the container does not run. */
  readonly read?: string;
  readonly networks?: Readonly<Record<string, { readonly rx_bytes?: number; readonly tx_bytes?: number }>> | null;
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
}

export interface RawVersion {
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Components?: readonly { readonly Name?: string }[] | null;
}
