import type { EngineHealth, Look, Power } from "../../core/provider.ts";
import { isOneOff, serviceOf } from "./compose.ts";
import type { RawContainer, RawRow } from "./raw.ts";
import { portsOf, rowPorts, toSurroundings } from "./surroundings.ts";

const defaultIntervalMs = 30_000;

/** What a look needs besides the container itself. */
export interface LookContext {
  /** The id, or its first 12 digits, of the container nodoff runs in; null = it runs on the host. */
  readonly ownId: string | null;
  /** Whether its compose service has this one container only. */
  readonly alone: boolean;
  /** It was frozen until less than `ms` ago, so its checks missed. */
  readonly resumedWithin: (id: string, ms: number) => boolean;
}

export function toLook(raw: RawContainer, context: LookContext): Look {
  const power = toPower(raw);
  const labels = raw.Config?.Labels ?? {};
  const startedAt = toTime(raw.State?.StartedAt);
  const createdAt = toTime(raw.Created);
  const exitCode = raw.State?.ExitCode ?? null;
  const never = startedAt === null && exitCode === 0;
  return {
    refs: toRefs(raw.Name ?? raw.Id, context.alone ? serviceOf(labels) : undefined),
    id: raw.Id,
    power,
    ...(createdAt !== null && { createdAt }),
    startedAt,
    exitCode: power === "running" || power === "paused" || never ? null : exitCode,
    error: toError(raw),
    health: toHealth(raw, power, context),
    labels,
    refusal: refusalOf(raw, context.ownId),
    warnings: raw.HostConfig?.RestartPolicy?.Name === "always" ? [alwaysWarning] : [],
    ...toSurroundings(labels, raw.HostConfig?.NetworkMode, portsOf(raw)),
  };
}

const alwaysWarning =
  "restart: always starts it again whenever the engine restarts, however it was put to sleep; use unless-stopped";

/** For a container whose inspection hangs or fails: better a rough look than "gone". */
export function rowToLook(row: RawRow, context: LookContext): Look {
  const power = rowPower(row);
  const labels = row.Labels ?? {};
  return {
    refs: toRefs(rowName(row), context.alone ? serviceOf(labels) : undefined),
    id: row.Id,
    power,
    startedAt: null,
    exitCode: power === "stopped" ? rowExitCode(row) : null,
    error: null,
    health: rowHealth(row),
    labels,
    refusal: refusalOf({ Id: row.Id, Config: { Labels: labels } }, context.ownId),
    warnings: [],
    ...toSurroundings(labels, row.HostConfig?.NetworkMode, rowPorts(row)),
  };
}

/** Containers of links have aliases like `/other/name`; the own name has one slash. */
export function rowName(row: RawRow): string {
  const own = row.Names?.find((name) => name.lastIndexOf("/") === 0) ?? row.Names?.[0];
  return own === undefined ? row.Id : own.replace(/^\//, "");
}

export function rowExitCode({ Status = "" }: RawRow): number | null {
  const code = /^Exited \((\d+)\)/.exec(Status)?.[1];
  return code === undefined ? null : Number(code);
}

export function rowPower({ State = "" }: RawRow): Power {
  return State === "running" || State === "paused" || State === "restarting" ? State : "stopped";
}

/** What `(healthy)` and the like in its status say. */
export function rowHealth({ Status = "" }: RawRow): EngineHealth {
  if (Status.includes("(healthy)")) return "healthy";
  if (Status.includes("(unhealthy)")) return "unhealthy";
  return Status.includes("(health: starting)") ? "starting" : "none";
}

export function toPower({ State }: RawContainer): Power {
  if (State?.Paused === true) return "paused";
  if (State?.Restarting === true) return "restarting";
  return State?.Running === true ? "running" : "stopped";
}

function toRefs(name: string, service: string | undefined): readonly string[] {
  const own = name.replace(/^\//, "");
  return service === undefined ? [own] : [own, service];
}

/** Year 1 is the engine's "never". */
function toTime(text: string | undefined): number | null {
  if (text === undefined || text.startsWith("0001-")) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

function toError({ State }: RawContainer): string | null {
  if (State?.Error) return State.Error;
  return State?.OOMKilled === true && State.Running !== true ? "killed: out of memory" : null;
}

/**
 * Stopped and paused containers keep their last health: not a fact about now. After a pause the checks that could not
 * run count as failed, so `unhealthy` is believed only after one more interval.
 */
function toHealth(raw: RawContainer, power: Power, { resumedWithin }: LookContext): EngineHealth {
  const status = raw.State?.Health?.Status;
  if (status === undefined || status === "" || status === "none") return "none";
  if (power !== "running" || (status === "unhealthy" && resumedWithin(raw.Id, intervalMs(raw)))) return "starting";
  return status === "healthy" || status === "unhealthy" ? status : "starting";
}

/** How often its own health check runs. */
export function intervalMs(raw: RawContainer): number {
  const nanoseconds = raw.Config?.Healthcheck?.Interval ?? 0;
  return nanoseconds > 0 ? nanoseconds / 1e6 : defaultIntervalMs;
}

/** Why nodoff keeps its hands off this container; null = it does not. */
export function refusalOf(raw: RawContainer, ownId: string | null): string | null {
  const labels = raw.Config?.Labels;
  if (ownId !== null && raw.Id.startsWith(ownId)) return "it is nodoff itself";
  if (labels?.["com.docker.swarm.task.id"] !== undefined)
    return "it belongs to a Swarm service, which would replace it";
  if (isOneOff(labels)) return "it is a one-off compose run";
  if (raw.HostConfig?.AutoRemove === true) return "it was started with --rm: once stopped it is gone";
  return null;
}
