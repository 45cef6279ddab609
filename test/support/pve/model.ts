import type { Server } from "node:http";

/** The simulated cluster's own state; tests read and change it directly. */
export interface SimGuest {
  readonly type: "lxc" | "qemu";
  readonly vmid: number;
  node: string;
  name: string;
  tags: string;
  template: boolean;
  lock: string | null;
  pool: string | null;
  /** What `…/config` shows, beyond the fields above. */
  config: Record<string, string | number>;
  power: "stopped" | "starting" | "running" | "paused" | "stopping";
  /** Virtual ms of the last start; null = off. */
  startedAt: number | null;
  /** What it gets when it runs; null = none ever. */
  address: string | null;
  /** From when on it has its address, and its agent answers. */
  addressAt: number;
  agentAt: number;
  /** `off`: not configured. `absent`: configured, but not installed inside. */
  agent: "on" | "off" | "absent";
  ha: SimHa | null;
  /** Behaviour. */
  ignoresShutdown: boolean;
  /** Ends by itself so long after its start. */
  crashAfterMs: number | null;
  startLog: readonly string[];
  /** Bytes per second it sends and receives while it runs. */
  traffic: number;
  /** Since when it is frozen; null = it is not. How long it was, before. */
  pausedAt: number | null;
  pausedMs: number;
  /** Fraction of its CPUs it uses while it runs. */
  load: number;
  timings: Partial<Record<string, number>>;
  /** What the next tasks do instead of ending well, in their order. */
  readonly fates: TaskFate[];
  /** Real HTTP server that listens while the service inside is up. */
  listener: SimListener | null;
  /** Starts carried out since the test began. */
  starts: number;
  /** Ends its work under way: a newer power action overtakes it. */
  generation: number;
}

export interface SimListener {
  readonly host: string;
  readonly port: number;
  server: Server | null;
  /** Requests it answered. */
  requests: number;
}

export interface SimHa {
  requested: "started" | "stopped" | "disabled" | "ignored";
  state: string;
  /** Where the next start takes it; null = stays. */
  placement: string | null;
}

/** `ok_but_stopped`: says OK, does nothing. `never`: does not end. `died`: its worker is gone. `vanished`: 400 at once. */
export type TaskFate =
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "warnings"; readonly count: number }
  | { readonly kind: "ok_but_stopped" | "never" | "died" | "vanished" }
  /** The last line was not written yet at the first look. */
  | { readonly kind: "late_line" }
  | { readonly kind: "slow_lock"; readonly ms: number };

export interface SimTask {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  /** With the token, as the UPID has it. */
  readonly user: string;
  readonly pid: number;
  readonly pstart: number;
  readonly startedS: number;
  endedS: number | null;
  exit: string | null;
  readonly log: string[];
  vanished: boolean;
  /** Answers `unexpected status` so often before the truth. */
  lateLooks: number;
  aborted: boolean;
  /** Wakes whoever sleeps in it. */
  abort: () => void;
}

export interface SimNode {
  readonly name: string;
  /** Wall virtual ms since it is down; null = up. */
  downAt: number | null;
  /** How others notice: at once (595), or after 30 s (596). */
  downAs: "refused" | "silent";
  /** pvestatd says nothing new. */
  frozen: boolean;
  /** Its clock against the test's. */
  skewMs: number;
}

/** What pvestatd last told of a guest. */
export interface Snapshot {
  readonly at: number;
  readonly status: "running" | "stopped";
  readonly uptime: number;
  readonly cpu: number;
  readonly netin: number;
  readonly netout: number;
}

/** A refusal as pvedaemon words it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;
  constructor(status: number, message: string, errors?: Readonly<Record<string, string>>) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

/** What a task's worker dies of. */
export class TaskError extends Error {
  override readonly name = "TaskError";
}
