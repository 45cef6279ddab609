import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { Look } from "../../core/provider.ts";
import type { CallOptions, Client } from "./client.ts";
import { serviceFilter, serviceOf } from "./compose.ts";
import { deadline, wait } from "../deadline.ts";
import { refusalOf, rowExitCode, rowHealth, rowName, rowPower, rowToLook, toLook, toPower } from "./look.ts";
import type { LookContext } from "./look.ts";
import type { Marks, Turn } from "./marks.ts";
import type { RawContainer, RawRow } from "./raw.ts";

/** One container of a list: `raw` is null where only its row could be had, and holds what events are read with. */
export interface Entry {
  readonly look: Look;
  readonly raw: RawContainer | null;
  /** The row it had when it was inspected; absent when it was inspected without one. */
  readonly row?: number;
}

export interface Containers {
  /** Every container. `known` saves the inspection of those that did not change. */
  entries(options: CallOptions, known?: ReadonlyMap<string, Entry>): Promise<readonly Entry[]>;
  /** Inspects one of the list again; undefined when it is gone. */
  refresh(entry: Entry, options: CallOptions): Promise<Entry | undefined>;
  /** By name or `project/service`; undefined when there is none. */
  find(ref: string, options: CallOptions): Promise<RawContainer | undefined>;
  /** As `find`, but rejects with GONE, or with REFUSED for those nodoff keeps its hands off. */
  mine(ref: string, options: CallOptions): Promise<RawContainer>;
  /** As `find`, but rejects with GONE. */
  need(ref: string, options: CallOptions): Promise<RawContainer>;
  byId(id: string, options: CallOptions): Promise<RawContainer | undefined>;
  look(ref: string, options: CallOptions): Promise<Look | undefined>;
}

export interface ContainersDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly marks: Marks;
  readonly ownId: string | null;
}

/**
 * Docker notes "paused" and "running" a second time when its runtime tells the same, which on a busy machine comes late:
 * a container thawed right after it was frozen is "paused" once more, for moments (moby, EventPaused in
 * daemon/monitor.go; with 20.10 4 of 1,200 looks right after both). So long the opposite of the last turn is looked at
 * again.
 */
const settlesMs = 2_000;
const firstGapMs = 10;
/** A container whose lock the engine holds (a slow start) must not hold up the list of all others. */
const inspectTimeoutMs = 5_000;
const inspectsAtOnce = 8;
/** With more of these in one list it is the engine that fails. */
const maxRough = 8;
/**
 * Being deleted: as good as gone. `rm -f` kills first, so its end would be taken for a stop by hand, and whoever waits
 * for it would be sent into a start that the engine refuses.
 */
const leaving = "removing";
/** What the engine accepts as a name; anything else could change the path of a call. */
const containerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

interface ToEntry {
  readonly full: (raw: RawContainer) => Entry;
  /** Stands in where this one container cannot be inspected, or throws. */
  readonly rough: (error: unknown) => Entry;
}

export function createContainers(deps: ContainersDeps): Containers {
  const { client, ownId, marks } = deps;
  const toContext = (alone: boolean): LookContext => ({ ownId, alone, resumedWithin: marks.resumedWithin });

  const rows = async (options: CallOptions, label?: readonly string[]): Promise<readonly RawRow[]> => {
    const query = { all: true, ...(label === undefined ? {} : { filters: { label: [...label] } }) };
    const found: unknown = await client.call("GET /containers/json", options, ({ docker }, abortSignal) =>
      docker.listContainers({ ...query, abortSignal }),
    );
    if (!Array.isArray(found)) throw unreadable(client, "GET /containers/json");
    return (found as RawRow[]).filter(({ State }) => State !== leaving);
  };
  const fetchOne = async (id: string, options: CallOptions): Promise<RawContainer | undefined> => {
    try {
      const raw: unknown = await client.call("GET /containers/{id}/json", options, ({ docker }, abortSignal) =>
        docker.getContainer(id).inspect({ abortSignal }),
      );
      if (!isContainer(raw)) throw unreadable(client, "GET /containers/{id}/json");
      return raw.State?.Status === leaving ? undefined : raw;
    } catch (error) {
      if (error instanceof NodoffError && error.code === "GONE") return undefined;
      throw error;
    }
  };
  const byId = async (id: string, options: CallOptions): Promise<RawContainer | undefined> => {
    for (let gapMs = firstGapMs; ; gapMs *= 2) {
      const raw = await fetchOne(id, options);
      if (raw === undefined || !isEcho(raw, marks.turnedWithin(raw.Id, settlesMs))) return raw;
      // Too late for another: the next call says so.
      await wait(deps.clock, gapMs, options.signal).catch(() => undefined);
    }
  };
  const find = async (ref: string, options: CallOptions): Promise<RawContainer | undefined> => {
    const label = serviceFilter(ref);
    if (label !== undefined) {
      const [row, ...more] = members(await rows(options, label));
      // One of several would be a guess: a scaled service has no container of its own.
      return row === undefined || more.length > 0 ? undefined : byId(row.Id, options);
    }
    if (!containerName.test(ref)) return undefined;
    const raw = await byId(ref, options);
    // The engine also finds a container by the first digits of its id.
    return raw?.Name === undefined || raw.Name === ref || raw.Name === `/${ref}` ? raw : undefined;
  };
  const need = async (ref: string, options: CallOptions): Promise<RawContainer> => {
    const raw = await find(ref, options);
    if (raw === undefined) throw new NodoffError("GONE", `the engine has no container ${ref}`);
    return raw;
  };
  /** undefined: gone. */
  const inspect = async (id: string, options: CallOptions, toEntry: ToEntry): Promise<Entry | undefined> => {
    const { signal, end } = deadline(deps.clock, inspectTimeoutMs, options.signal);
    try {
      const raw = await byId(id, { ...options, signal });
      return raw && toEntry.full(raw);
    } catch (error) {
      const isSlow = signal.aborted && !options.signal.aborted;
      if (!isSlow && !(error instanceof NodoffError && error.code === "ENGINE_ERROR")) throw error;
      return toEntry.rough(error);
    } finally {
      end();
    }
  };
  return {
    find,
    need,
    byId,
    async mine(ref, options) {
      const raw = await need(ref, options);
      const refusal = refusalOf(raw, ownId);
      if (refusal !== null) throw new NodoffError("REFUSED", `nodoff does not touch ${ref}: ${refusal}`);
      return raw;
    },
    async look(ref, options) {
      const raw = await find(ref, options);
      if (raw === undefined) return undefined;
      const service = serviceOf(raw.Config?.Labels);
      const label = service === undefined ? undefined : serviceFilter(service);
      const alone = label !== undefined && members(await rows(options, label)).length === 1;
      return toLook(raw, toContext(alone));
    },
    refresh: (entry, options) =>
      inspect(entry.look.id, options, {
        full: (raw) => ({ raw: toKept(raw), look: toLook(raw, toContext(entry.look.refs.length > 1)) }),
        rough: () => entry,
      }),
    async entries(options, known = new Map()) {
      const all = await rows(options);
      const sizes = new Map<string, number>();
      for (const { Labels } of all) {
        const service = serviceOf(Labels);
        if (service !== undefined) sizes.set(service, (sizes.get(service) ?? 0) + 1);
      }
      let failed = 0;
      const found = await inSlots(all, (row) => {
        const context = toContext(sizes.get(serviceOf(row.Labels) ?? "") === 1);
        const before = known.get(row.Id);
        if (before !== undefined && isUnchanged(before, row, context)) return Promise.resolve(before);
        return inspect(row.Id, options, {
          full: (raw) => ({ raw: toKept(raw), look: toLook(raw, context), row: markOf(row) }),
          rough(error) {
            if (++failed > maxRough) throw error;
            return { raw: null, look: rowToLook(row, context) };
          },
        });
      });
      return found.filter((entry) => entry !== undefined);
    },
  };
}

/** The containers of a service, without one-off runs. */
function members(rows: readonly RawRow[]): readonly RawRow[] {
  return rows.filter(({ Labels }) => serviceOf(Labels) !== undefined);
}

/**
 * What runs is the same as long as its addresses, ports and health are: with 10,000 of them, inspecting each once a minute
 * would take 8 % of a core. Restarts are told by events; missed ones mostly change an address.
 */
function isUnchanged({ look, raw, row: mark }: Entry, row: RawRow, context: LookContext): boolean {
  if (raw === null || look.refs.length > 1 !== (context.alone && serviceOf(row.Labels) !== undefined)) return false;
  // Right after a pause a look believes less than the row says.
  if (look.power === "running") return mark === markOf(row) && look.health === rowHealth(row);
  return (
    look.power === "stopped" &&
    rowPower(row) === "stopped" &&
    look.exitCode === rowExitCode(row) &&
    look.refs[0] === rowName(row)
  );
}

/** A number for everything a row says, but for how long it is up. */
function markOf({ State, Names, Status = "", Ports, NetworkSettings }: RawRow): number {
  const networks = Object.entries(NetworkSettings?.Networks ?? {}).map(([name, { IPAddress, GlobalIPv6Address }]) => [
    name,
    IPAddress,
    GlobalIPv6Address,
  ]);
  const text = JSON.stringify([State, Names, /\(.*\)/.exec(Status)?.[0], Ports, networks]);
  let mark = 5_381;
  for (let at = 0; at < text.length; at++) mark = (Math.imul(mark, 33) ^ text.charCodeAt(at)) | 0;
  return mark;
}

/** An inspection is several kilobytes: what no event is read with is let go. */
function toKept({ Id, RestartCount, Config, HostConfig }: RawContainer): RawContainer {
  const { StopSignal, Healthcheck } = Config ?? {};
  const { RestartPolicy } = HostConfig ?? {};
  return {
    Id,
    ...(RestartCount !== undefined && { RestartCount }),
    Config: {
      ...(StopSignal !== undefined && { StopSignal }),
      ...(Healthcheck?.Interval !== undefined && { Healthcheck: { Interval: Healthcheck.Interval } }),
    },
    ...(RestartPolicy !== undefined && { HostConfig: { RestartPolicy } }),
  };
}

function isEcho(raw: RawContainer, turned: Turn | undefined): boolean {
  const power = toPower(raw);
  return (power === "paused" && turned === "running") || (power === "running" && turned === "paused");
}

function isContainer(answer: unknown): answer is RawContainer {
  return typeof answer === "object" && answer !== null && "Id" in answer && typeof answer.Id === "string";
}

function unreadable(client: Client, call: string): NodoffError {
  return new NodoffError("PROVIDER_UNAVAILABLE", `${client.endpoint.shown} gave no readable answer to ${call}`);
}

/** Maps with a bounded number under way. */
async function inSlots<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await run(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inspectsAtOnce, items.length) }, work));
  return results;
}
