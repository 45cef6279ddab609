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
    /** Interval in nanoseconds; 0 = the engine's default, 30 s. Test begins with `CMD`, `CMD-SHELL` or `NONE`. */
    readonly Healthcheck?: { readonly Interval?: number; readonly Test?: readonly string[] | null } | null;
    /** What runs commands written as text; null = `/bin/sh -c`. */
    readonly Shell?: readonly string[] | null;
  };
  readonly HostConfig?: {
    readonly AutoRemove?: boolean;
    readonly NetworkMode?: string;
    readonly PortBindings?: Readonly<Record<string, readonly RawBinding[] | null>> | null;
    readonly RestartPolicy?: { readonly Name?: string; readonly MaximumRetryCount?: number };
  };
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, RawEndpoint>> | null;
    readonly Ports?: Readonly<Record<string, readonly RawBinding[] | null>> | null;
  };
  /** Of commands run in it now, or created and not yet started. */
  readonly ExecIDs?: readonly string[] | null;
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
  /** Of its first process, as the engine's machine counts; 0 while it does not run. */
  readonly Pid?: number;
  readonly StartedAt?: string;
  readonly Health?: { readonly Status?: string } | null;
}

/** A container's place on a network; the addresses are empty while it is stopped. */
export interface RawEndpoint {
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
  readonly Gateway?: string;
  /** What was asked for when it was attached. */
  readonly IPAMConfig?: { readonly IPv4Address?: string } | null;
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
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly Ports?: readonly { readonly PrivatePort?: number; readonly Type?: string }[] | null;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, RawEndpoint>> | null };
}

/** `GET /exec/{id}/json`. */
export interface RawExec {
  readonly Running?: boolean;
  /** null while it runs. */
  readonly ExitCode?: number | null;
  readonly ProcessConfig?: { readonly entrypoint?: string; readonly arguments?: readonly string[] | null };
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
  readonly memory_stats?: {
    readonly usage?: number;
    readonly stats?: Readonly<Record<string, number>> | null;
  };
}

export interface RawVersion {
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Components?: readonly { readonly Name?: string }[] | null;
}
